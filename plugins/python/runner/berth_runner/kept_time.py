"""Whether a module has kept the time at which it was imported, in a variable or in a class."""
import sys
import time

from .surroundings import contents

NEAR_S = 60  # a time of day this close to now is taken for one that was kept
_UNITS = (1, 1e3, 1e6, 1e9)
_HARMLESS = {"numpy.f2py.rules"}  # for a comment in what it writes


def counters():
    """Clocks that count from some moment on, for kept_time()."""
    return time.monotonic(), time.perf_counter()


def kept_time(names, since):
    """Where one of these modules, all loaded after counters() gave `since`, holds the time: "module.variable"; None when none
    does. The interpreter's own modules are known to be harmless."""
    is_time = _test(since)
    for name in names:
        if name.partition(".")[0] in sys.stdlib_module_names or name in _HARMLESS:
            continue
        for key, value in contents(sys.modules.get(name)).copy().items():
            if is_time(value):
                return f"{name}.{key}"
            if issubclass(type(value), type) and vars(value).get("__module__") == name:
                for member, held in vars(value).copy().items():
                    if is_time(held):
                        return f"{name}.{key}.{member}"
    return None


def _test(since):
    now = time.time()
    near = [((now - NEAR_S) * unit, (now + NEAR_S) * unit) for unit in _UNITS]
    spans = [(first * unit, last * unit) for first, last in zip(since, counters()) for unit in _UNITS]
    datetime = sys.modules.get("datetime")

    def is_time(value):
        kind = type(value)
        if kind is float or kind is int:
            return any(first < value < last for first, last in near) or any(first <= value <= last for first, last in spans)
        if datetime is None:
            return False
        if kind is datetime.datetime:
            return _is_near(datetime, value)
        if kind is time.struct_time:
            return value.tm_year > 1 and _is_near(datetime, datetime.datetime(*value[:6]))
        return kind is datetime.date and value == datetime.date.today()

    return is_time


def _is_near(datetime, value):
    if value.tzinfo is not None:
        others = (datetime.datetime.now(value.tzinfo),)
    else:
        utc = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        others = (datetime.datetime.now(), utc)
    return any(abs((value - other).total_seconds()) < NEAR_S for other in others)
