// stanza (Stanza.io) under node: signs in over WebSocket with stream management, and comes back after a cut.

import { domain, emit, load, password, serve, url, user } from "./stage.mjs";

const XMPP = load("stanza");
const client = XMPP.createClient({
  jid: `${user}@${domain}`,
  resource: "stanza",
  password,
  transports: { websocket: url, bosh: false },
  allowResumption: true,
  autoReconnect: true,
  maxReconnectBackoff: 1,
});

client.on("session:started", () => {
  client.sendPresence();
  emit("online", { address: client.jid, resumed: false });
});
client.on("stream:management:resumed", () => emit("online", { address: client.jid, resumed: true }));
client.on("auth:failed", () => emit("status", { state: "AUTHFAIL" }));
client.on("disconnected", () => emit("disconnected"));
client.on("message", (message) => {
  if (message.body) emit("message", { sender: message.from, text: message.body, kind: message.type });
});
client.on("presence", (presence) =>
  emit("presence", { sender: presence.from, kind: presence.type || "", show: presence.show || "" }),
);
client.on("stream:management:ack", (ack) => emit("acknowledged", { handled: ack.handled }));

serve({
  roster: async () => emit("roster", { items: (await client.getRoster()).items.map(({ jid }) => jid).sort() }),
  carbons: async () => {
    await client.enableCarbons();
    emit("carbons");
  },
  history: async (who) => {
    const found = await client.searchHistory({ with: who });
    emit("history", { texts: found.results.map(({ item }) => item.message.body) });
  },
  features: async (where) => emit("features", { features: (await client.getDiscoInfo(where)).features }),
  services: async () => emit("services", { services: (await client.getServices(domain)).services }),
  presence: (show) => client.sendPresence({ show }),
  msg: (to, text) => client.sendMessage({ to, body: text, type: "chat" }),
  join: async (room, nick) => {
    await client.joinRoom(room, nick);
    emit("joined", { room });
  },
  say: (room, text) => client.sendMessage({ to: room, body: text, type: "groupchat" }),
  cut: () => client.transport.socket.terminate(),
  quit: () => {
    client.disconnect();
    setTimeout(() => process.exit(0), 500);
  },
});
client.connect();
