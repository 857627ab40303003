# GET / | 403 | text/plain; charset=utf-8 | not for you
from starlette.exceptions import HTTPException


async def handle(request):
    raise HTTPException(403, "not for you")
