"""A streamed answer: each line is sent when it is made. /countdown?from=5"""
import asyncio

LIMIT = 60


async def handle(request):
    text = request.query_params.get("from", "5")
    start = min(int(text), LIMIT) if text.isascii() and text.isdigit() else 5
    for number in range(start, 0, -1):
        yield f"{number}\n"
        await asyncio.sleep(1)
    yield "lift-off\n"
