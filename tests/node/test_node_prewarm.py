"""POST /.berth/prewarm: libraries that are loaded before it is known for which function, and what they do besides."""
import json

import pytest

# What tells of a function's world: compared with libraries loaded ahead and without.
PROBE = """
const early = require("early");
const { readdirSync, readlinkSync } = require("node:fs");
const kindOf = (fd) => {
  try {
    return readlinkSync("/proc/self/fd/" + fd).replace(/:.*/, "");
  } catch {
    return "";  // what the list is read by
  }
};
module.exports = () => ({
  descriptors: readdirSync("/proc/self/fd").map(kindOf).sort(), resources: process.getActiveResourcesInfo().sort(),
  same: require("early") === early, tags: early.tags, loads: early.loads(), colour: process.env.COLOUR,
  cwd: process.cwd(), entry: process.argv[1], environment: Object.keys(process.env).sort(),
  actual: require("node:util").types.isProxy(process.env),
  listeners: process.eventNames().map(String).sort(), globals: Object.getOwnPropertyNames(globalThis).sort(),
  read: require("node:fs").readFileSync.name, exit: process.exit.name, kept: early.kept === process.env,
});
"""
EARLY = """
globalThis.early = (globalThis.early ?? 0) + 1;
exports.tags = ["first"];
exports.loads = () => globalThis.early;
exports.colour = process.env.COLOUR;
"""


def names(modules):
    return [each["name"] for each in modules]


def effects(body):
    return [(each["module"], each["effect"]) for each in body["effects"]]


def test_libraries_are_there_when_the_function_is_loaded(host):
    host.install("early", {"index.js": EARLY})
    slot = host.start()
    body = host.prewarm(slot, ["node:crypto", "early"], environment={"COLOUR": "blue"})
    assert body["prewarmed"] is True and names(body["modules"]) == ["node:crypto", "early"] and body["effects"] == []
    assert all(each["ms"] >= 0 for each in body["modules"])
    host.write("index.js", 'const early = require("early");\nmodule.exports = () => [early.loads(), early.colour];\n')
    host.load(slot, environment={"COLOUR": "blue"})
    assert json.loads(slot.ask().body) == [1, "blue"]


def test_function_sees_the_same_world_with_and_without(host, tmp_path):
    host.install("early", {"index.js": EARLY})
    seen = []
    for modules in ([], ["early"]):
        slot = host.start()
        if modules:
            assert host.prewarm(slot, modules, environment={"COLOUR": "blue"}, secret_names=["TOKEN"])["effects"] == []
        host.write("index.js", PROBE)
        host.load(slot, environment={"COLOUR": "blue", "TOKEN": "secret"})
        seen.append(json.loads(slot.ask().body))
        assert host.stop() == (0, "")
        (tmp_path / "code/index.js").unlink()
        for each in (tmp_path / "work").iterdir():
            each.unlink()
    assert seen[0] == seen[1]
    assert seen[1]["loads"] == 1 and seen[1]["same"] and not seen[1]["actual"]


def test_both_kinds_of_modules_are_those_of_the_function(host):
    host.install("both", {
        "import.mjs": "globalThis.imported = (globalThis.imported ?? 0) + 1; export const kind = 'module';",
        "require.cjs": "globalThis.required = (globalThis.required ?? 0) + 1; exports.kind = 'commonjs';",
    }, exports={"import": "./import.mjs", "require": "./require.cjs"})
    host.install("@scope/plain", {"index.js": "globalThis.plain = (globalThis.plain ?? 0) + 1; exports.a = 1;"})
    slot = host.start()
    body = host.prewarm(slot, ["both", "import both", "import @scope/plain"])
    assert body["effects"] == [] and names(body["modules"]) == ["both", "import both", "import @scope/plain"]
    host.write("index.mjs", """
        import { createRequire } from "node:module";
        import { kind } from "both";
        import plain from "@scope/plain";
        const required = createRequire(import.meta.url)("both");
        export default () => [kind, required.kind, plain.a, globalThis.imported, globalThis.required, globalThis.plain];
    """)
    host.load(slot, "index.mjs")
    assert json.loads(slot.ask().body) == ["module", "commonjs", 1, 1, 1, 1]


def test_kind_of_the_functions_files_is_found_out_after(host):
    """That the folder was empty when libraries were loaded must not be remembered."""
    host.install("early", {"index.js": EARLY})
    slot = host.start()
    assert host.prewarm(slot, ["early", "import early"])["effects"] == []
    host.write("package.json", '{"type": "module", "imports": {"#own": "./own.js"}}')
    host.write("own.js", "export const own = 'own';")
    host.write("index.js", 'import { own } from "#own";\nimport early from "early";\nexport default () => own + early.loads();\n')
    host.load(slot)
    assert slot.ask().body == b"own1"


@pytest.mark.parametrize("code, effect", [
    ("setInterval(() => {}, 1000);", "starts a timer"),
    ("setInterval(() => {}, 1000).unref();", "starts a timer"),
    ("require('node:net').connect('/nowhere').on('error', () => {});", "opens a connection"),
    ("require('node:dns').lookup('localhost', () => {});", "opens a connection"),
    ("require('node:net').createServer().listen(0).unref();", "listens for connections"),
    ("require('node:dgram').createSocket('udp4').unref();", "opens a connection"),
    ("require('node:child_process').spawn('/bin/true');", "starts a process"),
    ("new (require('node:worker_threads').Worker)('setInterval(() => {}, 1000)', { eval: true }).unref();",
     "starts a thread"),
    ("exports.fd = require('node:fs').openSync(__filename);", "keeps {dependencies}/node_modules/odd/index.js open"),
    ("process.on('SIGUSR2', () => {});", "listens for SIGUSR2"),
    ("process.on('uncaughtException', () => {});", "listens for uncaughtException"),
    ("process.env.ODD = '1';", "sets ODD in the environment"),
    ("delete process.env.COLOUR;", "removes COLOUR from the environment"),
    ("exports.token = process.env.TOKEN;", "reads TOKEN, which is a secret"),
    ("exports.token = 'TOKEN' in process.env;", "reads TOKEN, which is a secret"),
    ("exports.all = { ...process.env };", "reads all of the environment, which has secrets"),
    ("try { require('node:fs').readFileSync('.env'); } catch {}", "looks for the function's files: {work}/.env"),
    ("const { existsSync } = require('fs'); existsSync(process.cwd() + '/config');",
     "looks for the function's files: {work}/config"),
    ("require('node:fs/promises').readdir('.');", "looks for the function's files: {work}"),
    ("try { require('node:fs').statSync(new URL('file:///run/secrets/key')); } catch {}",
     "looks for the function's files: /run/secrets/key"),
    ("process.chdir('/');", "changes the working directory"),
    ("process.exit(3);", "ends the process"),
    ("throw new RangeError('not now');", "cannot be imported ahead: RangeError: not now"),
    ("setTimeout(() => { throw new RangeError('later'); }, 1);", "cannot be imported ahead: RangeError: later"),
    ("Promise.reject(new RangeError('nobody waits'));", "cannot be imported ahead: RangeError: nobody waits"),
])
def test_effect_is_told(host, code, effect):
    host.install("plain", {"index.js": "exports.a = 1;"})
    host.install("odd", {"index.js": code})
    body = host.prewarm(host.start(), ["plain", "odd", "never"], environment={"COLOUR": "blue"}, secret_names=["TOKEN"])
    assert ("odd", effect.format(dependencies=host.dependencies, work=host.work)) in effects(body)
    assert names(body["modules"]) == ["plain"] and {module for module, _ in effects(body)} == {"odd"}


@pytest.mark.parametrize("code", [
    "setTimeout(() => {}, 1);",
    "setImmediate(() => {});",
    "exports.folder = process.cwd();",
    "process.env.COLOUR = 'blue'; exports.all = Object.keys(process.env);",
    "require('node:fs').readFileSync(__filename);",
    "require('node:fs').writeFileSync(require('node:os').tmpdir() + '/odd', '');",
    "process.on('exit', () => {});",
    "globalThis.odd = 1;",
    "require('node:dns'); require('node:zlib').gzipSync('a'); require('node:crypto').randomBytes(8);",
])
def test_what_goes_with_the_process_is_no_effect(host, code):
    host.install("odd", {"index.js": code})
    assert host.prewarm(host.start(), ["odd"], environment={"COLOUR": "blue"})["effects"] == []


def test_missing_and_instrumenting_libraries_are_left(host):
    host.install("dd-trace", {"index.js": "globalThis.traced = true;"})
    missing, instrument = "cannot be imported ahead", "changes what is loaded after it"
    for name, effect in [("missing", missing), ("import missing", missing), ("dd-trace/init", instrument),
                         ("import dd-trace", instrument), ("./node_modules/dd-trace/index.js", instrument)]:
        [(module, told)] = effects(host.prewarm(host.start(), [name]))
        assert module == name and told.startswith(effect)
        host.stop()


def test_what_a_library_has_kept_tells_nothing_afterwards(host):
    host.install("keeper", {"index.js": "exports.env = process.env; exports.read = require('node:fs').readFileSync;"})
    slot = host.start()
    assert host.prewarm(slot, ["keeper"], secret_names=["TOKEN"])["effects"] == []
    host.write("data.txt", "data")
    host.write("index.js", """
        const { env, read } = require("keeper");
        env.LATE = 1;
        module.exports = () => [env.TOKEN, process.env.LATE, Object.keys(env).includes("TOKEN"), read("data.txt", "utf8")];
    """)
    host.load(slot, environment={"TOKEN": "secret"})
    assert json.loads(slot.ask().body) == ["secret", "1", True, "data"]


def test_runner_ends_while_a_library_is_being_loaded(host):
    host.install("endless", {"index.mjs": "console.log('begun'); await new Promise(() => {}); "}, exports="./index.mjs")
    slot = host.start()
    host.send(slot, "prewarm", {"modules": ["import endless"], "code": host.code, "work": host.work})
    assert host.runner.stdout.readline() == b"begun\n"
    assert host.stop() == (0, "")


def test_requests_that_are_not_right(host):
    slot = host.start()
    assert host.tell(slot, "prewarm", {"protocol": 2, "modules": []})[0] == 400
    assert host.tell(slot, "toString", {})[0] == 404
    host.prewarm(slot, [])
    assert host.tell(slot, "prewarm", {"modules": []})[0] == 409
    host.write("index.js", "module.exports = () => 'fine';")
    host.load(slot)
    assert host.tell(slot, "prewarm", {"modules": []})[0] == 409
    assert slot.ask().body == b"fine"


def test_modules_that_are_no_list_of_names(host):
    slot = host.start()
    status, body = host.tell(slot, "prewarm", {"modules": [1]})
    assert status == 400 and "list of names" in body["error"]["message"]
    assert host.tell(slot, "prewarm", {"modules": [], "secret_names": {}})[0] == 400
    assert host.prewarm(slot, [])["modules"] == []


# What a library may keep of process.exit, or put in its place.
EXITING = """
const { exit } = process;
let left = 0;
process.exit = (code) => {
  left += 1;
  exit(code);
};
exports.leave = () => process.exit(3);
exports.left = () => left;
"""


def test_process_exit_that_a_library_has_kept_ends_the_process(host):
    host.install("exiting", {"index.js": EXITING})
    slot = host.start()
    assert host.prewarm(slot, ["exiting"])["effects"] == []
    host.write("index.js", 'module.exports = () => require("exiting").leave();\n')
    host.load(slot)
    slot.request("/")
    assert host.runner.wait(120) == 3


def test_files_made_in_the_working_directory_are_an_effect(host):
    host.install("early", {"index.js": 'require("node:fs").mkdirSync("cache", { recursive: true });'})
    body = host.prewarm(host.start(), ["early"])
    assert effects(body) == [("early", "makes files in the working directory")]


@pytest.mark.parametrize("look", ['process.env.hasOwnProperty("TOKEN")', 'Object.hasOwn(process.env, "TOKEN")',
                                  'Object.getOwnPropertyDescriptor(process.env, "TOKEN")', '"TOKEN" in process.env'])
def test_every_way_to_look_for_a_secret_is_seen(host, look):
    host.install("early", {"index.js": f"exports.has = {look};"})
    body = host.prewarm(host.start(), ["early"], secret_names=["TOKEN"])
    assert effects(body) == [("early", "reads TOKEN, which is a secret")]


def test_variable_that_is_defined_is_an_effect(host):
    text = 'Object.defineProperty(process.env, "A", { value: "1", writable: true, enumerable: true, configurable: true });'
    host.install("early", {"index.js": text})
    assert effects(host.prewarm(host.start(), ["early"])) == [("early", "sets A in the environment")]
