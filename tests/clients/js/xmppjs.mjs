// xmpp.js under node: over TCP with STARTTLS or over WebSocket, with stream management, and back after a cut.

import { domain, emit, password, serve, url, user } from "./stage.mjs";

const { client, xml } = await import("@xmpp/client");
const xmpp = client({ service: url, domain, username: user, password, resource: "xmppjs" });
xmpp.reconnect.delay = 200;

xmpp.on("error", (why) => emit("status", { state: why.name === "SASLError" ? "AUTHFAIL" : "ERROR", why: String(why) }));
xmpp.on("disconnect", () => emit("disconnected"));
xmpp.on("online", async (address) => {
  await xmpp.send(xml("presence"));
  emit("online", { address: address.toString(), resumed: false });
});
xmpp.streamManagement.on("resumed", () => emit("online", { address: xmpp.jid.toString(), resumed: true }));
xmpp.on("stanza", (stanza) => {
  const sender = stanza.attrs.from;
  const kind = stanza.attrs.type || "";
  if (stanza.is("message") && stanza.getChildText("body")) {
    emit("message", { sender, text: stanza.getChildText("body"), kind });
  } else if (stanza.is("presence")) {
    emit("presence", { sender, kind, show: stanza.getChildText("show") || "" });
  }
});

serve({
  roster: async () => {
    const query = await xmpp.iqCaller.get(xml("query", "jabber:iq:roster"));
    emit("roster", { items: query.getChildren("item").map((item) => item.attrs.jid).sort() });
  },
  presence: (show) => xmpp.send(xml("presence", {}, xml("show", {}, show))),
  msg: (to, text) => xmpp.send(xml("message", { type: "chat", to }, xml("body", {}, text))),
  join: (room, nick) => xmpp.send(xml("presence", { to: `${room}/${nick}` }, xml("x", "http://jabber.org/protocol/muc"))),
  say: (room, text) => xmpp.send(xml("message", { type: "groupchat", to: room }, xml("body", {}, text))),
  cut: () => {
    const socket = xmpp.socket;
    if (socket.socket?.terminate) socket.socket.terminate();
    else (socket.socket || socket).destroy();
  },
  quit: async () => {
    await xmpp.stop();
    process.exit(0);
  },
});
await xmpp.start().catch(() => {});
