"use strict";
// Tells when the environment is changed, or read where it is not complete yet.

function handlerOf(secrets, tell) {
  const read = (name) => secrets.has(name) && tell(`reads ${name}, which is a secret`);
  return {
    get(target, name) {
      read(name);
      return target[name];
    },
    has(target, name) {
      read(name);
      return name in target;
    },
    getOwnPropertyDescriptor(target, name) {
      read(name);
      return Reflect.getOwnPropertyDescriptor(target, name);
    },
    ownKeys(target) {
      if (secrets.size > 0) tell("reads all of the environment, which has secrets");
      return Reflect.ownKeys(target);
    },
    set(target, name, value) {
      if (target[name] !== String(value)) tell(`sets ${String(name)} in the environment`);
      target[name] = value;
      return true;
    },
    defineProperty(target, name, descriptor) {
      if (target[name] !== String(descriptor.value)) tell(`sets ${String(name)} in the environment`);
      return Reflect.defineProperty(target, name, descriptor);
    },
    deleteProperty(target, name) {
      if (name in target) tell(`removes ${String(name)} from the environment`);
      return delete target[name];
    },
  };
}

// Libraries may keep what stands in for process.env, so it goes on to work, and tells nothing any more.
class EnvironmentWatch {
  constructor(secrets, tell) {
    this.tell = tell;
    this.actual = process.env;
    this.substitute = process.env = new Proxy(this.actual, handlerOf(new Set(secrets), (effect) => this.tell(effect)));
  }

  end() {
    this.tell = () => {};
    if (process.env === this.substitute) process.env = this.actual;
  }
}

module.exports = { EnvironmentWatch };
