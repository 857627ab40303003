"use strict";
// Which of what a file exports is the handler, and what makes one of every shape (analysis/exports.js looks for it in the
// same order).
const http = require("node:http");

const NAMES = ["handler", "lambdaHandler", "handle", "fetch", "app", "application", "server"];
const EVENTS = ["handler", "lambdaHandler"]; // called with an event, unless the first parameter says otherwise
const REQUEST_PARAMETER = /^_*(req|request|incoming|message|c|ctx)$/i;
const EVENT_PARAMETER = /^_*(event|evt|e)$/i;
const FIRST_PARAMETER = /^(?:async\b)?\s*(?:function\b\s*\*?\s*[\w$]*|[\w$]+(?=\s*\())?\s*\(?\s*([A-Za-z_$][\w$]*)/;

function isObject(value) {
  return value !== null && (typeof value === "object" || typeof value === "function");
}

function isKoa(value) {
  return isObject(value) && typeof value.callback === "function" && Array.isArray(value.middleware);
}

function isFastify(value) {
  return isObject(value) && typeof value.ready === "function" && typeof value.routing === "function";
}

// Whether something can answer requests by itself.
function serves(value) {
  return typeof value === "function" || value instanceof http.Server || isKoa(value) || isFastify(value) ||
    (isObject(value) && typeof value.fetch === "function");
}

function firstParameter(handler) {
  return FIRST_PARAMETER.exec(Function.prototype.toString.call(handler))?.[1] ?? "";
}

function takesEvent(name, handler) {
  const first = firstParameter(handler);
  return EVENTS.includes(name) ? !REQUEST_PARAMETER.test(first) : EVENT_PARAMETER.test(first);
}

function member(object, path) {
  return path.split(".").reduce((value, name) => (isObject(value) ? value[name] : undefined), object);
}

// Whether an object that could serve is only a set of exports, one of which comes before its `fetch`.
function hasBetter(whole) {
  return typeof whole === "object" && NAMES.slice(0, NAMES.indexOf("fetch")).some((name) => Object.hasOwn(whole, name) && typeof whole[name] === "function");
}

// { name, value } of the handler among what a file exports, or null.
async function find(exported, isModule, wanted) {
  const whole = await (isModule || (isObject(exported) && !serves(exported) && exported.default !== undefined) ? exported.default : exported);
  if (wanted) {
    const value = await (wanted === "default" ? whole : member(exported, wanted) ?? member(whole, wanted));
    return value === undefined ? null : { name: wanted, value };
  }
  if (serves(whole) && !hasBetter(whole)) return { name: "default", value: whole };
  for (const from of [whole, exported]) {
    for (const name of isObject(from) ? NAMES : []) {
      const value = await from[name];
      if (serves(value)) return { name, value };
    }
  }
  return null;
}

// { serve(request, response), server, close }: what a handler of any shape comes to; server: the http.Server it is of, if
// one; close: what ends it. `work` is what is told of what goes on.
async function make(found, settings, work) {
  const { name, value } = found;
  if (value instanceof http.Server) return ofServer(value);
  if (isFastify(value)) {
    await value.ready();
    return { ...ofServer(value.server), close: () => value.close() };
  }
  if (isKoa(value)) return { serve: value.callback() };
  if (typeof value !== "function") return { serve: work.watched(require("./web").handlerOf(value.fetch.bind(value), work)) };
  if (name === "fetch") return { serve: work.watched(require("./web").handlerOf(value, work)) };
  if (takesEvent(name, value)) return { serve: work.watched(require("./event").handlerOf(value, settings)) };
  return { serve: work.watched(value) };
}

function ofServer(server) {
  return { serve: (request, response) => server.emit("request", request, response), server };
}

module.exports = { find, make, ofServer };
