// xmpp.js over TLS: it signs in by SASL2 and Bind 2, and by a token (FAST) where it is given one.
// node xmppjs_quick.mjs SERVICE USER DOMAIN PASSWORD INSTALLATION [TOKEN]

import { createInterface } from "node:readline";
import { client, xml } from "@xmpp/client";

const [service, username, domain, password, installation, token] = process.argv.slice(2);

function emit(event, facts = {}) {
  process.stdout.write(JSON.stringify({ ev: event, ...facts }) + "\n");
}

const one = client({
  service,
  domain,
  resource: "quick",
  credentials: { username, password, ...(token && { token: JSON.parse(token) }) },
  userAgent: xml("user-agent", { id: installation }, xml("software", {}, "xmpp.js")),
});
one.fast.saveToken = async (given) => emit("token", given);
one.fast.deleteToken = async () => emit("token lost");
one.on("error", (why) => emit("error", { why: why.condition || why.message }));
one.on("send", (element) => {
  if (element.name === "authenticate") emit("authenticate", { mechanism: element.attrs.mechanism });
});
one.on("nonza", (element) => {
  if (element.name === "failure") emit("failure", { condition: element.getChildElements()[0].name });
});
one.streamManagement.on("resumed", () => emit("resumed"));
one.on("online", async (address) => {
  emit("online", { address: address.toString() });
  await one.send(xml("presence"));
});
one.on("stanza", (stanza) => {
  const text = stanza.getChildText("body");
  if (text) emit("message", { text });
});

const commands = {
  msg: (to, text) => one.send(xml("message", { type: "chat", to }, xml("body", {}, text))),
  cut: () => one.socket.destroy ? one.socket.destroy() : one.socket.socket.destroy(),
  quit: async () => {
    await one.stop();
    process.exit(0);
  },
};
createInterface({ input: process.stdin }).on("line", async (line) => {
  const [name, first = "", ...rest] = line.split(" ");
  try {
    await commands[name](first, rest.join(" "));
  } catch (why) {
    emit("error", { line, why: String(why) });
  }
});

await one.start().catch((why) => emit("error", { why: String(why) }));
