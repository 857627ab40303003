// What a file exports, and which of it is the handler (runner/shape.js looks for it in the same order).
(function (berth) {
  "use strict";
  var NAMES = ["handler", "lambdaHandler", "handle", "fetch", "app", "application", "server"];
  var EVENTS = ["handler", "lambdaHandler"]; // called with an event, unless the first parameter says otherwise
  var REQUEST_PARAMETER = /^_*(req|request|incoming|message|c|ctx)$/i;
  var EVENT_PARAMETER = /^_*(event|evt|e)$/i;
  var DEPTH = 8;

  function parameterNames(node) {
    return node.params.map(function (parameter) {
      var pattern = parameter.type === "AssignmentPattern" ? parameter.left : parameter;
      return pattern.type === "Identifier" ? pattern.name : "";
    });
  }

  function keyOf(node) {
    if (node.computed && node.property ? node.property.type !== "Literal" : node.computed) return null;
    var key = node.property || node.key;
    return key.type === "Identifier" ? key.name : key.value === undefined ? null : String(key.value);
  }

  function Exports(source) {
    this.source = source;
    this.bindings = {};
    this.named = {};
    this.whole = null; // what module.exports or the default export is
    this.isOpen = false; // more may be exported than can be seen
    this.listens = false;
    this.first = null; // the first statement that makes the file a module
    this.bind(source.tree.body);
    source.tree.body.forEach(this.take, this);
    this.scan();
  }

  Exports.prototype.bind = function (body) {
    body.forEach(function (statement) {
      var node = statement.declaration && statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
      if (node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") this.bindings[node.id.name] = node;
      if (node.type === "VariableDeclaration") node.declarations.forEach(function (declarator) {
        if (declarator.id.type === "Identifier") this.bindings[declarator.id.name] = declarator.init || { type: "Unknown", start: declarator.start };
      }, this);
      if (node.type === "ImportDeclaration") node.specifiers.forEach(function (specifier) {
        this.bindings[specifier.local.name] = { type: "Unknown", start: specifier.start };
      }, this);
    }, this);
  };

  // What an expression is: { kind, node, parameters } with kind function, class, object, literal or unknown.
  Exports.prototype.describe = function (node, depth) {
    depth = depth || 0;
    if (depth > DEPTH || !node) return { kind: "unknown", node: node };
    switch (node.type) {
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        return { kind: "function", node: node, parameters: parameterNames(node) };
      case "ClassDeclaration":
      case "ClassExpression":
        return { kind: "class", node: node };
      case "ObjectExpression":
        return { kind: "object", node: node };
      case "Literal":
      case "TemplateLiteral":
      case "ArrayExpression":
        return { kind: "literal", node: node };
      case "Identifier":
        return this.describe(Object.prototype.hasOwnProperty.call(this.bindings, node.name) && this.bindings[node.name], depth + 1);
      case "AssignmentExpression":
        return this.describe(node.right, depth + 1);
    }
    return { kind: "unknown", node: node };
  };

  Exports.prototype.name = function (name, node, at) {
    var value = this.describe(node);
    value.at = (at || node).start;
    if (name === "default") this.whole = value;
    else this.named[name] = value;
  };

  // The members of an object that is exported as a whole.
  Exports.prototype.open = function (value) {
    if (value.kind === "unknown") this.isOpen = true;
    if (value.kind !== "object") return;
    value.node.properties.forEach(function (property) {
      var key = property.type === "Property" ? keyOf(property) : null;
      if (key === null) this.isOpen = true;
      else this.name(key, property.value, property);
    }, this);
  };

  // A statement of a module.
  Exports.prototype.take = function (statement) {
    if (!this.first && /^(Import|Export)/.test(statement.type)) this.first = statement;
    if (statement.type === "ExportDefaultDeclaration") this.name("default", statement.declaration, statement);
    else if (statement.type === "ExportAllDeclaration") this.isOpen = true;
    else if (statement.type === "ExportNamedDeclaration") {
      statement.specifiers.forEach(function (specifier) {
        var local = statement.source ? { type: "Unknown", start: specifier.start } : specifier.local;
        this.name(specifier.exported.name || specifier.exported.value, local, specifier);
      }, this);
      if (statement.declaration) this.takeDeclaration(statement.declaration);
    }
  };

  Exports.prototype.takeDeclaration = function (node) {
    if (node.id) this.name(node.id.name, node);
    else node.declarations.forEach(function (declarator) {
      if (declarator.id.type === "Identifier") this.name(declarator.id.name, declarator.init || declarator, declarator);
      else this.isOpen = true;
    }, this);
  };

  function isModuleExports(node) {
    return node.type === "MemberExpression" && node.object.type === "Identifier" && node.object.name === "module" && keyOf(node) === "exports";
  }

  function isExports(node) {
    return (node.type === "Identifier" && node.name === "exports") || isModuleExports(node);
  }

  // What is exported by assignments, wherever they are, and calls of listen().
  Exports.prototype.scan = function () {
    var self = this;
    berth.walk(this.source.tree, function (node, parents) {
      if (node.type === "AssignmentExpression") self.assigned(node);
      else if (node.type === "CallExpression") self.called(node, parents);
    });
    if (this.whole) this.open(this.whole);
  };

  Exports.prototype.assigned = function (node) {
    if (this.source.isModule) return;
    if (isModuleExports(node.left)) this.name("default", node.right, node);
    else if (node.left.type === "MemberExpression" && isExports(node.left.object)) {
      var key = keyOf(node.left);
      if (key === null) this.isOpen = true;
      else if (!/^void /.test(this.source.text.slice(node.right.start, node.right.end))) this.name(key, node.right, node);
    }
  };

  Exports.prototype.called = function (node) {
    if (node.callee.type === "MemberExpression" && keyOf(node.callee) === "listen") this.listens = true;
    if (node.arguments.some(isExports) && !(node.arguments[1] && node.arguments[1].value === "__esModule")) this.isOpen = true;
  };

  // The handler: { name, value } with name "default" for the whole; or null.
  Exports.prototype.handler = function (wanted) {
    var self = this, found = null;
    if (wanted) return this.wanted(wanted);
    if (this.whole && this.whole.kind !== "object") return wholeOf(this);
    NAMES.some(function (name) {
      return (found = self.member(name)) !== null;
    });
    return found;
  };

  // The export that `handler` names; of a member of one only that there is such an export is known.
  Exports.prototype.wanted = function (path) {
    var names = path.split("."), found = names[0] === "default" ? wholeOf(this) : this.member(names[0]);
    return found && names.length > 1 ? { name: path, value: { kind: "unknown" } } : found;
  };

  function wholeOf(exports) {
    return exports.whole && { name: "default", value: exports.whole };
  }

  Exports.prototype.member = function (name) {
    return Object.prototype.hasOwnProperty.call(this.named, name) ? { name: name, value: this.named[name] } : null;
  };

  // Whether a handler is called with an event and a context.
  function takesEvent(handler) {
    if (!handler || handler.value.kind !== "function") return false;
    var first = handler.value.parameters[0] || "";
    return EVENTS.indexOf(handler.name) >= 0 ? !REQUEST_PARAMETER.test(first) : handler.name !== "fetch" && EVENT_PARAMETER.test(first);
  }

  var EXAMPLE = 'write `module.exports = async (req, res) => "hello"`';
  var MODULE_EXAMPLE = 'write `export default async (req, res) => "hello"`';

  // Says what is wrong with the handler of the entry file.
  function checkHandler(job, source, exports) {
    var handler = exports.handler(job.handler), findings = job.findings;
    if (!handler) return exports.isOpen ? undefined : missing(job, source, exports);
    var what = { literal: "a value", class: "a class" }[handler.value.kind];
    if (handler.value.kind === "object" && handler.name !== "default") what = "an object";
    if (what && !(handler.value.kind === "object" && isServerLike(handler.value)))
      findings.error(source.place(handler.value.at), "the handler " + berth.quoted(handler.name) + " is " + what + " and cannot be called", "export a function");
  }

  // An object with a method `fetch`.
  function isServerLike(value) {
    return value.node.properties.some(function (property) {
      return property.type !== "Property" || keyOf(property) === "fetch";
    });
  }

  function missing(job, source, exports) {
    var findings = job.findings, names = Object.keys(exports.named), near;
    if (job.handler) {
      near = berth.nearest(job.handler, names);
      findings.error({ option: "handler" }, berth.quoted(source.file) + " exports no " + berth.quoted(job.handler),
                     berth.didYouMean(near) || (names.length ? "it exports " + berth.listed(names) : "it exports nothing"));
      return;
    }
    if (exports.listens || (!names.length && !exports.whole && job.hasOwnImports)) return;
    var hidden = NAMES.filter(function (name) { return Object.prototype.hasOwnProperty.call(exports.bindings, name); })[0];
    var wrong = names.map(function (name) { return { name: name, near: berth.nearest(name, NAMES) }; })
        .filter(function (pair) { return pair.near; })[0];
    if (hidden) findings.error(source.place(exports.bindings[hidden].start), berth.quoted(hidden) + " is not exported",
                               "write `" + (source.isModule ? "export default " : "module.exports = ") + hidden + "`");
    else findings.error(source.place(wrong ? exports.named[wrong.name].at : 0),
                        berth.quoted(source.file) + " exports no handler" + (names.length ? ", but " + berth.listed(names) : "") + ", and calls no listen()",
                        wrong ? berth.didYouMean(wrong.near) : source.isModule ? MODULE_EXAMPLE : EXAMPLE);
  }

  berth.Exports = Exports;
  berth.takesEvent = takesEvent;
  berth.checkHandler = checkHandler;
})(berth);
