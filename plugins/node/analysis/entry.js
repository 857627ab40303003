// Which file is run.
(function (berth) {
  "use strict";
  var SCRIPT = /\.(js|mjs|cjs)$/;
  var TYPED = /\.(ts|mts|cts|tsx|jsx)$/;
  var USUAL = ["index", "handler", "app", "server", "main", "function"];
  var ENDINGS = [".js", ".mjs", ".cjs"];
  var TRIED = ["", ".js", ".json", ".node"]; // what Node.js puts behind a name

  // The file that a path leads to as `main` of a package.json does, or null.
  function resolveMain(path) {
    var found = null;
    TRIED.concat(["/index.js"]).some(function (ending) {
      if (berth.kindOf(path + ending) !== "file") return false;
      found = path + ending;
      return true;
    });
    return found;
  }

  function othersThan(job, what) {
    var names = job.names.filter(function (name) { return name.charAt(0) !== "."; });
    return names.length ? "the folder holds " + berth.listed(names) : "the folder is empty";
  }

  function refuseTyped(job, file) {
    job.findings.error({ file: file }, berth.quoted(file) + " is TypeScript or JSX, which Node.js does not run",
                       "compile it, as with `npx tsc` or `npx esbuild " + file + " --bundle --platform=node --outfile=index.js`, and name the result");
    return null;
  }

  function named(job) {
    var file = berth.join("", job.file), kind = berth.kindOf(file), near;
    if (/^\.\.(\/|$)/.test(file) || job.file.charAt(0) === "/") {
      job.findings.error(null, berth.quoted(job.file) + " lies outside of the function's folder", "name a file inside the folder, relative to it");
    } else if (kind === "folder") {
      job.findings.error(null, berth.quoted(file) + " is a folder, not a file", "name the file in it, such as " + berth.quoted(file + "/index.js"));
    } else if (kind === "other") {
      job.findings.error({ file: file }, berth.quoted(file) + " is no plain file", "");
    } else if (!kind) {
      near = ENDINGS.filter(function (ending) { return berth.kindOf(file + ending) === "file"; })[0];
      near = near ? file + near : berth.nearest(file, job.names.filter(function (name) { return SCRIPT.test(name); }));
      job.findings.error(null, "there is no file " + berth.quoted(file) + " in the function's folder", berth.didYouMean(near) || othersThan(job));
    } else if (TYPED.test(file)) {
      return refuseTyped(job, file);
    } else if (!SCRIPT.test(file)) {
      job.findings.error({ file: file }, berth.quoted(file) + " is no file of JavaScript", "the entry file's name ends in .js, .mjs or .cjs");
    } else {
      return file;
    }
    return null;
  }

  // What package.json says: `main`, or what `npm start` runs. null: nothing that is there.
  function fromManifest(job) {
    var manifest = job.packages.manifest || {}, main = manifest.main, start, found;
    if (typeof main === "string" && (found = resolveMain(berth.join("", main)))) return found;
    start = berth.isObject(manifest.scripts) && /^node\s+([^\s-]\S*)$/.exec(String(manifest.scripts.start || "").trim());
    return start ? resolveMain(berth.join("", start[1])) : null;
  }

  function usual(job) {
    var tops = job.names.filter(function (name) { return SCRIPT.test(name); }), found = null;
    USUAL.concat([job.folder, job.name]).some(function (name) {
      return ENDINGS.some(function (ending) {
        if (tops.indexOf(name + ending) < 0 || berth.kindOf(name + ending) !== "file") return false;
        found = name + ending;
        return true;
      });
    });
    if (found || tops.length === 1) return found || tops[0];
    return refuse(job, tops);
  }

  function refuse(job, tops) {
    var manifest = job.packages.manifest, typed = job.names.filter(function (name) { return TYPED.test(name); });
    if (manifest && typeof manifest.main === "string")
      job.findings.error(job.packages.placeOf(["main"]), "there is no " + berth.quoted(manifest.main) + ", which `main` names",
                         berth.didYouMean(berth.nearest(manifest.main, tops)) || othersThan(job));
    else if (tops.length)
      job.findings.error(null, "which of " + berth.listed(tops) + " is the entry file?", "name it with `base_function_file_name`, or call it index.js");
    else if (typed.length) return refuseTyped(job, typed[0]);
    else job.findings.error(null, "there is no JavaScript file in the function's folder", othersThan(job));
    return null;
  }

  // The path of the entry file, or null after a finding that says why there is none.
  berth.findEntry = function (job) {
    return job.file ? named(job) : fromManifest(job) || usual(job);
  };
})(berth);
