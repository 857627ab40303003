"""A Docker engine of its own for a daemon, with the images that it needs."""

import contextlib
import pathlib
import time

from conftest import find_base_image, serve_once
from harness import engine
from harness.own_engine import OwnEngine

ROOT = pathlib.Path(__file__).resolve().parents[2]


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


@contextlib.contextmanager
def own_engine(bin_dir, functions, live_restore=False):
    """The images are those that {name: (code, language)} have on the usual engine, which makes them where they are not there."""
    own = OwnEngine()
    try:
        own.start(live_restore)
        say("copying the images to an engine of its own")
        images = {find_base_image(ROOT), *serve_once(bin_dir, functions)}
        engine.USUAL.copy_images(sorted(images), own)
        yield own
    finally:
        own.discard()
