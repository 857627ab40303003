"use strict";
// A connection to the host, dialled anew whenever it is lost; and the one server, which listens nowhere, that reads what
// comes over them.
const net = require("node:net");

const FIRST_DELAY_MS = 20;
const LAST_DELAY_MS = 100;
const FAREWELL_MS = 1000;
const SLOT = Symbol("slot");
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9]); // a WebSocket's close, 1001

class Connection extends net.Socket {
  // A response that is ended with its only text comes as that text and an empty one, whose writing is to tell of the end:
  // a tenth of the time of a short request goes into writing the two as a list.
  _writev(pieces, done) {
    const [first, second] = pieces;
    if (pieces.length === 2 && second.chunk.length === 0) this._write(first.chunk, first.encoding, done);
    else super._writev(pieces, done);
  }
}

class Slot {
  constructor(runner) {
    this.runner = runner;
    this.socket = null;
    this.response = null; // what is owed
    this.isTunnel = false;
    this.delayMs = 0;
    this.dial();
  }

  dial() {
    const socket = new Connection({ allowHalfOpen: true });
    this.socket = socket;
    socket[SLOT] = this;
    socket.once("connect", () => {
      this.delayMs = 0;
      this.runner.server.emit("connection", socket);
      if (this.runner.isWaiting) socket.unref();
    });
    socket.on("error", () => {}); // its close follows
    socket.once("close", () => this.lost());
    socket.connect({ path: this.runner.path });
  }

  lost() {
    this.socket = this.response = null;
    this.isTunnel = false;
    if (this.runner.isStopping) {
      this.runner.checkEnd();
      return;
    }
    if (this.delayMs === 0) setImmediate(() => this.dialUnlessStopping());
    else setTimeout(() => this.dialUnlessStopping(), this.delayMs);
    this.delayMs = Math.min(Math.max(this.delayMs * 2, FIRST_DELAY_MS), LAST_DELAY_MS);
  }

  dialUnlessStopping() {
    if (!this.runner.isStopping) this.dial();
  }

  // The answer that was owed has been sent, or nobody wants it any more.
  free() {
    this.response = null;
    if (this.runner.isStopping) this.end();
  }

  // Ends the connection unless an answer is owed on it. What the host may still send of an answered request is not waited
  // for; the other end of a tunnel gets a moment for its farewell.
  end() {
    const { socket } = this;
    if (socket === null || this.response !== null) return;
    if (this.isTunnel) {
      socket.end(GOING_AWAY);
      setTimeout(() => socket.destroy(), FAREWELL_MS);
    } else socket.end(() => socket.destroy());
  }
}

module.exports = { SLOT, Slot };
