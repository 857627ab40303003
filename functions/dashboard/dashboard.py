"""A page that calls the calculating functions from the browser."""
from pathlib import Path

from starlette.responses import HTMLResponse

handler_run_config = {"is_return_serialized": True}

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")


async def handle(request):
    return HTMLResponse(PAGE)
