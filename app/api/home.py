"""The front door: a page for people, a list of endpoints for programs."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse

from app import __version__
from app.api.negotiation import HTML, JSON, preferred

router = APIRouter(include_in_schema=False)

ENDPOINTS = {
    "work_items": "/api/v1/work-items",
    "stages": "/api/v1/stages",
    "metrics": "/api/v1/metrics",
    "value_stream_map": "/api/v1/value-stream-map",
    "data_quality": "/api/v1/data-quality",
    "imports": "/api/v1/imports",
    "health": "/api/v1/health",
    "ready": "/ready",
    "prometheus": "/metrics",
    "docs": "/docs",
    "openapi": "/openapi.json",
}
_PAGE = Path(__file__).with_name("home.html").read_text(encoding="utf-8")
_HEADERS = {"Content-Security-Policy": "default-src 'self'", "Vary": "Accept"}


@router.get("/")
async def home(request: Request) -> Response:
    """Give a browser the page, and a client that asks for JSON the list of endpoints."""
    if preferred(request.headers.get("accept", ""), (JSON, HTML)) == HTML:
        return HTMLResponse(_PAGE.replace("{version}", __version__), headers=_HEADERS)
    body = {
        "service": "vsm-service",
        "status": "running",
        "version": __version__,
        "endpoints": ENDPOINTS,
    }
    return JSONResponse(body, headers={"Vary": "Accept"})


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Show the API's documentation; its files come from this service, not from a CDN."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="VSM Service API",
        swagger_js_url="/docs/static/swagger-ui-bundle.js",
        swagger_css_url="/docs/static/swagger-ui.css",
        swagger_favicon_url="/docs/static/favicon.png",
    )
