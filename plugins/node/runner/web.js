"use strict";
// fetch(request): the web's Request and Response.
const { Readable } = require("node:stream");
const { fail } = require("./failure");
const { signalOf } = require("./request");

function requestOf(request, response) {
  const headers = new Headers();
  for (let i = 0; i < request.rawHeaders.length; i += 2) headers.append(request.rawHeaders[i], request.rawHeaders[i + 1]);
  const { method } = request;
  const hasBody = method !== "GET" && method !== "HEAD" &&
    (request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"]) > 0);
  const url = `${request.headers["x-forwarded-proto"] ?? "http"}://${request.headers.host || "localhost"}${request.url}`;
  return new globalThis.Request(url, {
    method, headers, signal: signalOf(response), ...(hasBody ? { body: Readable.toWeb(request), duplex: "half" } : {}),
  });
}

function written(response) {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

async function pass(response, body) {
  const reader = body.getReader();
  const stop = () => response.writableFinished || reader.cancel().catch(() => {});
  response.once("close", stop);
  for (;;) {
    const { done, value } = await reader.read();
    if (done || response.destroyed) break;
    if (!response.write(value)) await written(response);
  }
  response.end();
}

// Sends a web Response.
function answerWith(response, answer) {
  response.statusCode = answer.status;
  if (answer.statusText) response.statusMessage = answer.statusText;
  for (const [name, value] of answer.headers) if (name !== "set-cookie") response.setHeader(name, value);
  const cookies = answer.headers.getSetCookie?.() ?? [];
  if (cookies.length) response.setHeader("Set-Cookie", cookies);
  if (answer.body === null) response.end();
  else pass(response, answer.body).catch((error) => fail(response, error, false));
}

// A handler of requests from one of the web's.
function handlerOf(fetch, work) {
  return async (request, response) => {
    const answer = await fetch(requestOf(request, response), process.env, { waitUntil: (promise) => work.wait(promise), passThroughOnException() {} });
    if (!(answer instanceof globalThis.Response)) throw new TypeError("fetch() gave no Response");
    answerWith(response, answer);
  };
}

module.exports = { answerWith, handlerOf };
