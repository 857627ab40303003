"use strict";
// The process in a Node.js function's container: dials the host and serves the function (docs/runner-protocol.md).
const output = require("./output");
const { Runner } = require("./runner");

output.install();
const runner = new Runner(process.env.BERTH_SOCKET || "/run/berth/host.sock");
process.on("SIGTERM", () => runner.stop(0));
process.on("uncaughtException", (error) => runner.uncaught(error));
if (process.env.BERTH_PREWARMED === "1") require("./ahead").rehearse(runner.server, () => runner.start());
else runner.start();
