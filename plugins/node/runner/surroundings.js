"use strict";
// What libraries may look at while they are loaded, besides themselves.
const Module = require("node:module");

// What decides which file a name leads to, and what becomes of it. That there are more kinds of files is nothing to libraries.
function loaders() {
  const { prototype, _extensions: extensions } = Module;
  return [Module._resolveFilename, Module._findPath, Module.register, prototype.require, prototype._compile, extensions[".js"],
    extensions[".json"], extensions[".node"]];
}

const LAZY = Symbol("made when it is first asked for");

// The global values by their names.
function globals() {
  return new Map(Object.entries(Object.getOwnPropertyDescriptors(globalThis)).map(([name, { value, get }]) => [name, get ? LAZY : value]));
}

function areSame(before, after) {
  const isSame = ([name, value]) => before.has(name) && (before.get(name) === LAZY || Object.is(before.get(name), value));
  return before.size === after.size && [...after].every(isSame);
}

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

  // Whether a library finds the same in both, but for global values.
  equals(other) {
    return this.environment === other.environment && this.folder === other.folder &&
      this.loaders.every((each, i) => each === other.loaders[i]);
  }

  // Whether global values are the same. Libraries may set some of their own.
  hasGlobalsOf(other) {
    return areSame(other.globals, this.globals);
  }
}

module.exports = { Surroundings };
