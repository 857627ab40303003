"use strict";
// What a prewarmed instance does before it is known which function it will serve: what most of them need is loaded, and what
// the first request would be the first to run has run, since it takes a multiple of its time until it is compiled.
const fs = require("node:fs");
const { createRequire } = require("node:module");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { current } = require("./output");

const NEEDED = ["crypto", "dns", "events", "fs/promises", "https", "querystring", "stream/promises", "timers/promises", "url", "util", "zlib"];
const REFUSED = "POST /.berth/init HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: 0\r\nContent-Length: 2\r\n\r\n{}";
const ROUNDS = 8;
const NO_RESPONSE = { req: { headers: {} } };

function loadModules(folder) {
  for (const name of NEEDED) require(`node:${name}`);
  require("./event");
  require("./web");
  void new Response("", { headers: { "content-type": "text/plain" } });
  void new Request("http://localhost/", { signal: new AbortController().signal });
  const file = path.join(folder, "index.js");
  fs.writeFileSync(file, "");
  createRequire(file)(file);
  delete require.cache[file];
  import("data:text/javascript,");
}

// Has the server answer requests to load nothing, which it refuses, over a connection of its own.
function exchange(server, folder, done) {
  const listener = net.createServer({ allowHalfOpen: true }, (socket) => server.emit("connection", socket));
  listener.listen(path.join(folder, "socket"), () => {
    const client = net.connect(listener.address());
    let left = ROUNDS;
    client.on("data", () => (--left > 0 ? client.write(REFUSED) : client.destroy()));
    client.once("close", () => listener.close(done));
    client.write(REFUSED);
  });
}

// Calls `done` when the runner whose server this is may dial.
function rehearse(server, done) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "rehearsal-"));
  loadModules(folder);
  current.run(NO_RESPONSE, () => exchange(server, folder, () => current.exit(() => {
    fs.rmSync(folder, { recursive: true });
    done();
  })));
}

module.exports = { rehearse };
