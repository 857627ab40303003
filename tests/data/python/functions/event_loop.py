# GET / | 200 | application/json | worked
import asyncio


async def work():
    await asyncio.sleep(0)
    return "worked"


def lambda_handler(event, context):
    return asyncio.get_event_loop().run_until_complete(work())
