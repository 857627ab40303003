"""Being told of every module that is loaded, whoever imports it and in whatever way.

What looks for a module that is not there yet is one function of the interpreter's import system, which it looks up by name
each time. That function is replaced for a while, and nothing is left behind: nobody keeps it, as many modules keep
importlib.import_module.
"""
import _frozen_importlib as _system

_NAME = "_find_and_load"


def can_be_watched():
    """Whether this interpreter loads modules by that function."""
    return callable(getattr(_system, _NAME, None))


class Watch:
    """While it is entered, begin(name) is called before a module is looked for and end(name, token), with what begin
    has given, afterwards; on the thread that imports. Some are looked for that are there already."""

    def __init__(self, begin, end):
        self._begin = begin
        self._end = end
        self._usual = None

    def __enter__(self):
        self._usual = getattr(_system, _NAME)
        setattr(_system, _NAME, _as_of_the_system(_watched(self._usual, self._begin, self._end)))
        return self

    def __exit__(self, *_):
        setattr(_system, _NAME, self._usual)


def _watched(usual, begin, end):
    def find_and_load(name, import_):
        token = begin(name)
        try:
            return usual(name, import_)
        finally:
            end(name, token)

    return find_and_load


def _as_of_the_system(function):
    """The interpreter takes the frames of its import system out of tracebacks; this one is to go with them."""
    function.__code__ = function.__code__.replace(co_filename="<frozen importlib._bootstrap>")
    return function
