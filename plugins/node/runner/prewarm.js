"use strict";
// POST /.berth/prewarm: the libraries of a function are loaded before it is known which one it is. What they do besides
// is told, and whoever asked throws this process away.
const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const path = require("node:path");
const { summary } = require("./failure");
const { Libraries, isInstrument } = require("./libraries");
const { ActivityWatch } = require("./watch_activity");
const { EnvironmentWatch } = require("./watch_environment");
const { FileWatch } = require("./watch_files");

const CODE = "/berth/code"; // where the function's files will be, as `init` will say, and where it will work
const WORK = "/work";
const SECRETS = ["/run/secrets", "/var/openfaas/secrets"];
const LOAD_MAX_MS = 60_000;

// What a library does, one at a time, while it is loaded.
class Watch {
  constructor(roots, secrets) {
    const tell = (effect) => this.effects.add(effect);
    this.effects = new Set();
    this.activity = new ActivityWatch(tell);
    this.environment = new EnvironmentWatch(secrets, tell);
    this.files = new FileWatch(roots, tell);
    this.exit = process.exit;
    this.isOver = false;
    this.noExit = process.exit = (...args) => {
      if (this.isOver) return Reflect.apply(this.exit, process, args); // a library has kept it
      tell("ends the process");
      throw new Error("process.exit() was called");
    };
    syncBuiltinESMExports();
  }

  begin() {
    this.effects.clear();
    this.activity.begin();
  }

  failed(error) {
    this.effects.add(`cannot be imported ahead: ${summary(error)}`);
  }

  async effectsOf() {
    await this.activity.compare();
    return [...this.effects];
  }

  end() {
    this.files.end();
    this.environment.end();
    this.activity.end();
    if (process.exit === this.noExit) process.exit = this.exit;
    this.isOver = true;
    syncBuiltinESMExports();
  }
}

// Loads one library, and gives up on one that waits for ever. What nothing catches comes by `runner.failLoading`, also when
// it comes later.
function loadOne(libraries, name, runner, watch) {
  let timer;
  const loaded = new Promise((resolve, reject) => {
    runner.failLoading = (error) => {
      watch.failed(error);
      reject(error);
    };
    timer = watch.activity.after(LOAD_MAX_MS, () => reject(new Error("it waits for what does not come")));
    libraries.load(name).then(resolve, reject);
  });
  return loaded.finally(() => clearTimeout(timer));
}

async function watchOne(libraries, name, runner, watch) {
  if (isInstrument(name)) return { effects: ["changes what is loaded after it"] };
  watch.begin();
  const began = performance.now();
  await loadOne(libraries, name, runner, watch).catch((error) => watch.failed(error));
  const ms = performance.now() - began;
  return { ms, effects: await watch.effectsOf() };
}

// After the first library with an effect nothing more is loaded: what came then could be of either.
async function loadAll({ modules, dependencies }, runner, watch) {
  const libraries = new Libraries(dependencies);
  const loaded = [];
  for (const name of modules) {
    const { ms, effects } = await watchOne(libraries, name, runner, watch);
    if (effects.length > 0) return { modules: loaded, effects: effects.map((effect) => ({ module: name, effect })) };
    loaded.push({ name, ms: Math.round(ms * 1000) / 1000 });
  }
  return { modules: loaded, effects: [] };
}

// Makes the process the one in which the function will be loaded, as far as that is known.
function enter({ environment, runtime, code = CODE, work = WORK }) {
  Object.assign(process.env, environment);
  if (fs.existsSync(work)) process.chdir(work);
  if (typeof runtime?.file === "string") process.argv[1] = path.join(code, runtime.file);
  return [code, work, ...SECRETS];
}

function areRight({ modules, secret_names: secrets = [] }) {
  return [modules, secrets].every((list) => Array.isArray(list) && list.every((name) => typeof name === "string"));
}

// The body of the answer to settings that areRight().
async function prewarm(settings, runner) {
  const roots = enter(settings);
  await fs.promises.stat("/"); // starts the threads that Node.js reads files in, so that no library is blamed for them
  const watch = new Watch(roots, settings.secret_names ?? []);
  try {
    return { prewarmed: true, ...await loadAll(settings, runner, watch) };
  } finally {
    watch.end();
    runner.failLoading = null;
  }
}

module.exports = { areRight, prewarm };
