// package.json and its lock: what is asked for, whether the two agree, and how it is installed.
(function (berth) {
  "use strict";
  var MANIFEST = "package.json";
  var LOCKS = ["npm-shrinkwrap.json", "package-lock.json"];
  var OTHER_LOCKS = { "yarn.lock": "yarn", "pnpm-lock.yaml": "pnpm", "bun.lock": "bun", "bun.lockb": "bun" };
  var INSTALLED = ["dependencies", "optionalDependencies", "peerDependencies"];
  var COMPARED = ["dependencies", "optionalDependencies", "devDependencies", "peerDependencies"];
  var FOLDER = ".berth/npm"; // in the package: what the installation reads
  var INSTALLER = "/opt/berth/install";
  var NPMRC_MAX = 64 << 10;
  // What of a package.json decides about what npm installs. Scripts are left out: the code is not there when they would run.
  var DECIDING = COMPARED.concat(["peerDependenciesMeta", "bundleDependencies", "bundledDependencies", "overrides",
                                  "workspaces", "engines", "os", "cpu"]);

  function isObject(value) {
    return value !== null && typeof value === "object" && !Array.isArray(value);
  }

  function Packages(findings, node) {
    this.findings = findings;
    this.node = node; // the version of Node.js that functions run on
    this.manifest = null;
    this.lock = null;
    this.lockFile = null;
    this.local = []; // folders of packages that lie in the function's own
    this.names = berth.list("");
    this.readManifest();
    if (this.manifest) this.readLock();
  }

  Packages.prototype.has = function (name) {
    return this.names.indexOf(name) >= 0;
  };

  // Reads a JSON object; null after a finding that says what is wrong with it.
  Packages.prototype.readObject = function (file) {
    var got = berth.readJson(file), place = got.source ? got.source.place(got.offset || 0) : { file: file };
    if (got.problem === "json") this.findings.error(place, file + " is no valid JSON", "npm refuses it as well");
    else if (got.problem === "encoding") this.findings.error(place, file + " is not UTF-8", "save it as UTF-8");
    else if (got.problem) this.findings.error(place, file + " cannot be read as a plain file", "");
    else if (!isObject(got.value)) this.findings.error(place, file + " is no JSON object", "npm refuses it as well");
    else return got;
    return null;
  };

  Packages.prototype.readManifest = function () {
    var got = this.has(MANIFEST) ? this.readObject(MANIFEST) : null;
    if (!got) return;
    this.manifest = got.value;
    this.source = got.source;
    COMPARED.forEach(function (group) {
      if (got.value[group] !== undefined && !isObject(got.value[group]))
        this.findings.error(this.placeOf([group]), quote(group) + " is no object of names and versions", "npm refuses it as well");
    }, this);
    this.checkEngine();
  };

  function quote(text) {
    return berth.quoted(text);
  }

  Packages.prototype.placeOf = function (keys) {
    return this.source.place(berth.offsetOfKey(this.source.text, keys));
  };

  Packages.prototype.checkEngine = function () {
    var engines = this.manifest.engines, range = isObject(engines) ? engines.node : undefined;
    if (typeof range === "string" && berth.satisfies(this.node, range) === false)
      this.findings.warning(this.placeOf(["engines", "node"]), "it asks for Node.js " + quote(range) + ", and functions run on " + this.node,
                            "check that it works with that version, and widen the range");
  };

  // {name: range} of what is installed for the function to run.
  Packages.prototype.wanted = function () {
    var all = {}, manifest = this.manifest || {};
    INSTALLED.forEach(function (group) {
      Object.keys(isObject(manifest[group]) ? manifest[group] : {}).forEach(function (name) {
        all[name] = manifest[group][name];
      });
    });
    return all;
  };

  Packages.prototype.isOnlyForDevelopment = function (name) {
    var manifest = this.manifest || {};
    return isObject(manifest.devDependencies) && name in manifest.devDependencies;
  };

  Packages.prototype.readLock = function () {
    var file = LOCKS.filter(this.has, this)[0], got = file ? this.readObject(file) : null;
    if (got) {
      this.lockFile = file;
      this.lock = got.value;
      this.compareLock();
    }
    this.findLocal();
    if (!file && Object.keys(this.wanted()).length) this.warnOfNoLock();
  };

  Packages.prototype.warnOfNoLock = function () {
    var other = Object.keys(OTHER_LOCKS).filter(this.has, this)[0];
    var message = other ? other + " is not read: npm installs what package.json asks for, in whatever version fits"
                        : "there is no package-lock.json: each installation takes whatever versions fit";
    this.findings.warning({ file: MANIFEST }, message, "`npm install --package-lock-only` makes one");
  };

  // npm ci refuses a lock that was made of another package.json.
  Packages.prototype.compareLock = function () {
    var root = isObject(this.lock.packages) ? this.lock.packages[""] : null;
    if (!isObject(root)) return;
    COMPARED.forEach(function (group) {
      var here = isObject(this.manifest[group]) ? this.manifest[group] : {};
      var there = isObject(root[group]) ? root[group] : {};
      Object.keys(here).forEach(function (name) {
        if (here[name] !== there[name]) this.differs(group, name, here[name], there[name]);
      }, this);
      Object.keys(there).forEach(function (name) {
        if (!(name in here)) this.differs(group, name, undefined, there[name]);
      }, this);
    }, this);
  };

  Packages.prototype.differs = function (group, name, here, there) {
    var message = quote(name) + " is " + (here === undefined ? "not in package.json" : quote(here) + " in package.json") + " and " +
        (there === undefined ? "not in " : quote(there) + " in ") + this.lockFile;
    this.findings.error(this.placeOf(here === undefined ? [group] : [group, name]), message,
                        "`npm install` brings the lock up to date");
  };

  // Packages that are named by their folder.
  Packages.prototype.findLocal = function () {
    var wanted = this.wanted();
    Object.keys(wanted).forEach(function (name) {
      var found = /^(?:file:|link:)?(\.{0,2}\/.*|[^:]*)$/.exec(String(wanted[name]));
      if (!found || (!/^(file|link):/.test(wanted[name]) && !/^\.{0,2}\//.test(wanted[name]))) return;
      var path = berth.join("", found[1]), group = INSTALLED.filter(function (key) {
        return isObject(this.manifest[key]) && name in this.manifest[key];
      }, this)[0];
      if (/^\//.test(found[1]) || /^\.\.(\/|$)/.test(path))
        this.findings.error(this.placeOf([group, name]), quote(name) + " lies outside of the function's folder", "move it into the folder");
      else if (!berth.kindOf(path))
        this.findings.error(this.placeOf([group, name]), "there is no " + quote(path) + " for " + quote(name) + " in the function's folder", "");
      else this.local.push(path);
    }, this);
  };

  // The names of the packages that are known to be installed at the top, or null: who knows.
  Packages.prototype.installedNames = function () {
    var packages = this.lock && this.lock.packages, names = [];
    if (isObject(packages)) {
      Object.keys(packages).forEach(function (path) {
        var found = /^node_modules\/((?:@[^\/]+\/)?[^\/]+)$/.exec(path);
        if (found && !(packages[path] && packages[path].dev)) names.push(found[1]);
      });
    } else if (this.lock && isObject(this.lock.dependencies)) {
      names = Object.keys(this.lock.dependencies);
    }
    return names.concat(Object.keys(this.wanted()));
  };

  Packages.prototype.areInstalled = function () {
    return Object.keys(this.wanted()).length > 0;
  };

  function parts(value, names) {
    var kept = {};
    names.forEach(function (name) {
      if (value && value[name] !== undefined) kept[name] = value[name];
    });
    return kept;
  }

  // [{ path, text }]: package.json and the lock without what says whose they are, so that functions which ask for the same
  // share what is installed.
  Packages.prototype.files = function () {
    if (!this.areInstalled()) return [];
    var files = [{ path: FOLDER + "/package.json", text: JSON.stringify(parts(this.manifest, DECIDING), null, 1) + "\n" }];
    if (this.lock) {
      var lock = JSON.parse(JSON.stringify(this.lock));
      delete lock.name;
      delete lock.version;
      if (isObject(lock.packages) && isObject(lock.packages[""])) lock.packages[""] = parts(lock.packages[""], DECIDING);
      files.push({ path: FOLDER + "/package-lock.json", text: JSON.stringify(lock, null, 1) + "\n" });
    }
    return files;
  };

  // How it is installed, or null. The settings of npm may hold passwords and go no other way than in a variable.
  Packages.prototype.dependencies = function () {
    if (!this.areInstalled()) return null;
    var npmrc = this.has(".npmrc") ? berth.readText(".npmrc", NPMRC_MAX) : {};
    return {
      key: this.lock ? "npm ci" : "npm install",
      argv: [INSTALLER].concat(this.local),
      environment: npmrc.text ? ["BERTH_NPMRC=" + npmrc.text] : [],
      reads: [FOLDER].concat(this.local),
    };
  };

  berth.Packages = Packages;
  berth.isObject = isObject;
})(berth);
