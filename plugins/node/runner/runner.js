"use strict";
// The runner's life: connect, be told what to serve, serve it, end.
const http = require("node:http");
const captured = require("./capture");
const { errorBody, fail, trace } = require("./failure");
const { LoadError, loadError, loadFunction } = require("./load");
const { current, log } = require("./output");
const { Answer, Request } = require("./request");
const { SLOT, Slot } = require("./slot");
const { Work } = require("./work");

const PROTOCOL = 1;
const CONTROL = "/.berth/";
const HEAD_MAX = 1 << 20; // bytes; the host's own limits are lower
const FORWARDED = ["upgrade", "checkContinue", "checkExpectation"]; // what a server may listen for besides requests
const { exit } = process; // which means something else while libraries are loaded

function sendJson(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

class Runner {
  constructor(path) {
    this.path = path;
    this.slots = [];
    this.work = new Work();
    this.settings = null; // of the function that is loaded
    this.served = null; // what shape.make() gave
    this.failLoading = null; // while the function or a library is being loaded: ends that
    this.isPrewarmed = false; // whether libraries have been loaded, or are being, before the function is known
    this.isWaiting = false; // whether nothing but the function itself keeps this process
    this.isStopping = false;
    this.exitStatus = 0;
    this.server = this.makeServer();
    captured.onClose = () => this.checkEnd();
  }

  makeServer() {
    const options = {
      IncomingMessage: Request, ServerResponse: Answer, maxHeaderSize: HEAD_MAX, requireHostHeader: false, keepAliveTimeout: 0, requestTimeout: 0,
      headersTimeout: 0,
    };
    const server = http.createServer(options);
    server.keepAliveTimeout = server.requestTimeout = server.headersTimeout = server.timeout = server.maxHeadersCount = 0;
    server.on("request", (request, response) => this.take(request, response));
    server.on("clientError", (_error, socket) => socket.destroy());
    return server;
  }

  start() {
    this.slots.push(new Slot(this));
  }

  take(request, response) {
    request.isArriving = false;
    if (request.url.startsWith(CONTROL)) {
      this.control(request, response);
      return;
    }
    const slot = request.socket[SLOT];
    slot.response = response;
    response.on("close", freeSlot);
    if (this.served === null) sendJson(response, 503, errorBody("load-failed", "no function is loaded yet", "", ""));
    else current.run(response, serve, this, request, response);
  }

  // --- what the host says ---

  control(request, response) {
    const isInit = request.url === `${CONTROL}init`;
    if (request.method !== "POST" || (!isInit && request.url !== `${CONTROL}prewarm`)) {
      this.refuse(response, 404, `this runner knows no ${request.method} ${request.url}`);
      return;
    }
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => this.told(request, response, Buffer.concat(pieces), isInit).catch((error) => this.refuse(response, 500, String(error), trace(error))));
  }

  refuse(response, status, message, stack) {
    sendJson(response, status, errorBody("load-failed", message, "", "", stack));
  }

  async told(request, response, body, isInit) {
    let settings;
    try {
      if (Number(request.headers["berth-settings-length"] ?? body.length) !== body.length) throw new Error("Berth-Settings-Length is not the length of the body");
      settings = JSON.parse(body);
    } catch (error) {
      return this.refuse(response, 400, `${request.url} cannot be read: ${error.message}`);
    }
    if (settings?.protocol !== PROTOCOL) return this.refuse(response, 400, `this runner speaks protocol ${PROTOCOL}, not ${settings?.protocol}`);
    return isInit ? this.init(response, settings) : this.prewarm(response, settings);
  }

  async prewarm(response, settings) {
    if (this.settings !== null || this.isPrewarmed) return this.refuse(response, 409, "this runner has been told what to load");
    const { areRight, prewarm } = require("./prewarm");
    if (!areRight(settings)) return this.refuse(response, 400, "`modules` or `secret_names` is no list of names");
    this.isPrewarmed = true;
    return sendJson(response, 200, JSON.stringify(await prewarm(settings, this)));
  }

  async init(response, settings) {
    return this.settings === null ? this.initFirst(response, settings) : this.initAgain(response, settings);
  }

  initAgain(response, settings) {
    if (settings.revision !== this.settings.revision) return this.refuse(response, 409, `this runner serves revision ${this.settings.revision}`);
    const owed = this.slots.filter((slot) => slot.response !== null).length;
    return sendJson(response, 200, JSON.stringify({ loaded: true, ...(this.work.goesOn(owed) ? { working: true } : {}) }));
  }

  async initFirst(response, settings) {
    this.settings = settings;
    let report, modules;
    try {
      if (settings.report_modules === true) report = new (require("./report").Report)(settings);
      this.served = await this.load(settings);
    } catch (error) {
      this.settings = null;
      log(error.trace ?? error.message);
      return this.refuse(response, 500, error.message, error.trace);
    } finally {
      modules = report?.end();
      this.setWaiting(false);
      this.failLoading = null;
    }
    if (this.served.server) this.forward(this.served.server);
    this.work.loaded();
    sendJson(response, 200, JSON.stringify({ loaded: true, modules }));
    this.openSlots(settings.concurrency);
    return undefined;
  }

  // One in each turn of the loop, so that the request that the first connection is about to bring does not wait for all.
  openSlots(concurrency) {
    if (this.isStopping || this.slots.length >= concurrency) return;
    this.slots.push(new Slot(this));
    setImmediate(() => this.openSlots(concurrency));
  }

  // Loads the function. While it does, nothing but the function keeps the process, so that an end of all that it waits for
  // shows.
  load(settings) {
    return new Promise((resolve, reject) => {
      this.failLoading = (error) => reject(error instanceof LoadError ? error : loadError(error, settings.code));
      this.setWaiting(true);
      process.once("beforeExit", () => this.failLoading?.(new LoadError(this.whyNothingCame)));
      this.whyNothingCame = `loading ${settings.runtime?.file} does not end: it awaits what never comes`;
      const waiting = () => new Promise((serve) => {
        this.whyNothingCame = `${settings.runtime?.file} exports no handler and calls no listen()`;
        captured.onServer = serve;
      });
      loadFunction(settings, this.work, waiting).then(resolve, reject);
    });
  }

  setWaiting(isWaiting) {
    this.isWaiting = isWaiting;
    for (const { socket } of this.slots) if (isWaiting) socket?.unref();
    else socket?.ref();
  }

  // Hands on what the function's own server listens for, from the moment that it does.
  forward(server) {
    for (const name of FORWARDED) {
      if (server.listenerCount(name) > 0) this.forwardEvent(server, name);
      else server.on("newListener", (added) => added === name && this.forwardEvent(server, name));
    }
  }

  forwardEvent(server, name) {
    if (this.server.listenerCount(name) > 0) return;
    this.server.on(name, (request, second, head) => {
      const slot = request.socket[SLOT];
      if (name === "upgrade") slot.isTunnel = true;
      else {
        slot.response = second;
        second.on("close", freeSlot);
      }
      current.run(name === "upgrade" ? tunnelOf(request) : second, () => server.emit(name, request, second, head));
    });
  }

  // --- what goes wrong ---

  // An exception that nothing has caught. It belongs to a request where it is known which one the code was at work on;
  // else the process is of no more use.
  uncaught(error) {
    if (this.failLoading) {
      this.failLoading(error);
      return;
    }
    const response = current.getStore();
    if (response instanceof http.ServerResponse) {
      fail(response, error, this.work.debug);
      return;
    }
    log(trace(error));
    if (response === undefined && process.listenerCount("uncaughtException") === 1) this.stop(1);
  }

  // --- the end ---

  // Takes no new request, finishes those under way, and ends the process.
  stop(status) {
    this.exitStatus = status;
    if (this.settings === null || this.failLoading) exit.call(process, status);
    if (this.isStopping) return;
    this.isStopping = true;
    setImmediate(() => setImmediate(() => this.endSlots())); // what has been sent before is read first
  }

  endSlots() {
    for (const slot of this.slots) slot.end();
    this.checkEnd();
  }

  checkEnd() {
    if (!this.isStopping || this.slots.some((slot) => slot.socket !== null)) return;
    captured.server?.emit("close");
    Promise.resolve().then(() => this.served?.close?.()).catch((error) => log(trace(error))).finally(() => process.exit(this.exitStatus));
  }
}

function serve(runner, request, response) {
  try {
    runner.served.serve(request, response);
  } catch (error) {
    fail(response, error, runner.work.debug);
  }
}

// The response has been sent, or its client has gone.
function freeSlot() {
  const { req: request } = this;
  if (!request.complete && !request.destroyed) request.resume();
  const slot = request.socket[SLOT];
  if (slot.response === this) slot.free();
}

// What stands for the response of a connection that has become a tunnel.
function tunnelOf(request) {
  return { req: request };
}

module.exports = { Runner };
