"use strict";
// Finds what of libraries is loaded for the function's own files while it is loaded, in order, with its cost: what may be loaded
// before the function is known the next time.
const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const { IMPORT, INSTALLED, Libraries, isInstrument, packageOf, without } = require("./libraries");
const { Surroundings } = require("./surroundings");

const MODULES_MAX = 512;
const NAME_MAX = 256; // bytes
const LEAST_MS = 0.1; // with less there is nothing to gain

// Whether a file, or what is built in, has been loaded. What modules import is known before that.
function isThere(file) {
  return Module._cache[file]?.loaded === true || (process.moduleLoadList ?? []).includes(`NativeModule ${without("node:", file)}`);
}

// Whether what asks for a file is a module: it says nothing of itself, or has made a `require()`.
function isOfModule(parent) {
  return !parent || Module._cache[parent.filename] !== parent;
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
    this.costs = new Map(); // package: ms, of what modules have imported of it in files that are none
    this.measured = new Set(); // packages of which these are all
    this.isInside = false; // whether a library is being loaded
    this.isOver = false; // whether what comes can no longer be loaded ahead
    this.began = performance.eventLoopUtilization();
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

  // Whether a library is asked for by one of the function's own files, by another library that the function has called, or by
  // a module: not by a library for its own loading.
  isOutermost(request, parent) {
    if (!parent) return path.isAbsolute(request);
    const from = parent.filename ?? "";
    return this.isOwn(from) || (this.installedPath(from) !== null && (parent.loaded || isOfModule(parent)));
  }

  // The file of a library that is to be loaded now for itself, else null.
  outside(request, parent) {
    if (!this.isOutermost(request, parent)) return null;
    try {
      const file = Module._resolveFilename(request, parent);
      return this.isOwn(file) || isThere(file) ? null : file;
    } catch {
      return null; // as its loading will say
    }
  }

  measure(request, parent, file, load) {
    const before = Surroundings.now();
    if (!before.equals(this.last) || (parent && !before.hasGlobalsOf(this.last))) this.isOver = true;
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
    if (after.addons > before.addons) {
      if (this.first.environment === before.environment) this.first.environment = after.environment;
      before.environment = after.environment;
    }
    if (!after.equals(before)) this.isOver = true;
  }

  note(request, parent, file, ms) {
    const installed = this.installedPath(file);
    const by = this.installedPath(parent ? parent.filename : file);
    if (by !== null && isOfModule(parent)) {
      this.charge(packageOf(by), ms);
      if (!parent) this.measured.add(packageOf(by));
      return;
    }
    const name = this.leadsTo(request, file) ? request : installed && INSTALLED + installed;
    if (name) this.required.push({ name, ms });
  }

  charge(name, ms) {
    this.costs.set(name, (this.costs.get(name) ?? 0) + ms);
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
    return this.packages !== null && !Module.isBuiltin(request) && fs.existsSync(path.join(this.packages, packageOf(request)));
  }

  // What modules import is loaded before any of their code runs, and nothing tells when: what is not known of its cost is
  // shared equally. Of a package the first of its files bears it.
  imported() {
    const now = Surroundings.now();
    if (!now.equals(this.first) || !now.hasGlobalsOf(this.first)) return [];
    const packages = new Set(this.imports.filter((request) => this.isInstalled(request)).map(packageOf));
    const { active } = performance.eventLoopUtilization(this.began); // what the load waits for is no cost
    const unknown = [...packages].filter((name) => !this.measured.has(name));
    const known = [...packages].reduce((sum, name) => sum + (this.costs.get(name) ?? 0), 0) + this.required.reduce((sum, each) => sum + each.ms, 0);
    for (const name of unknown) this.charge(name, Math.max(active - known, 0) / unknown.length);
    return this.imports.filter((request) => Module.isBuiltin(request) || this.isInstalled(request)).map((request) => this.bear(request));
  }

  bear(request) {
    if (Module.isBuiltin(request)) return { name: request, ms: LEAST_MS };
    const name = packageOf(request);
    const ms = this.costs.get(name);
    this.costs.set(name, LEAST_MS);
    return { name: IMPORT + request, ms };
  }

  // After the load: [{ name, ms }].
  end() {
    this.isOver = true;
    if (Module._load !== this.wrapper) return []; // somebody else watches what is loaded
    Module._load = this.actual;
    const all = [...this.imported(), ...this.required];
    const instrument = all.findIndex(({ name }) => isInstrument(name));
    return all.slice(0, instrument < 0 ? all.length : instrument).filter(isWorthIt).slice(0, MODULES_MAX)
      .map((each) => ({ name: each.name, ms: Math.round(each.ms * 1000) / 1000 }));
  }
}

module.exports = { Report };
