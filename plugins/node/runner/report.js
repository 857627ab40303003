"use strict";
// Finds what of libraries is loaded for the function's own files while it is loaded, in order, with its cost: what may be loaded
// before the function is known the next time.
const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const { IMPORT, INSTALLED, Libraries, isInstrument, packageOf, without } = require("./libraries");

const MODULES_MAX = 512;
const NAME_MAX = 256; // bytes
const LEAST_MS = 0.1; // with less there is nothing to gain

// What decides which file a name leads to, and what becomes of it.
function loaders() {
  const { prototype, _extensions: extensions } = Module;
  return [Module._resolveFilename, Module._findPath, Module.register, prototype.require, prototype._compile, ...Object.entries(extensions).flat()];
}

const LAZY = Symbol("made when it is first asked for");

// The global values by their names.
function globals() {
  return new Map(Object.entries(Object.getOwnPropertyDescriptors(globalThis)).map(([name, { value, get }]) => [name, get ? LAZY : value]));
}

function sameGlobals(before, after) {
  const isSame = ([name, value]) => before.has(name) && (before.get(name) === LAZY || Object.is(before.get(name), value));
  return before.size === after.size && [...after].every(isSame);
}

// What libraries may look at while they are loaded.
class Surroundings {
  constructor(environment, folder) {
    this.environment = JSON.stringify(Object.entries(environment).sort());
    this.folder = folder;
    this.loaders = loaders();
    this.globals = globals();
    this.addons = Object.keys(Module._cache).filter((file) => file.endsWith(".node")).length;
  }

  static now() {
    return new Surroundings(process.env, process.cwd());
  }

  // Whether a library that is loaded now finds what it would have found then, but for what libraries have made themselves.
  equals(other) {
    return this.environment === other.environment && this.folder === other.folder && this.loaders.length === other.loaders.length &&
      this.loaders.every((each, i) => each === other.loaders[i]);
  }
}

// Whether a file, or what is built in, has been loaded.
function isThere(file) {
  return file in Module._cache || (process.moduleLoadList ?? []).includes(`NativeModule ${without("node:", file)}`);
}

function isWorthIt({ name, ms }) {
  return ms >= LEAST_MS && Buffer.byteLength(name) <= NAME_MAX;
}

class Report {
  // Before the function with these settings is loaded.
  constructor(settings) {
    this.code = fs.realpathSync(settings.code);
    this.imports = settings.runtime?.imports ?? []; // of its modules, as the plugin has read them
    this.libraries = new Libraries(settings.dependencies);
    this.packages = settings.dependencies ? path.join(fs.realpathSync(settings.dependencies), "node_modules") : null;
    this.required = []; // { name, ms }
    this.costs = new Map(); // package: ms, of what modules have imported of files that are none
    this.isInside = false; // whether a library is being loaded
    this.isOver = false; // whether what comes can no longer be loaded ahead
    this.began = performance.now();
    this.first = this.last = new Surroundings({ ...process.env, ...settings.environment }, fs.realpathSync(settings.work || settings.code));
    this.wrap();
  }

  wrap() {
    const report = this;
    this.actual = Module._load;
    this.wrapper = Module._load = function (request, parent, isMain) {
      const load = () => Reflect.apply(report.actual, this, [request, parent, isMain]);
      const file = report.isOver || report.isInside ? null : report.outside(request, parent);
      return file === null ? load() : report.measure(request, parent, file, load);
    };
  }

  isOwn(file) {
    return file.startsWith(`${this.code}/`);
  }

  // The path of an installed file below node_modules, else null.
  installedPath(file) {
    return this.packages !== null && file.startsWith(`${this.packages}/`) ? file.slice(this.packages.length + 1) : null;
  }

  // The file of a library that is not loaded for another one's loading: one of the function's own asks for it, or a library that
  // the function has called, or a module, which says no parent. Else null.
  outside(request, parent) {
    const from = parent?.filename ?? "";
    if (parent ? !this.isOwn(from) && this.installedPath(from) === null : !path.isAbsolute(request)) return null;
    try {
      const file = Module._resolveFilename(request, parent);
      return this.isOwn(file) || isThere(file) ? null : file;
    } catch {
      return null; // as its loading will say
    }
  }

  measure(request, parent, file, load) {
    const before = Surroundings.now();
    if (!before.equals(this.last) || (parent && !sameGlobals(this.last.globals, before.globals))) this.isOver = true;
    const began = performance.now();
    this.isInside = true;
    try {
      const exported = load();
      const ms = performance.now() - began;
      this.leave(before, Surroundings.now());
      if (!this.isOver) this.note(request, parent, file, ms);
      return exported;
    } finally {
      this.isInside = false;
      this.last = Surroundings.now();
    }
  }

  // What changes the surroundings may have to be left for the load, and then all that comes after it does. Addons set
  // variables for the libraries in C that they bring.
  leave(before, after) {
    if (after.addons > before.addons) after.environment = before.environment;
    if (!after.equals(before)) this.isOver = true;
  }

  note(request, parent, file, ms) {
    const installed = this.installedPath(file);
    if (!parent) {
      const name = installed && packageOf(installed);
      this.costs.set(name, (this.costs.get(name) ?? 0) + ms);
      return;
    }
    const name = this.leadsTo(request, file) ? request : installed && INSTALLED + installed;
    if (name) this.required.push({ name, ms });
  }

  // Whether a name does without the function's files, too.
  leadsTo(request, file) {
    try {
      return !/^[./#]/.test(request) && this.libraries.resolve(request) === file;
    } catch {
      return false;
    }
  }

  isInstalled(request) {
    return this.packages !== null && fs.existsSync(path.join(this.packages, packageOf(request)));
  }

  // What modules import is loaded before any of their code runs, and nothing tells when: what is not known of its cost is
  // shared equally.
  imported(ms) {
    if (this.imports.length === 0 || !this.first.equals(Surroundings.now()) || !sameGlobals(this.first.globals, globals())) return [];
    const imports = this.imports.filter((request) => Module.isBuiltin(request) || this.isInstalled(request));
    const packages = imports.filter((request) => !Module.isBuiltin(request)).map(packageOf);
    const known = packages.filter((name) => this.costs.has(name));
    const rest = ms - this.required.reduce((sum, each) => sum + each.ms, 0) - known.reduce((sum, name) => sum + this.costs.get(name), 0);
    const share = Math.max(rest, 0) / (packages.length - known.length);
    return imports.map((request) => (Module.isBuiltin(request) ? { name: request, ms: LEAST_MS }
      : { name: IMPORT + request, ms: this.costs.get(packageOf(request)) ?? share }));
  }

  // After the load: [{ name, ms }].
  end() {
    const ms = performance.now() - this.began;
    this.isOver = true;
    if (Module._load !== this.wrapper) return []; // somebody else watches what is loaded
    Module._load = this.actual;
    const all = [...this.imported(ms), ...this.required];
    const instrument = all.findIndex(({ name }) => isInstrument(name));
    return all.slice(0, instrument < 0 ? all.length : instrument).filter(isWorthIt).slice(0, MODULES_MAX)
      .map((each) => ({ name: each.name, ms: Math.round(each.ms * 1000) / 1000 }));
  }
}

module.exports = { Report };
