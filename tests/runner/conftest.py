"""Fixtures: the shell runner with the test as its host."""
import pytest

from shell_host import ShellHost


@pytest.fixture
def host(tmp_path):
    fake = ShellHost(tmp_path)
    yield fake
    fake.close()
