# GET / | 307 | |
from starlette.responses import RedirectResponse


def handle(request):
    return RedirectResponse("/elsewhere")
