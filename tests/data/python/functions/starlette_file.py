# GET / | 200 | text/x-python; charset=utf-8 | FileResponse
from starlette.responses import FileResponse


async def handle(request):
    return FileResponse(__file__)
