"""The process in a Python function's container: dials the host and serves the function's handler."""
import sys

sys.path.insert(0, __file__.rpartition("/")[0] or ".")

from berth_runner.main import main  # noqa: E402 (the path comes first)

sys.path.pop(0)
main()
