"use strict";
// handler(event, context): requests as API Gateway's payload 2.0 events, and what comes back as responses.
const fs = require("node:fs");
const os = require("node:os");
const { buffer } = require("node:stream/consumers");
const { answer } = require("./returned");

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json";
const TEXTUAL = /^$|^text\/|^application\/(json|xml|javascript)$|\+(json|xml)$/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MEMORY_LIMIT = "/sys/fs/cgroup/memory.max";

function memoryLimit() {
  try {
    return Number(fs.readFileSync(MEMORY_LIMIT, "ascii")) || os.totalmem();
  } catch {
    return os.totalmem();
  }
}

// The second argument of a handler.
class Context {
  #deadline;
  constructor(settings, requestId) {
    this.#deadline = performance.now() + settings.timeout_ms;
    this.callbackWaitsForEmptyEventLoop = true;
    this.awsRequestId = requestId;
    this.functionName = settings.function;
    this.functionVersion = settings.revision;
    this.invokedFunctionArn = `arn:aws:lambda:local:000000000000:function:${settings.function}`;
    this.memoryLimitInMB = String(memoryLimit() >> 20);
    this.logGroupName = settings.function;
    this.logStreamName = settings.instance;
  }

  // How long the host still waits for the answer.
  getRemainingTimeInMillis() {
    return Math.max(Math.floor(this.#deadline - performance.now()), 0);
  }
}

function add(object, name, value) {
  object[name] = name in object ? `${object[name]},${value}` : value;
}

function bodyOf(bytes, contentType) {
  const text = bytes.toString();
  const isText = TEXTUAL.test(contentType.split(";", 1)[0].trim().toLowerCase()) && Buffer.from(text).equals(bytes);
  return { body: isText ? text : bytes.toString("base64"), isBase64Encoded: !isText };
}

function requestContext(request, path, headers) {
  const now = new Date();
  const two = (number) => String(number).padStart(2, "0");
  const domain = (headers.host ?? "").replace(/:\d+$/, "");
  return {
    accountId: "anonymous",
    apiId: (headers["x-forwarded-prefix"] ?? "").replace(/^\/+|\/+$/g, ""),
    domainName: domain,
    domainPrefix: domain.split(".", 1)[0],
    http: { method: request.method, path, protocol: "HTTP/1.1", sourceIp: headers["x-real-ip"] ?? "", userAgent: headers["user-agent"] ?? "" },
    requestId: headers["x-request-id"] ?? "",
    routeKey: "$default",
    stage: "$default",
    time: `${two(now.getUTCDate())}/${MONTHS[now.getUTCMonth()]}/${now.getUTCFullYear()}:${two(now.getUTCHours())}:` +
      `${two(now.getUTCMinutes())}:${two(now.getUTCSeconds())} +0000`,
    timeEpoch: now.getTime(),
  };
}

function eventOf(request, bytes) {
  const headers = {};
  const cookies = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i].toLowerCase();
    if (name === "cookie") cookies.push(...request.rawHeaders[i + 1].split(";").map((part) => part.trim()).filter(Boolean));
    else add(headers, name, request.rawHeaders[i + 1]);
  }
  const [path] = request.url.split("?", 1);
  const query = request.url.slice(path.length + 1);
  const parameters = {};
  for (const [name, value] of new URLSearchParams(query)) add(parameters, name, value);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: query,
    ...(cookies.length ? { cookies } : {}),
    headers,
    ...(query ? { queryStringParameters: parameters } : {}),
    requestContext: requestContext(request, path, headers),
    ...(bytes.length ? bodyOf(bytes, headers["content-type"] ?? "") : { isBase64Encoded: false }),
  };
}

function respond(response, result) {
  if (typeof result !== "object" || result === null || result.statusCode === undefined) {
    if (typeof result === "object" && result !== null && result instanceof globalThis.Response) return answer(response, result);
    return end(response, JSON_TYPE, typeof result === "string" ? result : JSON.stringify(result ?? null));
  }
  response.statusCode = Number(result.statusCode);
  for (const [name, value] of Object.entries(result.headers ?? {})) response.setHeader(name, String(value));
  for (const [name, values] of Object.entries(result.multiValueHeaders ?? {})) response.setHeader(name, values.map(String));
  if (result.cookies?.length) response.setHeader("Set-Cookie", [].concat(response.getHeader("Set-Cookie") ?? [], result.cookies));
  const { body } = result;
  if (body === undefined || body === null) return end(response, TEXT, "");
  if (typeof body === "string") return end(response, TEXT, result.isBase64Encoded ? Buffer.from(body, "base64") : body);
  if (body instanceof Uint8Array) return end(response, TEXT, body);
  return end(response, JSON_TYPE, JSON.stringify(body));
}

function end(response, type, body) {
  if (!response.hasHeader("Content-Type")) response.setHeader("Content-Type", type);
  if (response.statusCode !== 204 && response.statusCode !== 304) response.setHeader("Content-Length", Buffer.byteLength(body));
  response.end(body);
}

// With a third parameter a handler may call it instead of returning something.
function call(handler, event, context) {
  if (handler.length < 3) return handler(event, context);
  return new Promise((resolve, reject) => {
    const result = handler(event, context, (error, value) => (error ? reject(error) : resolve(value)));
    if (typeof result?.then === "function") result.then(resolve, reject);
  });
}

// A handler of requests from one of events.
function handlerOf(handler, settings) {
  return async (request, response) => {
    const bytes = await buffer(request);
    respond(response, await call(handler, eventOf(request, bytes), new Context(settings, request.headers["x-request-id"] ?? "")));
  };
}

module.exports = { handlerOf };
