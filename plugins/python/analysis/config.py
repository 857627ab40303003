"""handler_run_config: the settings that a file gives for its handler."""
import ast

from .bindings import bindings
from .findings import listed, nearest

_CONFIG = {"is_return_serialized": (bool, "True or False")}


def check_config(findings, source, bound):
    """handler_run_config is a dict that is written out, with keys that are known."""
    if "handler_run_config" not in bound:
        near = [name for name in bound if nearest(name, ["handler_run_config"])]
        for name in near:
            findings.warning_at(source.path, bound[name][-1].node, f"`{name}` has no meaning for the runtime",
                                "did you mean `handler_run_config`?")
        return
    place = bound["handler_run_config"][-1]
    if not isinstance(place.value, ast.Dict):
        findings.error_at(source.path, place.value or place.node,
                          "`handler_run_config` must be a dict that is written out",
                          'write `handler_run_config = {"is_return_serialized": True}`')
        return
    for key, value in zip(place.value.keys, place.value.values):
        _check_config_item(findings, source, key, value)


def _check_config_item(findings, source, key, value):
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        findings.error_at(source.path, key or value, "a key of `handler_run_config` must be a string",
                          f"the keys are {listed(_CONFIG)}")
        return
    if key.value not in _CONFIG:
        near = nearest(key.value, _CONFIG)
        findings.warning_at(source.path, key, f"`handler_run_config` has no key `{key.value}`",
                            f"did you mean `{near}`?" if near else f"the keys are {listed(_CONFIG)}")
        return
    kind, text = _CONFIG[key.value]
    if not isinstance(value, ast.Constant) or not isinstance(value.value, kind):
        findings.error_at(source.path, value, f"`{key.value}` must be {text}", f'write `"{key.value}": True`')


def config_of(source):
    """is_return_serialized as the file says it: True, False, or None when it does not."""
    if source.tree is None:
        return None
    bound, _ = bindings(source.tree)
    place = bound.get("handler_run_config", [None])[-1]
    if place is None or not isinstance(place.value, ast.Dict):
        return None
    for key, value in zip(place.value.keys, place.value.values):
        if isinstance(key, ast.Constant) and key.value == "is_return_serialized" and isinstance(value, ast.Constant):
            return value.value if isinstance(value.value, bool) else None
    return None
