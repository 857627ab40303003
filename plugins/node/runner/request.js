"use strict";
// Node's own request and response, with what handlers like to have besides.
const http = require("node:http");
const { text } = require("node:stream/consumers");

function keep(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: true });
  return value;
}

// A getter whose value is kept, and that whoever wants may replace.
function lazily(type, name, get) {
  Object.defineProperty(type.prototype, name, {
    get() {
      return keep(this, name, get(this));
    },
    set(value) {
      keep(this, name, value);
    },
    configurable: true,
  });
}

const NO_HEADERS = Object.freeze({});

function isExpect(text) {
  return text.length === 6 && text.toLowerCase() === "expect";
}

class Request extends http.IncomingMessage {
  // Before anybody sees a request Node's server looks for `expect` among its headers. Where there is none it is spared
  // making an object of them all, which takes longer than many a handler and which few of those look at.
  get headers() {
    return this.isArriving ? NO_HEADERS : super.headers;
  }

  set headers(headers) {
    super.headers = headers;
  }

  text() {
    return text(this);
  }

  async json() {
    return JSON.parse(await text(this));
  }
}

lazily(Request, "requestId", (request) => request.headers["x-request-id"] ?? "");
lazily(Request, "path", (request) => request.url.split("?", 1)[0]);
lazily(Request, "query", (request) => {
  const query = {};
  const at = request.url.indexOf("?");
  for (const [name, value] of at < 0 ? [] : new URLSearchParams(request.url.slice(at + 1)))
    query[name] = name in query ? [].concat(query[name], value) : value;
  return query;
});
lazily(Request, "cookies", (request) => Object.fromEntries((request.headers.cookie ?? "").split(";").filter((part) => part.includes("="))
  .map((part) => [part.slice(0, part.indexOf("=")).trim(), part.slice(part.indexOf("=") + 1).trim()])));
lazily(Request, "signal", (request) => signalOf(request.berthResponse));

class Answer extends http.ServerResponse {
  constructor(request, options) {
    super(request, options);
    request.berthResponse = this;
    request.isArriving = !request.rawHeaders.some(isExpect);
  }

  status(code) {
    this.statusCode = code;
    return this;
  }

  json(value) {
    if (!this.hasHeader("Content-Type")) this.setHeader("Content-Type", "application/json");
    return this.end(JSON.stringify(value));
  }

  send(value) {
    require("./returned").answer(this, value === undefined ? "" : value);
    return this;
  }
}

// Aborted when the client goes before it has the whole response.
function signalOf(response) {
  const controller = new AbortController();
  if (response.destroyed && !response.writableFinished) controller.abort();
  else response.once("close", () => response.writableFinished || controller.abort());
  return controller.signal;
}

module.exports = { Answer, Request, signalOf };
