"""Fixtures: a fake host that speaks the host's side of docs/runner-protocol.md with the real runner process."""
import pytest

from fake_host import FakeHost


@pytest.fixture
def host(tmp_path):
    """A fake host. After the test every runner must be gone and must not have left a traceback nobody expected."""
    fake = FakeHost(tmp_path)
    yield fake
    fake.close()
