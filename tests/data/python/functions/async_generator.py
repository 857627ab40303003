# GET / | 200 | text/plain; charset=utf-8 | 3 2 1 lift-off
import asyncio


async def handle(request):
    for number in (3, 2, 1):
        yield f"{number} "
        await asyncio.sleep(0.01)
    yield "lift-off"
