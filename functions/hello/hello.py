"""The smallest function there is: a page."""
from starlette.responses import HTMLResponse

handler_run_config = {"is_return_serialized": True}


async def handle(request):
    return HTMLResponse("<h1>Hello from Berth</h1>\n")
