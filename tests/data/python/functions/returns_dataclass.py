# GET / | 200 | application/json | {"x":1,"when":"2024-02-29"}
import datetime
from dataclasses import dataclass


@dataclass
class Point:
    x: int
    when: datetime.date


def handle(request):
    return Point(1, datetime.date(2024, 2, 29))
