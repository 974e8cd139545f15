// What the drivers share: arguments, a WebSocket as a browser would open it, events out, commands in.

import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const WebSocket = require("ws");

export const [url, user, domain, password, origin] = process.argv.slice(2);
export const address = `sip:${user}@${domain}`;

globalThis.window = globalThis;
globalThis.WebSocket = class extends WebSocket {
  constructor(where, protocols) {
    super(where, protocols, origin ? { origin } : {});
  }
};

export function emit(event, facts = {}) {
  process.stdout.write(JSON.stringify({ ev: event, ...facts }) + "\n");
}

export function load(name) {
  return require(name);
}

// commands: name -> function(first word, the rest)
export function serve(commands) {
  createInterface({ input: process.stdin }).on("line", async (line) => {
    const [name, first = "", ...rest] = line.split(" ");
    try {
      await commands[name](first, rest.join(" "));
    } catch (why) {
      emit("error", { line, why: String(why) });
    }
  });
  emit("ready");
}

export function seen(body) {
  const text = body || "";
  return {
    basic: (/<(?:\w+:)?basic>(\w+)</.exec(text) || [])[1] || "",
    activity: (/activities>\s*<(?:\w+:)?([\w-]+)\/>/.exec(text) || [])[1] || "",
  };
}
