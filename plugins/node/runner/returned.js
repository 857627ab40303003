"use strict";
// A response from what a handler returned.
const { Readable, pipeline } = require("node:stream");
const { fail } = require("./failure");

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json";
const BYTES = "application/octet-stream";

function isStream(value) {
  return value instanceof Readable || typeof value[Symbol.asyncIterator] === "function" ||
    (typeof value.next === "function" && typeof value[Symbol.iterator] === "function");
}

function send(response, type, body) {
  const length = Buffer.byteLength(body);
  response.writeHead(response.statusCode, response.hasHeader("Content-Type") ? { "Content-Length": length }
    : { "Content-Type": type, "Content-Length": length });
  response.end(body);
}

// The head goes with the first piece: until then a generator may set headers.
function stream(response, value) {
  const source = value instanceof Readable ? value : Readable.from(value, { objectMode: true });
  if (!response.hasHeader("Content-Type")) response.setHeader("Content-Type", TEXT);
  pipeline(source, response, (error) => error && error.code !== "ERR_STREAM_PREMATURE_CLOSE" && fail(response, error, false));
}

// Answers with any value but undefined, unless the handler has begun to answer.
function answer(response, value) {
  if (response.headersSent || response.writableEnded) return;
  if (typeof value === "string") send(response, TEXT, value);
  else if (value === null) {
    if (response.statusCode === 200) response.statusCode = 204;
    response.end();
  } else if (value instanceof Uint8Array) send(response, BYTES, value);
  else if (typeof value === "object" && value instanceof globalThis.Response) require("./web").answerWith(response, value);
  else if (typeof value === "object" && isStream(value)) stream(response, value);
  else send(response, JSON_TYPE, JSON.stringify(value) ?? "null");
}

module.exports = { answer };
