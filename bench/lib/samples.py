"""The functions that the benchmarks call."""
import measure

HELLO = (measure.ROOT / "functions/hello/hello.py").read_text(encoding="utf-8")

NODE_HELLO = 'module.exports = async () => "<h1>Hello from Berth</h1>\\n";\n'

WAITS = '''import asyncio


async def handle(request):
    await asyncio.sleep({seconds})
    return "waited"
'''

WORKS = '''def handle(request):
    total = 0
    for number in range({rounds}):
        total += number * number
    return {{"total": total}}
'''


def waits(seconds):
    """A handler that waits, as one does for a database."""
    return WAITS.format(seconds=seconds)


def works(rounds):
    """A handler that computes; 100,000 rounds are some milliseconds."""
    return WORKS.format(rounds=rounds)
