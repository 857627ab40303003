"""Node.js functions whose packages have been loaded before anybody knew which function it would be."""
import pytest

from harness.wait import wait_until

pytestmark = [pytest.mark.network, pytest.mark.limit(900)]

INSTALL_S = 600  # a builder image with npm and compilers, first

# One that takes its time, one that does more than to load. Whether there was a function yet is seen by what was loaded before.
SLOW = """
    const end = performance.now() + 100;
    while (performance.now() < end);
    exports.ahead = !Object.keys(require.cache).some((file) => file.startsWith("/berth/code/"));
"""
BUSY = """
    exports.ahead = !Object.keys(require.cache).some((file) => file.startsWith("/berth/code/"));
    exports.timer = setInterval(() => {}, 1000).unref();
"""
MANIFEST = '{ "dependencies": { "slow": "file:./slow", "busy": "file:./busy" } }'
PACKAGES = {
    "package.json": MANIFEST, "slow/index.js": SLOW, "busy/index.js": BUSY,
    "slow/package.json": '{ "name": "slow", "version": "1.0.0" }', "busy/package.json": '{ "name": "busy", "version": "1.0.0" }',
}
REQUIRES = """
    const busy = require("busy");
    const slow = require("slow");
    const { isProxy } = require("node:util/types");
    module.exports = () => ({ slow: slow.ahead, busy: busy.ahead, token: process.env.TOKEN, proxy: isProxy(process.env) });
"""
IMPORTS = """
    import slow from "slow";
    export default () => ({ slow: slow.ahead, token: process.env.TOKEN });
"""
SETTINGS = {"language": "node", "idle_timeout": 1, "environment": {"TOKEN": "open"}}


@pytest.fixture
def berth(make_berth, node_image):
    berth = make_berth()
    berth.host = {"prewarm": 1, "prewarm_memory": "512Mi"}
    return berth


def with_libraries(berth):
    """The prewarmed instances that have the dependencies of one function alone, and have loaded what they shall."""
    states = {entry["instance"]: entry["to"] for entry in berth.log.entries(event="instance.state")}
    return {each["Labels"]["berth.instance"] for each in berth.containers()
            if states.get(each["Labels"]["berth.instance"]) == "prewarmed" and
            any(mount["Destination"].startswith("/berth/dependencies/") for mount in each["Mounts"])}


def load(berth, name):
    """By it the host knows what there is to be loaded ahead."""
    assert berth.get(f"/{name}").status == 200
    wait_until(lambda: not berth.instances(name), f"{name} to have no instance", 120)


def ask_cold(berth, name):
    """The answer of an instance that was one with libraries a moment ago."""
    ready = wait_until(lambda: with_libraries(berth), "an instance with libraries", 120)
    answer = berth.get(f"/{name}")
    assert answer.headers["X-Served-By"] in ready
    return answer


def test_required_packages_are_loaded_ahead(berth):
    berth.write_function("requires", {"index.js": REQUIRES, **PACKAGES}, **SETTINGS)
    berth.start(timeout=INSTALL_S)
    load(berth, "requires")
    (left,) = wait_until(lambda: berth.log.entries(event="libraries.left"), "the timer to be found", 120)
    assert ask_cold(berth, "requires").json() == {"slow": True, "busy": False, "token": "open", "proxy": False}
    assert (left["module"], left["effect"]) == ("busy", "starts a timer")
    (known,) = berth.log.entries(event="libraries.known")
    assert known["function"] == "requires" and int(known["load_ms"]) >= 100


def test_imported_packages_are_loaded_ahead(berth):
    berth.write_function("imports", {"index.mjs": IMPORTS, **PACKAGES}, **SETTINGS)
    berth.start(timeout=INSTALL_S)
    load(berth, "imports")
    assert ask_cold(berth, "imports").json() == {"slow": True, "token": "open"}
    (known,) = berth.log.entries(event="libraries.known")
    assert known["modules"] == "1" and int(known["load_ms"]) >= 100
