"""Calls that are done later, as their callers see them."""

from harness.wait import wait_until

# Answers with what it got. ?fails=N: its first N attempts of a call fail with ?status= (500); ?s=: after so many seconds.
WORKER = """
    import asyncio
    from starlette.responses import JSONResponse

    async def handle(request):
        query = request.query_params
        attempt = int(request.headers.get("x-attempt", "0"))
        await asyncio.sleep(float(query.get("s", "0")))
        if attempt <= int(query.get("fails", "0")):
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
