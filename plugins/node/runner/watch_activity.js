"use strict";
// Finds what has begun to run or to wait in this process.
const { createHook } = require("node:async_hooks");
const fs = require("node:fs");

// What Node.js calls what it makes, and what that is an effect of, even if it has ended since. Timers are one if they go on.
const EFFECTS = {
  FSEVENTWRAP: "watches files", STATWATCHER: "watches files",
  GETADDRINFOREQWRAP: "opens a connection", PIPECONNECTWRAP: "opens a connection", QUERYWRAP: "opens a connection",
  TCPCONNECTWRAP: "opens a connection", UDPWRAP: "opens a connection",
  PIPESERVERWRAP: "listens for connections", TCPSERVERWRAP: "listens for connections",
  PROCESSWRAP: "starts a process", WORKER: "starts a thread",
};
const TURNS_MAX = 100; // what is over by then is no effect, however slow the machine is
const TURN_MS = 2;

function isTelling(event) {
  return typeof event === "string" && /^(SIG[A-Z0-9]+|beforeExit|uncaughtException.*|unhandledRejection)$/.test(event);
}

const { readdirSync } = fs; // before anything watches it

function filesOf(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function descriptors() {
  const open = new Set();
  for (const fd of filesOf("/proc/self/fd")) {
    try {
      open.add(fs.readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // the one that the list was read by
    }
  }
  return open;
}

function listeners() {
  return new Map(process.eventNames().filter(isTelling).map((event) => [event, process.listenerCount(event)]));
}

class ActivityWatch {
  constructor(tell) {
    this.tell = tell;
    this.timers = new Set(); // ids
    this.isOwn = false; // whether what is made is the runner's
    this.hook = createHook({
      init: (id, type) => this.made(id, type),
      destroy: (id) => this.timers.delete(id),
    }).enable();
  }

  made(id, type) {
    if (this.isOwn) return;
    if (type === "Timeout") this.timers.add(id);
    else if (type in EFFECTS) this.tell(EFFECTS[type]);
  }

  // Remembers how things are. What was there before is no effect of what comes.
  begin() {
    this.timers.clear();
    this.threads = new Set(filesOf("/proc/self/task"));
    this.descriptors = descriptors();
    this.listeners = listeners();
    this.folder = process.cwd();
    this.files = new Set(filesOf(this.folder));
  }

  // A timer of the runner's own.
  after(ms, done) {
    this.isOwn = true;
    const timer = setTimeout(done, ms);
    this.isOwn = false;
    return timer;
  }

  // Tells what has changed since, after a moment for what ends by itself.
  async compare() {
    await new Promise(setImmediate); // rejections that nothing catches have shown by then
    for (let turns = 0; this.timers.size > 0 && turns < TURNS_MAX; turns++) await new Promise((resolve) => this.after(TURN_MS, resolve));
    if (this.timers.size > 0) this.tell("starts a timer");
    if (filesOf("/proc/self/task").some((thread) => !this.threads.has(thread))) this.tell("starts a thread");
    for (const file of descriptors()) if (!this.descriptors.has(file)) this.tell(`keeps ${file.replace(/:.*/, "")} open`);
    for (const [event, count] of listeners()) if (count > (this.listeners.get(event) ?? 0)) this.tell(`listens for ${event}`);
    if (filesOf(this.folder).some((file) => !this.files.has(file))) this.tell("makes files in the working directory");
    if (process.cwd() !== this.folder) this.tell("changes the working directory");
  }

  end() {
    this.hook.disable();
  }
}

module.exports = { ActivityWatch };
