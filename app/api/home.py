"""The front door: the dashboard for people, a list of endpoints for programs."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.types import Scope

import app
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
BUILT = Path(app.__file__).with_name("web")
"""The built dashboard; the folder is missing where nobody built it."""

_UNBUILT = Path(__file__).with_name("home.html").read_text(encoding="utf-8")
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
    "Vary": "Accept",
}


@router.get("/")
async def home(request: Request) -> Response:
    """Give a browser the dashboard, and a client that asks for JSON the list of endpoints."""
    if preferred(request.headers.get("accept", ""), (JSON, HTML)) == HTML:
        page = BUILT / "index.html"
        if page.exists():
            return FileResponse(page, headers=_HEADERS)
        return HTMLResponse(_UNBUILT.replace("{version}", __version__), headers=_HEADERS)
    body = {
        "service": "vsm-service",
        "status": "running",
        "version": __version__,
        "endpoints": ENDPOINTS,
    }
    return JSONResponse(body, headers={"Vary": "Accept"})


class Assets(StaticFiles):
    """The dashboard's files: named by their content, so kept for good; packed when there is one."""

    def __init__(self) -> None:
        super().__init__(directory=BUILT / "assets", check_dir=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with the file, or its packed twin where the client takes that."""
        packed = "gzip" in Headers(scope=scope).get("accept-encoding", "") and not path.endswith(
            ".gz"
        )
        file, status = self.lookup_path(f"{path}.gz") if packed else ("", None)
        if status is None:
            return _kept(await super().get_response(path, scope))
        answer: Any = self.file_response(file, status, scope)
        plain = FileResponse(self.lookup_path(path)[0])
        answer.headers["content-type"] = plain.headers["content-type"]
        answer.headers["content-encoding"] = "gzip"
        return _kept(answer)


def _kept(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    answer.headers["Vary"] = "Accept-Encoding"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


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
