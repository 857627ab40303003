# GET / | 200 | text/event-stream; charset=utf-8 | data: 2
from starlette.responses import StreamingResponse


async def events():
    for number in range(3):
        yield f"data: {number}\n\n"


async def handle(request):
    return StreamingResponse(events(), media_type="text/event-stream")
