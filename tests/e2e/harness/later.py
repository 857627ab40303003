"""Calls that are done later, as their callers see them."""

import os

from harness.wait import wait_until

# Answers with what it got. ?fails=N: its first N attempts of a call fail with ?status= (500); ?s=: after so many seconds.
WORKER = """
    import asyncio
    from starlette.responses import JSONResponse

    async def handle(request):
        query = request.query_params
        attempt = int(request.headers.get("x-attempt", "0"))
        await asyncio.sleep(float(query.get("s", "0")))
        if "fails" in query and attempt <= int(query["fails"]):
            return JSONResponse({"failed": attempt}, int(query.get("status", "500")))
        body = await request.body()
        headers = {name: value for name, value in request.headers.items()}
        return JSONResponse({"method": request.method, "size": len(body), "body": body[:100].decode("latin-1"),
                             "headers": headers, "query": str(request.url.query), "path": request.scope["raw_path"].decode()},
                            headers={"X-Worker": "yes"})
"""

STATES_OF_END = ("done", "dead", "cancelled")


def accept(berth, target, body=b"", method="POST", **headers):
    """Has a call accepted: /async-function/TARGET; its id. Header names are given with _ for -."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = berth.request(method, f"/async-function/{target}", body, headers)
    assert answer.status == 202, answer
    told = answer.json()
    assert answer.headers["X-Call-Id"] == told["id"]
    assert answer.headers["Location"] == told["location"] == f"/async/{told['id']}"
    return told["id"]


def look(berth, call):
    """What is told of a call."""
    answer = berth.get(f"/async/{call}")
    assert answer.status == 200, answer
    return answer.json()


def wait_state(berth, call, *states, timeout=60):
    """Waits until a call is in one of these states; what is told of it then."""

    def reached():
        told = look(berth, call)
        assert told["state"] in states or told["state"] not in STATES_OF_END, told
        return told if told["state"] in states else None

    return wait_until(reached, f"the call to be {' or '.join(states)}", timeout)


def result(berth, call):
    """The answer of the function to a call that has one."""
    answer = berth.get(f"/async/{call}/result")
    assert answer.status == 200, answer
    return answer


def wait_done(berth, call, timeout=60):
    """Waits until a call is done; what its function answered, as JSON."""
    wait_state(berth, call, "done", timeout=timeout)
    return result(berth, call).json()


# Writes down each call that it gets, with the attempt, in a file that outlives it, then answers after ?s= seconds with
# as many bytes as ?n= says.
DIARY = """
    import asyncio
    import os

    async def handle(request):
        line = f"{request.headers['x-call-id']} {request.headers['x-attempt']}\\n"
        diary = os.open("/data/diary", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.write(diary, line.encode())
        os.close(diary)
        await asyncio.sleep(float(request.query_params.get("s", "0")))
        return b"x" * int(request.query_params.get("n", "2"))
"""


def write_diarist(berth, name="diarist", **settings):
    """Registers a function that writes a diary."""
    settings = {"concurrency": 8, "idle_timeout": 60, "retry_wait": "50ms", **settings}
    berth.write_function(name, DIARY, volumes={"diary": "/data"}, **settings)


def read_diary(berth):
    """What such functions have got: a list of (call, attempt)."""
    path = os.path.join(berth.state_dir, "volumes", "diary", "diary")
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as file:
        return [(call, int(attempt)) for call, attempt in (line.split() for line in file)]
