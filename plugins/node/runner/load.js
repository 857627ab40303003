"use strict";
// From the settings of POST /.berth/init to a handler that can be called.
const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");
const { pathToFileURL } = require("node:url");
const captured = require("./capture");
const { place, summary, trace } = require("./failure");
const shape = require("./shape");

// The function cannot be loaded; `trace` is the stack of the user's code, or undefined.
class LoadError extends Error {
  constructor(message, stack) {
    super(message);
    this.trace = stack;
  }
}

function link(to, at) {
  try {
    fs.symlinkSync(to, at);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
}

// Makes the working directory the current one, with links to what is in the code and to the packages that are installed,
// which are found there by way of the image (image/Dockerfile).
function enterWork({ code, work, dependencies }) {
  if (work) {
    for (const name of fs.readdirSync(code)) link(path.join(code, name), path.join(work, name));
    if (dependencies) link(path.join(dependencies, "node_modules"), path.join(work, "node_modules"));
  }
  process.chdir(work || code);
}

// Whether a file is a module, by its name or by the nearest package.json.
function isModule(file, code) {
  if (/\.[mc]js$/.test(file)) return file.endsWith(".mjs");
  for (let folder = path.dirname(file); folder.startsWith(code); folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (fs.existsSync(manifest)) return JSON.parse(fs.readFileSync(manifest, "utf8")).type === "module";
  }
  return false;
}

async function load(settings, work, waiting) {
  const runtime = settings.runtime ?? {};
  Object.assign(process.env, settings.environment);
  enterWork(settings);
  work.debug = runtime.debug === true;
  const file = path.join(settings.code, runtime.file);
  const asModule = isModule(file, settings.code);
  process.argv[1] = file;
  const exported = asModule ? await import(pathToFileURL(file).href) : createRequire(file)(file);
  const found = await shape.find(exported, asModule, runtime.handler);
  if (found) return shape.make(found, settings, work);
  if (runtime.handler) throw new LoadError(`${runtime.file} has no ${runtime.handler} after it was loaded`);
  return shape.ofServer(captured.server ?? (await waiting()));
}

// The function of these settings, as shape.make() gives it. Throws a LoadError. `waiting` is called to wait for a server
// that the function starts on its own.
async function loadFunction(settings, work, waiting) {
  try {
    return await load(settings, work, waiting);
  } catch (error) {
    if (error instanceof LoadError) throw error;
    throw loadError(error, settings.code);
  }
}

function loadError(error, code) {
  const where = place(error, code);
  return new LoadError(`loading the function failed${where ? " at " : ""}${where} with ${summary(error)}`, trace(error));
}

module.exports = { LoadError, loadError, loadFunction };
