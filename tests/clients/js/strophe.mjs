// Strophe.js under node: signs in over WebSocket, keeps a roster, writes, enters rooms.

import { domain, emit, load, password, serve, url, user } from "./stage.mjs";

const { window } = new (load("jsdom").JSDOM)("");
for (const name of ["DOMParser", "document", "XMLSerializer", "Element", "Node"]) globalThis[name] = window[name];
const { Strophe, $iq, $msg, $pres } = load("strophe.js");

const connection = new Strophe.Connection(url);
const states = Object.fromEntries(Object.entries(Strophe.Status).map(([name, value]) => [value, name]));
const bodyOf = (stanza) => stanza.getElementsByTagName("body")[0]?.textContent;

connection.addHandler((message) => {
  const text = bodyOf(message);
  if (text) emit("message", { sender: message.getAttribute("from"), text, kind: message.getAttribute("type") });
  return true;
}, null, "message");
connection.addHandler((presence) => {
  const show = presence.getElementsByTagName("show")[0]?.textContent || "";
  emit("presence", { sender: presence.getAttribute("from"), kind: presence.getAttribute("type") || "", show });
  return true;
}, null, "presence");

function begin() {
  connection.connect(`${user}@${domain}/strophe`, password, (status, condition) => {
    emit("status", { state: states[status], condition: condition || "" });
    if (status === Strophe.Status.CONNECTED) {
      connection.send($pres());
      emit("online", { address: connection.jid, resumed: false });
    }
  });
}

serve({
  roster: () =>
    connection.sendIQ($iq({ type: "get" }).c("query", { xmlns: "jabber:iq:roster" }), (answer) =>
      emit("roster", { items: [...answer.getElementsByTagName("item")].map((item) => item.getAttribute("jid")).sort() }),
    ),
  presence: (show) => connection.send($pres().c("show").t(show)),
  msg: (to, text) => connection.send($msg({ to, type: "chat" }).c("body").t(text)),
  join: (room, nick) => connection.send($pres({ to: `${room}/${nick}` }).c("x", { xmlns: "http://jabber.org/protocol/muc" })),
  say: (room, text) => connection.send($msg({ to: room, type: "groupchat" }).c("body").t(text)),
  cut: () => connection._proto.socket.terminate(),
  quit: () => {
    connection.disconnect("quit");
    setTimeout(() => process.exit(0), 500);
  },
});
begin();
