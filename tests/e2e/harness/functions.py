"""Functions that several tests serve."""

HELLO = """
    async def handle(request):
        return "hello"
"""

SHELL_HELLO = """
    #!/bin/sh
    echo hello
"""

NODE_HELLO = """
    module.exports = async () => "hello";
"""

FAILING = """
    def handle(request):
        raise ValueError("no")
"""

# Answers after ?s= seconds, or a moment.
SLEEPY = """
    import asyncio

    async def handle(request):
        await asyncio.sleep(float(request.query_params.get("s", "0.05")))
        return "slept"
"""

# Tells everything a test may want to know about the request it got.
MIRROR = """
    import hashlib
    from starlette.responses import JSONResponse

    async def handle(request):
        digest, size = hashlib.sha256(), 0
        async for piece in request.stream():
            digest.update(piece)
            size += len(piece)
        return JSONResponse({
            "method": request.method,
            "path": request.scope["raw_path"].decode("latin-1"),
            "query": request.scope["query_string"].decode("latin-1"),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers.raw],
            "size": size,
            "sha256": digest.hexdigest(),
        })
"""

# A request to /held/hold waits until another one to /held/release comes to the same instance.
HELD = """
    import asyncio
    from starlette.responses import JSONResponse

    waiting = 0
    gate = None

    async def handle(request):
        global waiting, gate
        gate = gate or asyncio.Event()
        action = request.url.path.rsplit("/", 1)[-1]
        if action == "release":
            gate.set()
        elif action == "hold":
            waiting += 1
            await gate.wait()
            waiting -= 1
        return JSONResponse({"action": action, "waiting": waiting})
"""
