"use strict";
// Standard output and standard error, line by line, each line marked with the request that it belongs to
// (docs/runner-protocol.md, "Output"). A line whose end has not come is held for a moment.
const { AsyncLocalStorage } = require("node:async_hooks");

const RS = "\x1e";
const HELD_MAX = 64 << 10; // characters of a line that does not end
const HELD_MS = 200;

// The response that the code which runs is at work on: handlers and all that they start.
const current = new AsyncLocalStorage();
const lines = [];

function mark() {
  const response = current.getStore();
  if (response === undefined) return "";
  const id = response.req.headers["x-request-id"];
  return id ? RS + id + RS : "";
}

class Lines {
  constructor(stream) {
    this.held = new Map(); // mark: the beginning of a line
    this.timer = undefined;
    this.put = stream.write.bind(stream);
    stream.write = (chunk, encoding, done) => this.write(chunk, encoding, done);
  }

  write(chunk, encoding, done) {
    if (typeof encoding === "function") [encoding, done] = [undefined, encoding];
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array))
      throw new TypeError("what is written must be a string, a Buffer or a Uint8Array");
    const text = typeof chunk !== "string" ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString()
      : encoding && encoding !== "utf8" && encoding !== "utf-8" ? Buffer.from(chunk, encoding).toString() : chunk;
    const before = mark();
    const parts = ((this.held.get(before) ?? "") + text).split("\n");
    let rest = parts.pop();
    this.held.delete(before);
    if (rest.length > HELD_MAX) {
      parts.push(rest + RS);
      rest = "";
    }
    if (rest) this.hold(before, rest);
    if (parts.length) this.put(parts.map((line) => `${before}${line}\n`).join(""));
    if (typeof done === "function") process.nextTick(done);
    return true;
  }

  hold(before, rest) {
    this.held.set(before, rest);
    this.timer ??= setTimeout(() => this.release(RS), HELD_MS).unref();
  }

  // Writes what is held; `end` tells that more of a line may come.
  release(end) {
    clearTimeout(this.timer);
    this.timer = undefined;
    const held = [...this.held];
    this.held.clear();
    if (held.length) this.put(held.map(([before, rest]) => `${before}${rest}${end}\n`).join(""));
  }
}

function install() {
  lines.push(new Lines(process.stdout), new Lines(process.stderr));
  process.on("exit", () => lines.forEach((each) => each.release("")));
}

// A line for the function's log.
function log(text) {
  process.stderr.write(text.endsWith("\n") ? text : `${text}\n`);
}

module.exports = { current, install, log };
