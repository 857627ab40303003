// The plugin's callbacks: each takes what is known of the function and gives what the C side hands on, both as JSON.
(function (berth) {
  "use strict";
  var COMMAND = ["/usr/bin/node", "/opt/berth/main.js"];
  var ENVIRONMENT = ["NODE_ENV=production"];
  var CONCURRENCY = 16;
  var EVENT_CONCURRENCY = 1; // where event handlers come from, one runs at a time, and their code relies on it
  var IMPORTS_MAX = 256;
  var EXCLUDED = [".git", ".svn", ".hg", ".DS_Store", "*~", "*.swp", ".npmrc", "*.log"];
  var SAMPLE = "// The function NAME: answers requests to /NAME.\n" +
      "module.exports = async (req, res) => {\n" +
      "  const name = req.query.name || \"world\";\n" +
      "  return { message: `Hello, ${name}` };\n" +
      "};\n";

  function Job(given) {
    this.name = given.name;
    this.folder = given.folder;
    this.file = given.file;
    this.handler = (given.options.handler || "").trim();
    this.debug = given.options.debug === "true";
    this.installed = given.installed;
    this.findings = new berth.Findings();
    this.sources = new berth.Sources();
    this.scopes = {};
    this.isImplicitModule = false; // modules without a package.json that says so
    if (berth.kindOf("") !== "folder") {
      this.findings.error(null, "the folder of the function does not exist", "make it, or correct `function_folder`");
      return;
    }
    this.names = berth.list("");
    this.packages = new berth.Packages(this.findings, given.node);
    this.entry = berth.findEntry(this);
    if (this.entry) this.look();
  }

  // What the nearest package.json says of a file's kind: "module", "commonjs", "" (nothing), or null: there is none.
  Job.prototype.typeOf = function (folder) {
    if (this.scopes[folder] === undefined) {
      var here = berth.kindOf(berth.join(folder, "package.json")) === "file" ? berth.readJson(berth.join(folder, "package.json")).value : undefined;
      this.scopes[folder] = here !== undefined ? (here && here.type) || "" : folder ? this.typeOf(berth.folderOf(folder)) : null;
    }
    return this.scopes[folder];
  };

  // Whether a file is a module: true, false, or null when nothing says so.
  Job.prototype.isModule = function (path) {
    if (/\.[mc]js$/.test(path)) return /\.mjs$/.test(path);
    var type = this.typeOf(berth.folderOf(path));
    return type === "module" ? true : type === "commonjs" ? false : type === null && this.isImplicitModule ? true : null;
  };

  Job.prototype.source = function (path) {
    return this.sources.get(path, this.isModule(path));
  };

  // Says why a file could not be looked at.
  Job.prototype.reportBroken = function (source, isSure) {
    var what = { encoding: " is not UTF-8", denied: " cannot be read", other: " is no plain file" }[source.unreadable] || " cannot be read";
    var add = isSure ? "error" : "warning", place = { file: source.file };
    if (source.skipped) this.findings.note(place, berth.quoted(source.file) + " " + source.skipped, "what it exports and imports is found out when it is loaded");
    else if (source.unreadable) this.findings[add](place, berth.quoted(source.file) + what, "");
    else this.findings[add](source.place(source.problem.pos), source.problem.message.replace(/ \(\d+:\d+\)$/, ""), syntaxHint(source));
  };

  function syntaxHint(source) {
    var message = source.problem.message;
    if (/'import' and 'export'/.test(message)) return "a module's name ends in .mjs, or package.json says `\"type\": \"module\"`";
    if (/await/.test(message) || /Cannot use keyword 'await'/.test(message)) return "`await` is for async functions and modules";
    return undefined;
  }

  Job.prototype.look = function () {
    var source = this.source(this.entry), exports;
    if (!source.tree) {
      this.reportBroken(source, true);
      return;
    }
    this.checkKind(source);
    exports = new berth.Exports(source);
    this.hasOwnImports = berth.hasRelativeImports(source);
    this.chosen = exports.handler(this.handler);
    berth.checkHandler(this, source, exports);
    berth.checkImports(this, source, exports);
  };

  // A module that nothing declares one: without a package.json the package gets one; else it is for the user to say.
  Job.prototype.checkKind = function (source) {
    if (!source.isModule || this.isModule(source.file) !== null) return;
    if (this.typeOf(berth.folderOf(source.file)) === null) {
      this.isImplicitModule = true;
      return;
    }
    var first = new berth.Exports(source).first;
    this.findings.error(source.place(first ? first.start : 0), "`import` and `export` are for modules, and package.json does not say that this is one",
                        "write `\"type\": \"module\"` into package.json, or let the file's name end in .mjs");
  };

  var lastKey = null, lastJob = null;

  // The callbacks of one process share the job.
  function jobOf(text) {
    if (text !== lastKey) {
      lastJob = new Job(JSON.parse(text));
      lastKey = text;
    }
    return lastJob;
  }

  berth.validate = function (text) {
    return { findings: jobOf(text).findings.items };
  };

  berth.package = function (text) {
    var job = jobOf(text), files = job.packages ? job.packages.files() : [], excluded = EXCLUDED;
    if (job.isImplicitModule) files.push({ path: "package.json", text: "{ \"type\": \"module\" }\n" });
    if (job.packages && job.packages.areInstalled()) excluded = excluded.concat(["node_modules"]);
    return { excluded: excluded, files: files, dependencies: job.packages ? job.packages.dependencies() : null };
  };

  berth.launch = function (text) {
    var job = jobOf(text), runtime = { file: job.entry, debug: job.debug };
    if (!job.entry) throw new Error("the function's files have changed since they were checked");
    if (job.handler) runtime.handler = job.handler;
    var imports = berth.libraryImports(job, job.source(job.entry), IMPORTS_MAX);
    if (imports.length) runtime.imports = imports; // see runner/report.js
    return {
      command: COMMAND,
      environment: ENVIRONMENT,
      concurrency: berth.takesEvent(job.chosen) ? EVENT_CONCURRENCY : CONCURRENCY,
      runtime: JSON.stringify(runtime),
    };
  };

  berth.scaffold = function (text) {
    var given = JSON.parse(text), file = given.file || (given.folder || given.name) + ".js";
    return { files: [{ path: file, text: SAMPLE.replace(/NAME/g, given.name) }] };
  };
})(berth);
