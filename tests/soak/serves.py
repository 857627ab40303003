"""The functions of a soak, by what is done to them."""

import textwrap

PAGE = "a page of an answer " * 20

QUICK = f"""
    PAGE = {PAGE!r}

    async def handle(request):
        return PAGE
"""

ECHOES = """
    async def handle(request):
        return await request.body()
"""

SHELL = """
    #!/bin/sh
    echo from a shell
"""

NODE = """
    module.exports = async () => "from node";
"""

STREAM_LINES = 15

STREAMS = """
    import asyncio
    from starlette.responses import StreamingResponse

    async def lines():
        for number in range(%d):
            yield f"data: {number}\\n\\n"
            await asyncio.sleep(0.15)

    def handle(request):
        return StreamingResponse(lines(), media_type="text/event-stream")
""" % STREAM_LINES

SOCKETS = """
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    async def echo(socket):
        await socket.accept()
        try:
            while True:
                await socket.send_text(await socket.receive_text())
        except WebSocketDisconnect:
            pass

    app = Starlette(routes=[WebSocketRoute("/socket", echo)])
"""

SLOW = """
    import asyncio

    async def handle(request):
        await asyncio.sleep(float(request.query_params.get("s", "0.7")))
        return "slept"
"""

# What fails does so on purpose: that is the good end of a request to it.
FAILS = """
    def handle(request):
        raise ValueError("on purpose")
"""

DIES = """
    import os

    def handle(request):
        os._exit(3)
"""

WORKS = """
    async def handle(request):
        if request.query_params.get("fails") and int(request.headers.get("x-attempt", "0")) < 2:
            raise ValueError("the first attempt fails")
        return b"worked on " + await request.body()
"""

EDITED = """
    async def handle(request):
        return "edition {}"
"""

USUAL = {"concurrency": 4, "idle_timeout": 1, "max_scale": 4, "queue_timeout": "60s", "start_timeout": "120s"}


def edited(edition):
    """The code of the function that is edited."""
    return textwrap.dedent(EDITED).lstrip("\n").format(edition)


def write(berth, node):
    """Registers them all."""
    for name, code, language, settings in (
        ("quick", QUICK, "python", {}),
        ("kept", ECHOES, "python", {}),
        ("victim", QUICK, "python", {}),
        ("frozen", QUICK, "python", {"timeout": "3s"}),
        ("shelly", SHELL, "shell", {}),
        ("streams", STREAMS, "python", {"concurrency": 16}),
        ("sockets", SOCKETS, "python", {"concurrency": 16}),
        ("slow", SLOW, "python", {}),
        ("late", SLOW, "python", {"timeout": "1s"}),
        ("fails", FAILS, "python", {}),
        ("dies", DIES, "python", {"concurrency": 1}),
        ("works", WORKS, "python", {"retry_wait": "50ms", "retries": 30, "result_ttl": "3m", "async_concurrency": 4}),
        ("ticks", QUICK, "python", {"schedule": {"cron": "@every 2s", "name": "ticks"}, "result_ttl": "20s", "retries": 30,
                                    "idle_timeout": 60}),
        ("edited", edited(0), "python", {}),
    ) + ((("node", NODE, "node", {}),) if node else ()):
        berth.write_function(name, code, language, **{**USUAL, **settings})


def names(berth):
    return list(berth.functions)
