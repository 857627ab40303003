# GET / | 200 | application/json | [1,2]
from typing import NamedTuple


class Pair(NamedTuple):
    a: int
    b: int


def handle(request):
    return Pair(1, 2)
