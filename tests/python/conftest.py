"""Fixtures: a fake host that speaks the host's side of docs/runner-protocol.md with the real runner process."""
import pytest

from fake_host import REFERENCE, FakeHost, accelerated_runner


@pytest.fixture(params=["python", "c"])
def runner(request):
    """The folder of the runner: every test runs with the C module and without."""
    folder = REFERENCE if request.param == "python" else accelerated_runner()
    if folder is None:
        pytest.skip("the runner's C module is not built")
    return folder


@pytest.fixture
def host(tmp_path, runner):
    """A fake host. After the test every runner must be gone and must not have left a traceback nobody expected."""
    fake = FakeHost(tmp_path, runner)
    yield fake
    fake.close()
