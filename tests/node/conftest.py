"""Fixtures: the Node.js runner with the test as its host."""
import pytest

from node_host import NODE, NodeHost


@pytest.fixture
def host(tmp_path):
    if NODE is None:
        pytest.skip("there is no Node.js on this machine")
    fake = NodeHost(tmp_path)
    yield fake
    fake.close()
