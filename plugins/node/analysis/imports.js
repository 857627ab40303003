// What files import, and whether it is there.
(function (berth) {
  "use strict";
  var BUILTIN = ("assert assert/strict async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns " +
      "dns/promises domain events fs fs/promises http http2 https inspector inspector/promises module net os path path/posix path/win32 " +
      "perf_hooks process punycode querystring readline readline/promises repl stream stream/consumers stream/promises stream/web " +
      "string_decoder sys timers timers/promises tls trace_events tty url util util/types v8 vm wasi worker_threads zlib").split(" ");
  var REQUIRED = ["", ".js", ".json", ".node"];
  var NAME_MAX = 128; // characters of what may be loaded ahead
  var PARSED = /\.(js|mjs|cjs)$/;
  var TYPED = /\.(ts|mts|cts|tsx|jsx)$/;
  var NOT_IN_MODULES = { require: "`import` it, or make one with `createRequire(import.meta.url)`",
                         __dirname: "write `path.dirname(fileURLToPath(import.meta.url))`",
                         __filename: "write `fileURLToPath(import.meta.url)`" };

  // [{ name, offset, isStrict (an import of modules, which puts nothing behind names), weight }] of a source; weight: "must"
  // (the file cannot load without), "may" (a part of it cannot) or "try" (it is prepared for that).
  function importsOf(source) {
    var found = [];
    berth.walk(source.tree, function (node, parents) {
      var from = null, isStrict = true;
      if (/^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type)) from = node.source;
      else if (node.type === "ImportExpression") from = node.source;
      else if (node.type === "CallExpression" && node.callee.type === "Identifier" && node.callee.name === "require" && node.arguments.length === 1) {
        from = node.arguments[0];
        isStrict = false;
      }
      if (from && from.type === "Literal" && typeof from.value === "string")
        found.push({ name: from.value, offset: from.start, isStrict: isStrict, weight: weightOf(node, parents) });
    });
    return found;
  }

  function weightOf(node, parents) {
    var weight = node.type === "ImportExpression" ? "may" : "must";
    for (var i = 0; i < parents.length; i++) {
      var type = parents[i].type;
      if (/^(TryStatement|IfStatement|ConditionalExpression|LogicalExpression|SwitchStatement)$/.test(type)) return "try";
      if (/Function/.test(type) || type === "MethodDefinition") weight = "may";
    }
    return weight;
  }

  function Imports(job) {
    this.job = job;
    this.reached = {};
    this.queue = [];
  }

  Imports.prototype.add = function (severity, source, item, message, hint) {
    if (severity !== "try") this.job.findings[severity === "must" && !this.job.installed ? "error" : "warning"](source.place(item.offset), message, hint);
  };

  // The file that a relative name leads to, or null.
  function resolveFile(path, isStrict) {
    var kind = berth.kindOf(path), main, i;
    if (isStrict || kind === "file") return kind === "file" ? path : null;
    for (i = 1; i < REQUIRED.length; i++) if (berth.kindOf(path + REQUIRED[i]) === "file") return path + REQUIRED[i];
    if (kind !== "folder") return null;
    main = berth.readJson(berth.join(path, "package.json")).value;
    if (berth.isObject(main) && typeof main.main === "string") {
      var named = resolveFile(berth.join(path, main.main), false);
      if (named) return named;
    }
    for (i = 1; i < REQUIRED.length; i++) if (berth.kindOf(path + "/index" + REQUIRED[i]) === "file") return path + "/index" + REQUIRED[i];
    return null;
  }

  function withoutQuery(name) {
    return name.replace(/[?#].*$/, "");
  }

  Imports.prototype.checkRelative = function (source, item) {
    var path = berth.join(berth.folderOf(source.file), withoutQuery(item.name)), file = resolveFile(path, item.isStrict);
    if (/^\.\.(\/|$)/.test(path)) {
      this.add(item.weight, source, item, berth.quoted(item.name) + " lies outside of the function's folder", "move it into the folder");
    } else if (!file) {
      var other = item.isStrict && resolveFile(path, false), folder = berth.folderOf(path);
      var names = berth.list(folder), wanted = path.slice(folder ? folder.length + 1 : 0);
      var near = other || berth.nearest(wanted, names) || berth.nearest(wanted + ".js", names);
      if (near && !other) near = (folder ? folder + "/" : "") + near;
      this.add(item.weight, source, item, "there is no file " + berth.quoted(path) + " in the function's folder",
               near ? berth.didYouMean(relativeTo(source.file, near)) : undefined);
    } else if (TYPED.test(file)) {
      this.add(item.weight, source, item, berth.quoted(file) + " is TypeScript or JSX, which Node.js does not run", "compile it first");
    } else if (PARSED.test(file) && !this.reached[file]) {
      this.reached[file] = true;
      this.queue.push({ file: file, isSure: item.weight === "must" });
    }
  };

  function relativeTo(from, path) {
    var ours = berth.folderOf(from).split("/").filter(Boolean), theirs = path.split("/"), up = "";
    while (ours.length && theirs.length > 1 && ours[0] === theirs[0]) {
      ours.shift();
      theirs.shift();
    }
    ours.forEach(function () { up += "../"; });
    return (up || "./") + theirs.join("/");
  }

  // Whether a package lies in a folder node_modules that the function brings.
  function isBrought(file, name) {
    var folder = berth.folderOf(file);
    for (;;) {
      if (berth.kindOf(berth.join(folder, "node_modules/" + name))) return true;
      if (!folder) return false;
      folder = berth.folderOf(folder);
    }
  }

  Imports.prototype.checkPackage = function (source, item) {
    var job = this.job, packages = job.packages, name = /^(@[^\/]+\/)?[^\/]*/.exec(item.name)[0], near, hint;
    if (job.installed ? berth.isInstalled("node_modules/" + name) : packages.areInstalled() && !packages.lock) return;
    if (packages.manifest && packages.manifest.name === name) return;
    var known = packages.installedNames();
    if (known.indexOf(name) >= 0 || (!packages.areInstalled() && isBrought(source.file, name))) return;
    if (packages.isOnlyForDevelopment(name)) {
      this.add(item.weight, source, item, berth.quoted(name) + " is among `devDependencies`, which are not installed", "move it to `dependencies`");
      return;
    }
    if (BUILTIN.indexOf(name) >= 0 && item.name.length > name.length + 1) {
      this.addNoModule(source, item, item.name, "");
      return;
    }
    near = berth.nearest(name, known.concat(BUILTIN));
    hint = near ? "did you mean " + berth.quoted(near) + "? Else " : "";
    this.add(item.weight, source, item, "no package " + berth.quoted(name) + " is among the dependencies, and none is built in",
             hint + (packages.manifest ? "`npm install " + name + "` adds it to package.json" : "`npm init -y && npm install " + name + "` in the folder makes a package.json with it"));
  };

  // `prefix` is what stands before the module's name, "node:" or nothing.
  Imports.prototype.addNoModule = function (source, item, name, prefix) {
    var near = berth.nearest(name, BUILTIN);
    this.add(item.weight, source, item, "Node.js has no module " + berth.quoted(item.name), near ? berth.didYouMean(prefix + near) : undefined);
  };

  Imports.prototype.check = function (source, item) {
    if (/^\.{1,2}(\/|$)/.test(item.name)) this.checkRelative(source, item);
    else if (/^node:/.test(item.name)) {
      if (BUILTIN.concat(["test", "sea", "sqlite"]).indexOf(item.name.slice(5)) < 0)
        this.addNoModule(source, item, item.name.slice(5), "node:");
    } else if (!/^([#\/]|[a-z]+:)/.test(item.name) && item.name && BUILTIN.indexOf(item.name) < 0) this.checkPackage(source, item);
  };

  // What CommonJS has and modules have not.
  Imports.prototype.checkModule = function (source, exports) {
    var self = this, told = {};
    berth.walk(source.tree, function (node, parents) {
      if (node.type !== "Identifier" || !Object.prototype.hasOwnProperty.call(NOT_IN_MODULES, node.name) || told[node.name]) return;
      var parent = parents[parents.length - 1];
      if (Object.prototype.hasOwnProperty.call(exports.bindings, node.name) || parent.type === "UnaryExpression" ||
          ((parent.property === node || parent.key === node) && !parent.computed)) return;
      told[node.name] = true;
      self.add(weightOf(node, parents) === "try" ? "try" : "may", source, { offset: node.start },
               "there is no " + berth.quoted(node.name) + " in a module", NOT_IN_MODULES[node.name]);
    });
  };

  Imports.prototype.checkFile = function (source, exports) {
    importsOf(source).forEach(function (item) { this.check(source, item); }, this);
    if (source.isModule) this.checkModule(source, exports || new berth.Exports(source));
  };

  // Follows all imports from a file whose exports are known.
  berth.checkImports = function (job, entry, exports) {
    var imports = new Imports(job), next, source;
    imports.reached[entry.file] = true;
    imports.checkFile(entry, exports);
    while ((next = imports.queue.shift())) {
      source = job.source(next.file);
      if (source.tree) imports.checkFile(source);
      else job.reportBroken(source, next.isSure);
    }
  };

  // What the modules among the files import of libraries when they are loaded, in the order in which that is loaded: at most
  // `max` names. Files of the other kind tell only when they run.
  berth.libraryImports = function (job, entry, max) {
    var names = [], reached = {};
    function follow(source) {
      reached[source.file] = true;
      if (!source.tree || !source.isModule) return;
      source.tree.body.forEach(function (node) {
        if (/^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type) && node.source) take(source.file, node.source.value);
      });
    }
    function take(from, name) {
      if (/^\.{1,2}(\/|$)/.test(name)) {
        var file = resolveFile(berth.join(berth.folderOf(from), withoutQuery(name)), true);
        if (file && PARSED.test(file) && !reached[file]) follow(job.source(file));
      } else if (!/^([#\/]|(?!node:)[a-z]+:)/.test(name) && names.indexOf(name) < 0 && names.length < max && name.length <= NAME_MAX) names.push(name);
    }
    follow(entry);
    return names;
  };

  berth.hasRelativeImports = function (source) {
    return importsOf(source).some(function (item) { return /^\./.test(item.name); });
  };
})(berth);
