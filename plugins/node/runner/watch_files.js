"use strict";
// Tells when files are looked at that are not there before the function is known: its own, and its secrets.
const fs = require("node:fs");
const path = require("node:path");
const { fileURLToPath } = require("node:url");

const LISTS = ["opendir", "readdir"];
const LOOKS = ["access", "createReadStream", "exists", "lstat", "open", "readFile", "readlink", "realpath", "stat", ...LISTS];

function textOf(file) {
  if (typeof file === "string") return file;
  try {
    return file instanceof URL ? fileURLToPath(file) : Buffer.isBuffer(file) ? file.toString() : null;
  } catch {
    return null;
  }
}

class FileWatch {
  // `roots`: the folders whose files these are.
  constructor(roots, tell) {
    this.roots = roots;
    this.tell = tell;
    this.wrapped = []; // [object, name, the function that was there, the one that is there now]
    for (const name of LOOKS) {
      const isList = LISTS.includes(name);
      for (const [object, own] of [[fs, name], [fs, `${name}Sync`], [fs.promises, name]]) this.wrap(object, own, isList);
    }
  }

  wrap(object, name, isList) {
    const actual = object[name];
    if (typeof actual !== "function") return;
    const look = (file) => this.look(file, isList);
    const wrapper = { [name](...args) {
      look(args[0]);
      return Reflect.apply(actual, this, args);
    } }[name];
    Object.defineProperties(wrapper, Object.getOwnPropertyDescriptors(actual));
    object[name] = wrapper;
    this.wrapped.push([object, name, actual, wrapper]);
  }

  look(file, isList) {
    const text = this.roots.length > 0 ? textOf(file) : null;
    if (text === null) return;
    const whole = path.resolve(text);
    const root = this.roots.find((each) => whole.startsWith(`${each}/`) || (isList && whole === each));
    if (root) this.tell(`looks for the function's files: ${whole}`);
  }

  // What a library has wrapped in turn stays, and tells nothing any more.
  end() {
    this.roots = [];
    for (const [object, name, actual, wrapper] of this.wrapped) if (object[name] === wrapper) object[name] = actual;
  }
}

module.exports = { FileWatch };
