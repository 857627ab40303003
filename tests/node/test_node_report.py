"""What the answer to POST /.berth/init says of the libraries that a function's own files import while it is loaded."""
import pytest

SLOW = "const end = performance.now() + {ms}; while (performance.now() < end); exports.a = 1;\n"


def names(modules):
    return [each["name"] for each in modules]


@pytest.fixture(autouse=True)
def packages(host):
    """Some packages whose loading takes a moment; `outer` requires `inner`."""
    for name in ("first", "inner", "second"):
        host.install(name, {"index.js": SLOW.format(ms=5), "file.js": SLOW.format(ms=2)})
    host.install("outer", {"index.js": "require('inner');\n" + SLOW.format(ms=5)})
    host.install("only-module", {
        "index.mjs": "const end = performance.now() + 5; while (performance.now() < end); export const a = 1;\n",
    }, exports="./index.mjs")


def test_required_ones_in_order_with_their_cost(host):
    host.write("own.js", "require('second/file');\nexports.late = () => require('second');\n")
    host.write("index.js", """
        require("outer");
        require("./own");
        try { require("absent"); } catch {}
        require("first");
        require("outer");
        module.exports = () => "fine";
    """)
    modules = host.report()
    assert names(modules) == ["outer", "second/file", "first"]
    assert modules[0]["ms"] >= 10 and modules[1]["ms"] >= 2 and modules[2]["ms"] >= 5


def test_what_libraries_load_when_they_are_called(host):
    """As Fastify does with its parts. Where a package lies in another one only the path leads to it."""
    host.install("lazy", {
        "index.js": "exports.make = () => [require('./part'), require('inner'), require('first'), require('./part')];",
        "part.js": "require('second');" + SLOW.format(ms=2),
        "node_modules/inner/index.js": SLOW.format(ms=2),
    })
    host.write("index.js", "const lazy = require('lazy'); lazy.make(); module.exports = () => 'fine';")
    modules = [name for name in names(host.report()) if name != "lazy"]  # which takes no time
    assert modules == ["./node_modules/lazy/part.js", "./node_modules/lazy/node_modules/inner/index.js", "first"]
    host.stop()
    slot = host.start()
    assert names(host.prewarm(slot, modules)["modules"]) == modules
    host.write("index.js", "const { a } = require('first'); const before = Object.keys(require.cache).length;"
                           "require('lazy').make(); module.exports = () => String(Object.keys(require.cache).length - before);")
    host.load(slot, revision="r2", work=None)
    assert slot.ask().body == b"1"


def test_nothing_is_told_unless_it_is_asked_for(host):
    host.write("index.js", "require('first'); module.exports = () => 'fine';")
    assert host.load(host.start()) == {"loaded": True}


def test_builtins_that_take_a_moment(host):
    host.write("index.js", "require('node:repl'); require('fs'); module.exports = () => 'fine';")
    assert names(host.report()) == ["node:repl"]


def test_imports_of_modules(host):
    host.write("index.mjs", "import 'first';\nimport { a } from 'only-module';\nexport default () => String(a);\n")
    modules = host.report("index.mjs", {"imports": ["first", "only-module", "node:http2", "not-installed"]})
    assert names(modules) == ["import first", "import only-module", "node:http2"]
    assert modules[0]["ms"] >= 5 and modules[1]["ms"] >= 5


def test_what_an_imported_library_requires_is_part_of_it(host):
    host.install("lazy", {"index.js": "require('outer'); exports.make = () => require('second');"})
    host.write("index.mjs", "import lazy from 'lazy';\nlazy.make();\nexport default () => 'fine';\n")
    modules = host.report("index.mjs", {"imports": ["lazy"]})
    assert names(modules) == ["import lazy", "second"]
    assert modules[0]["ms"] >= 10


def test_what_modules_wait_for_is_no_cost_of_imports(host):
    host.write("index.mjs", "import 'only-module';\nawait new Promise((resolve) => setTimeout(resolve, 2000));\n"
                            "export default () => 'fine';\n")
    [module] = host.report("index.mjs", {"imports": ["only-module"]})
    assert 5 <= module["ms"] < 2000


def test_cost_of_a_package_is_told_once(host):
    host.write("index.mjs", "import 'first';\nimport 'first/file.js';\nexport default () => 'fine';\n")
    modules = host.report("index.mjs", {"imports": ["first", "first/file.js"]})
    assert names(modules) == ["import first", "import first/file.js"]
    assert modules[0]["ms"] >= 7 > modules[1]["ms"]


def test_mixed_kinds(host):
    host.write("own.cjs", "require('second');")
    host.write("index.mjs", "import 'only-module';\nimport './own.cjs';\nexport default () => 'fine';\n")
    assert names(host.report("index.mjs", {"imports": ["only-module"]})) == ["import only-module", "second"]


@pytest.mark.parametrize("change", [
    "process.env.ODD = '1';",
    "process.chdir('/');",
    "globalThis.odd = 1;",
    "globalThis.fetch = () => {};",
    "const { prototype } = require('node:module'), { require: actual } = prototype;"
    " prototype.require = function (name) { return actual.call(this, name); };",
    "const { _extensions } = require('node:module'), js = _extensions['.js']; _extensions['.js'] = (...all) => js(...all);",
    "require('dd-trace');",
    "require('wrapper').trace();",
])
def test_what_comes_after_a_change_is_left_for_the_load(host, change):
    """A library that is loaded before the function is known would not see what the function has done before it."""
    host.install("wrapper", {"index.js": "exports.trace = () => require('dd-trace/init');"})
    host.install("dd-trace", {"init.js": SLOW.format(ms=1), "index.js": SLOW.format(ms=1)})
    host.write("index.js", f"require('first'); {change} require('second'); module.exports = () => 'fine';")
    assert [name for name in names(host.report()) if name != "wrapper"] == ["first"]


def test_change_by_a_module(host):
    host.write("own.mjs", "process.env.ODD = '1';")
    host.write("index.mjs", "import './own.mjs';\nimport 'only-module';\nexport default () => 'fine';\n")
    assert host.report("index.mjs", {"imports": ["only-module"]}) == []


def test_library_that_changes_the_environment(host):
    host.install("setter", {"index.js": "process.env.ODD = '1';\n" + SLOW.format(ms=1)})
    host.write("index.js", "require('first'); require('setter'); require('second'); module.exports = () => 'fine';")
    assert names(host.report()) == ["first"]


def test_what_is_lazily_made_is_no_change(host):
    host.write("index.js", "require('node:module')._extensions['.odd'] = () => {};"
                           "require('first'); new Response(''); new FormData(); require('second');"
                           "module.exports = () => 'fine';")
    assert names(host.report()) == ["first", "second"]


def test_packages_that_the_function_brings_are_its_own(host, tmp_path):
    folder = tmp_path / "code/node_modules/brought"
    folder.mkdir(parents=True)
    (folder / "index.js").write_text("require('node:repl');" + SLOW.format(ms=2))
    host.write("index.js", "require('brought'); module.exports = () => 'fine';")
    assert names(host.report(dependencies=None)) == ["node:repl"]


def test_load_is_the_same_afterwards(host):
    host.write("index.js", "const of = () => require('node:module')._load.toString(); const load = of(); require('first');"
                           "module.exports = () => `${of() === load}${require('second').a}`;")
    slot = host.start()
    host.load(slot, report_modules=True)
    assert slot.ask().body == b"false1"


def test_function_that_cannot_be_loaded_says_so(host):
    host.write("index.js", "require('first'); throw new RangeError('broken');")
    slot = host.start()
    status, body = host.tell(slot, "init", {
        "function": "f", "revision": "r1", "instance": "i", "code": host.code, "work": host.work, "concurrency": 1,
        "timeout_ms": 60000, "runtime": {"file": "index.js"}, "report_modules": True})
    assert status == 500 and "index.js:1 with RangeError: broken" in body["error"]["message"]
