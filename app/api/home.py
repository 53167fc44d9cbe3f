"""The front door: a page for people, a list of endpoints for programs."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse

from app import __version__

router = APIRouter(include_in_schema=False)

ENDPOINTS = {
    "work_items": "/api/v1/work-items",
    "stages": "/api/v1/stages",
    "metrics": "/api/v1/metrics",
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
    if prefers_html(request.headers.get("accept", "")):
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


def prefers_html(accept: str) -> bool:
    """Tell whether an Accept header asks for HTML at least as much as for JSON, as browsers do.

    A bare `*/*` is a program's.
    """
    return _quality(accept, "text/html") > 0 and _quality(accept, "text/html") >= _quality(
        accept, "application/json"
    )


def _quality(accept: str, media_type: str) -> float:
    """Return the weight that the header gives exactly this type, 0 when it does not name it."""
    for part in accept.split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name.lower() == media_type:
            weights = [p[2:] for p in parameters if p.lower().startswith("q=")]
            try:
                return float(weights[0]) if weights else 1.0
            except ValueError:
                return 0.0
    return 0.0
