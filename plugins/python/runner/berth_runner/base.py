"""What the engines and requests are built on: the C module where the image has it, else the same in Python."""
try:
    from ._accelerator import LoopBase, RequestBase, SlotBase, configure, receive, send_all, serve
except ImportError:
    from .reference import LoopBase, RequestBase, SlotBase, configure, receive, send_all, serve

__all__ = ("LoopBase", "RequestBase", "SlotBase", "configure", "receive", "send_all", "serve")
