# POST / {"a": 1} | 200 | text/html; charset=utf-8 | <h1>{'a': 1}</h1>
from starlette.responses import HTMLResponse

handler_run_config = {"is_return_serialized": True}


async def handle(request):
    data = await request.json() if request.method == "POST" else {}
    return HTMLResponse(f"<h1>{data}</h1>")
