"use strict";
// A server that the function makes and starts by itself: it listens nowhere; the host's requests are handed to it.
const http = require("node:http");
const net = require("node:net");

const captured = { server: null, onServer: null };

// The port that listen() was asked for.
function portOf(args) {
  const first = typeof args[0] === "object" && args[0] !== null ? args[0].port : args[0];
  return Number(first) || 80;
}

function take(server, args) {
  const address = { address: "0.0.0.0", family: "IPv4", port: portOf(args) };
  let isOpen = true;
  Object.defineProperty(server, "listening", { get: () => isOpen, configurable: true });
  server.address = () => (isOpen ? address : null);
  server.close = (done) => {
    isOpen = false;
    if (typeof done === "function") server.once("close", done);
    captured.onClose?.();
    return server;
  };
  const done = args.findLast?.((each) => typeof each === "function") ?? args.filter((each) => typeof each === "function").pop();
  if (done) server.once("listening", done);
  captured.server = server;
  process.nextTick(() => {
    server.emit("listening");
    captured.onServer?.(server);
  });
}

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  if (captured.server !== null || !(this instanceof http.Server)) return listen.apply(this, args);
  take(this, args);
  return this;
};

module.exports = captured;
