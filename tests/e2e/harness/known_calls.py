"""Async calls of a daemon, as its management API tells of them."""

from harness.wait import wait_until

# Answers 500 until a request to /fix has come to the same instance.
BROKEN_UNTIL_FIXED = """
    fixed = False

    async def handle(request):
        global fixed
        if request.url.path.endswith("/fix"):
            fixed = True
        return ("works", 200) if fixed else ("does not", 500)
"""


def call_of(berth, call):
    """All that is known of a call, by its id or its number."""
    answer = berth.admin("GET", f"/berth/calls/{call}")
    assert answer.status == 200, answer
    return answer.json()


def wait_for(berth, call, *states):
    """What is known of a call, once it is in one of these states."""

    def look():
        told = call_of(berth, call)
        return told if told["state"] in states else None

    return wait_until(look, f"call {call} is {' or '.join(states)}", 30)
