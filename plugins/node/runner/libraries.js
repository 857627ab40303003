"use strict";
// The libraries that a function may import, by the names that its profile has of them: what `require()` is given ("express",
// "node:crypto", "./node_modules/express/lib/view.js"), or "import " and what a module imports, which may lead to other files
// of the same package.
const Module = require("node:module");
const path = require("node:path");

const IMPORT = "import ";
const INSTALLED = "./node_modules/";

// Packages that change what is loaded after them once the function has started them. Loaded before it is known, they would
// come too late for all others.
const INSTRUMENTS = new Set(["@google-cloud/trace-agent", "@instana/collector", "@opentelemetry/auto-instrumentations-node",
  "@opentelemetry/instrumentation", "@opentelemetry/sdk-node", "@sentry/node", "@splunk/otel", "appdynamics", "applicationinsights",
  "aws-xray-sdk", "dd-trace", "elastic-apm-node", "import-in-the-middle", "newrelic", "require-in-the-middle"]);

// "@scope/name" of "@scope/name/file".
function packageOf(request) {
  return /^(@[^/]+\/)?[^/]*/.exec(request)[0];
}

function without(prefix, text) {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

function isInstrument(name) {
  return INSTRUMENTS.has(packageOf(without(INSTALLED, without(IMPORT, name))));
}

class Libraries {
  // Those of a dependency directory; null: what is built in. They are looked for as from a file in it that need not be
  // there, so that nothing is found out of the function's folder, of which Node.js would keep that it is empty.
  constructor(dependencies) {
    const file = path.join(dependencies ?? "/", "berth.js");
    this.base = new Module(file);
    this.base.filename = file;
    this.base.paths = Module._nodeModulePaths(path.dirname(file));
    this.base._compile("module.exports = { require, import: (name) => import(name) };", file);
  }

  // The file that `require()` takes, or the name of what is built in. Throws.
  resolve(request) {
    return Module._resolveFilename(request, this.base);
  }

  // Loads what the function will get, too: both kinds of modules are kept by the real paths of their files.
  async load(name) {
    if (name.startsWith(IMPORT)) await this.base.exports.import(without(IMPORT, name));
    else this.base.exports.require(name);
  }
}

module.exports = { IMPORT, INSTALLED, Libraries, isInstrument, packageOf, without };
