// Files of the function: read once, parsed once, with places in them.
(function (berth, host, acorn) {
  "use strict";
  var FILE_MAX = 256 << 10; // bytes of a file that is parsed: its cost is some microseconds a byte
  var ALL_MAX = 768 << 10; // of all of them together
  var PARSE_MS = 8000; // processor time for all of them together
  var DATA_MAX = 8 << 20; // bytes of a package.json or its lock

  var decoder = new TextDecoder("utf-8", { fatal: true });
  var encoder = new TextEncoder();

  function utf8(text) {
    return encoder.encode(text);
  }

  // { text } of a file, or { problem }: "missing", "other" (no plain file), "large", "encoding", "denied".
  function readText(path, limit) {
    var got = host.read(utf8(path), limit || DATA_MAX);
    if (typeof got === "string") return { problem: got };
    try {
      return { text: decoder.decode(got), size: got.byteLength };
    } catch (error) {
      return { problem: "encoding" };
    }
  }

  // "file", "folder", "other" or undefined.
  function kindOf(path) {
    return host.kind(utf8(path));
  }

  // Whether a folder of the dependencies that are installed, of that path, is there.
  function isInstalled(path) {
    return host.installed(utf8(path));
  }

  // The names in a folder, sorted, folders with a slash at the end. What is no UTF-8 cannot be named and is left out.
  function list(path) {
    var names = [];
    (host.list(utf8(path)) || []).forEach(function (name) {
      try {
        names.push(decoder.decode(name));
      } catch (error) {
        return;
      }
    });
    return names.sort();
  }

  function join(folder, path) {
    var parts = [];
    (folder ? folder + "/" + path : path).split("/").forEach(function (part) {
      if (part === ".." && parts.length && parts[parts.length - 1] !== "..") parts.pop();
      else if (part && part !== ".") parts.push(part);
    });
    return parts.join("/");
  }

  function folderOf(path) {
    return path.slice(0, Math.max(0, path.lastIndexOf("/")));
  }

  function Source(path, text) {
    this.file = path;
    this.text = text;
  }

  // Line and column (in bytes, from 1) of an offset.
  Source.prototype.place = function (offset) {
    var before = this.text.slice(0, offset);
    var start = before.lastIndexOf("\n") + 1;
    return {
      file: this.file,
      line: before.split("\n").length,
      column: utf8(before.slice(start)).byteLength + 1,
    };
  };

  // What Node.js 18 and 20 take and this parser may be too old for: import attributes, the flag v of regular expressions.
  function newer(Base) {
    function Parser() {
      Base.apply(this, arguments);
    }
    Object.setPrototypeOf(Parser, Base);
    var proto = (Parser.prototype = Object.create(Base.prototype, { constructor: { value: Parser } }));

    proto.semicolon = function () {
      var quote = this.input.charAt(this.lastTokEnd - 1);
      var word = this.input.slice(this.start, this.end);
      if ((quote === '"' || quote === "'") && (word === "with" || word === "assert") &&
          /^\s*\{/.test(this.input.slice(this.end, this.end + 80))) {
        this.next();
        this.parseExprAtom();
      }
      return Base.prototype.semicolon.apply(this, arguments);
    };
    proto.parseDynamicImport = function (node) {
      this.next();
      node.source = this.parseMaybeAssign();
      if (this.eat(acorn.tokTypes.comma) && this.type !== acorn.tokTypes.parenR) {
        node.options = this.parseMaybeAssign();
        this.eat(acorn.tokTypes.comma);
      }
      this.expect(acorn.tokTypes.parenR);
      return this.finishNode(node, "ImportExpression");
    };
    proto.validateRegExpFlags = function (state) {
      if (state.flags.indexOf("v") < 0) Base.prototype.validateRegExpFlags.call(this, state);
    };
    proto.validateRegExpPattern = function (state) {
      if (state.flags.indexOf("v") < 0) Base.prototype.validateRegExpPattern.call(this, state);
    };
    return Parser;
  }

  var Parser = acorn.Parser.extend(newer);
  var spent = 0; // processor time

  function Tired() {}

  function parseAs(text, sourceType) {
    var tokens = 0, began = host.clock();
    try {
      return Parser.parse(text, {
        ecmaVersion: "latest",
        sourceType: sourceType,
        allowReturnOutsideFunction: sourceType === "script",
        allowHashBang: true,
        onToken: function () {
          if (++tokens % 512 === 0 && spent + host.clock() - began > PARSE_MS) throw new Tired();
        },
      });
    } finally {
      spent += host.clock() - began;
    }
  }

  // Parses; isModule: true, false, or null when nothing says so, and then the text does. Sets tree and isModule, or problem.
  Source.prototype.parse = function (isModule) {
    var tree = null, problem = null, self = this;
    function attempt(asModule) {
      try {
        tree = parseAs(self.text, asModule ? "module" : "script");
        self.isModule = asModule;
        problem = null;
      } catch (error) {
        problem = error;
      }
    }
    attempt(isModule === true);
    if (problem && isModule !== true && /import|export|await|meta/.test(problem.message || "")) {
      var first = problem;
      attempt(true);
      if (problem) problem = first;
    }
    this.tree = tree;
    if (problem instanceof Tired) this.skipped = "takes too long to look at";
    else if (problem instanceof RangeError) this.skipped = "is nested too deeply to be looked at";
    else if (problem && typeof problem.pos === "number") this.problem = problem;
    else if (problem) throw problem;
  };

  function Sources() {
    this.files = {};
    this.bytes = 0;
  }

  // A file of JavaScript, parsed once. It has `problem`, a syntax error; or `unreadable`; or `skipped`, why it was not looked at.
  Sources.prototype.get = function (path, isModule) {
    if (this.files[path]) return this.files[path];
    var got = readText(path, FILE_MAX);
    var source = (this.files[path] = new Source(path, got.text || ""));
    if (got.problem === "large" || (!got.problem && (this.bytes += got.size) > ALL_MAX)) source.skipped = "is too large to be looked at";
    else if (got.problem) source.unreadable = got.problem;
    else source.parse(isModule);
    return source;
  };

  // Calls visit(node, parents) for every node; parents is the way to it. By loops: each callback would take room of the
  // stack of the process.
  function walk(tree, visit) {
    var parents = [];
    function enter(node) {
      var keys = Object.keys(node), value, i, j;
      visit(node, parents);
      parents.push(node);
      for (i = 0; i < keys.length; i++) {
        value = node[keys[i]];
        if (Array.isArray(value)) {
          for (j = 0; j < value.length; j++) if (value[j] && value[j].type) enter(value[j]);
        } else if (value && typeof value.type === "string") enter(value);
      }
      parents.pop();
    }
    enter(tree);
  }

  // JSON as a tree with offsets: { value, source, node }, or { problem, source }.
  function readJson(path) {
    var got = readText(path);
    if (got.problem) return { problem: got.problem };
    var text = got.text.charAt(0) === "\ufeff" ? got.text.slice(1) : got.text;
    var source = new Source(path, text);
    try {
      return { value: JSON.parse(text), source: source };
    } catch (error) {
      var at = /offset (\d+)/.exec(error.message);
      return { problem: "json", source: source, offset: at ? Math.max(0, at[1] - 1) : 0 };
    }
  }

  // The offset of the last of these keys, each a member of the one before, in the text of a JSON object; 0 without it.
  function offsetOfKey(text, keys) {
    var node, found = 0;
    try {
      node = acorn.parseExpressionAt(text, 0, { ecmaVersion: "latest" });
    } catch (error) {
      return 0;
    }
    keys.every(function (key) {
      var member = (node && node.type === "ObjectExpression" ? node.properties : []).filter(function (property) {
        return property.key && property.key.value === key;
      })[0];
      if (!member) return false;
      found = member.start;
      node = member.value;
      return true;
    });
    return found;
  }

  berth.Sources = Sources;
  berth.readText = readText;
  berth.readJson = readJson;
  berth.offsetOfKey = offsetOfKey;
  berth.kindOf = kindOf;
  berth.isInstalled = isInstalled;
  berth.list = list;
  berth.join = join;
  berth.folderOf = folderOf;
  berth.walk = walk;
})(berth, host, acorn);
