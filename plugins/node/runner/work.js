"use strict";
// What the function is at work on: the promises of its handlers, also beyond their answers, and what else holds the process.
const { fail } = require("./failure");
const { answer } = require("./returned");

// Kinds of resources that tell of work. Sockets do not: connections to databases stay open.
const TELLING = new Set(["Timeout", "Immediate", "FSReqCallback", "FSReqPromise", "GetAddrInfoReqWrap", "TCPConnectWrap", "ProcessWrap",
  "RandomBytesRequest", "ScryptRequest", "PBKDF2Request", "ZlibHandle", "Zlib"]);

function resources() {
  return process.getActiveResourcesInfo().filter((kind) => TELLING.has(kind)).length;
}

class Work {
  constructor() {
    this.promises = 0;
    this.usual = 0; // resources that the function has had since it was loaded
    this.debug = false;
  }

  loaded() {
    this.usual = resources();
  }

  // Whether anything goes on besides the requests that are owed an answer.
  goesOn(owed) {
    return this.promises > owed || resources() > this.usual;
  }

  // Counts a promise as work until it is settled.
  wait(promise) {
    this.promises++;
    Promise.resolve(promise).then(() => this.promises--, (error) => {
      this.promises--;
      throw error;
    });
  }

  // A handler whose result is the answer, unless it is undefined or the handler has answered itself.
  watched(handler) {
    return (request, response) => {
      const result = handler(request, response);
      if (result === undefined) return;
      if (typeof result?.then === "function") this.follow(result, response);
      else if (result !== response) answer(response, result);
    };
  }

  follow(promise, response) {
    this.promises++;
    promise.then((value) => this.finish(value, response), (error) => {
      this.promises--;
      fail(response, error, this.debug);
    });
  }

  finish(value, response) {
    this.promises--;
    if (value === undefined || value === response) return;
    try {
      answer(response, value);
    } catch (error) {
      fail(response, error, this.debug);
    }
  }
}

module.exports = { Work };
