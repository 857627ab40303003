"use strict";
// What the function's code threw: as text for the log, and as an answer.
const { log } = require("./output");

function isError(error) {
  return typeof error === "object" && error !== null && typeof error.message === "string";
}

// The stack without the frames of this runner and of Node.js itself.
function trace(error) {
  if (!isError(error)) return `thrown: ${describe(error)}`;
  const text = String(error.stack || error);
  const own = text.split("\n").filter((line) => !/^ +at .*(\/opt\/berth\/|\(node:|at node:|node:internal)/.test(line)).join("\n");
  return error.cause === undefined ? own : `${own}\ncaused by ${trace(error.cause)}`;
}

function describe(value) {
  try {
    return typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  } catch {
    return typeof value;
  }
}

// The error in one line.
function summary(error) {
  const text = isError(error) ? `${error.name || "Error"}: ${error.message}` : describe(error);
  return text.replace(/\s+/g, " ").trim().slice(0, 500);
}

// Where in the folder `code` it happened, as "index.js:3"; "" when it was elsewhere.
function place(error, code) {
  const stack = isError(error) ? String(error.stack) : "";
  const at = stack.indexOf(`${code}/`);
  const found = at < 0 ? null : /^(.*?):(\d+)/.exec(stack.slice(at + code.length + 1).split("\n", 1)[0]);
  return found ? `${found[1]}:${found[2]}` : "";
}

// The body that every error has, whoever makes it (docs/errors.md).
function errorBody(reason, message, hint, requestId, stack) {
  const error = { component: "function", reason, message, hint, request_id: requestId };
  return JSON.stringify({ error: stack === undefined ? error : { ...error, traceback: stack } });
}

// Answers a request whose handler has failed, or cuts its answer short so that the client sees that something is missing.
function fail(response, error, debug) {
  const text = trace(error);
  log(text);
  if (response.writableEnded || response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  const requestId = response.req.headers["x-request-id"] ?? "";
  const name = isError(error) ? error.name || "Error" : typeof error;
  const body = debug ? errorBody("exception", `the function failed with ${summary(error)}`, "", requestId, text)
    : errorBody("exception", `the function failed with ${name}`,
      "the stack is in the function's log; with `debug: true` it is also shown here", requestId);
  response.writeHead(500, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

module.exports = { errorBody, fail, place, summary, trace };
