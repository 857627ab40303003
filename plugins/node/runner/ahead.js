"use strict";
// What most functions need, loaded in a prewarmed instance: before it is known which one it will serve.
for (const name of ["crypto", "dns", "events", "fs/promises", "https", "os", "path", "querystring", "stream/promises", "timers/promises",
  "url", "util", "zlib"]) require(`node:${name}`);
require("./event");
require("./web");
void new Response("", { headers: { "content-type": "text/plain" } });
void new Request("http://localhost/", { signal: new AbortController().signal });
