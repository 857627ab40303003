"""What widely used libraries import when they are first called: the first request would wait for it."""
from importlib.util import find_spec

_IMAGES = ("Bmp", "Gif", "Jpeg", "Ppm", "Png")  # in this order, which is that in which formats are tried

# Module to what it imports late.
LATE = {
    "anyio": ("anyio._backends._asyncio",),  # what runs the plain handlers of Starlette and FastAPI
    "httpx": ("httpcore",),
    "matplotlib.pyplot": ("matplotlib.backends.backend_agg",),
    "PIL.Image": tuple(f"PIL.{name}ImagePlugin" for name in _IMAGES),
}


def late_modules(names):
    """What modules with these names will import, as far as it is there."""
    return [late for name in LATE if name in names for late in LATE[name] if late not in names and _is_there(late)]


def _is_there(name):
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
