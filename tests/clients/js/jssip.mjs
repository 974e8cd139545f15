// JsSIP under node: signs in, writes, watches.

import { address, emit, load, password, seen, serve, url } from "./stage.mjs";

const JsSIP = load("jssip");
const agent = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(url)],
  uri: address,
  password,
  register_expires: 300,
  session_timers: false,
  user_agent: "JsSIP in a test",
});
agent.on("registered", ({ response }) => emit("register", { state: "ok", contact: response.getHeader("contact") }));
agent.on("registrationFailed", ({ cause }) => emit("register", { state: "failed", cause }));
agent.on("unregistered", () => emit("register", { state: "none" }));
agent.on("disconnected", () => emit("disconnected"));
agent.on("newMessage", ({ originator, request }) => {
  if (originator === "remote") {
    emit("message", { sender: request.from.uri.toString(), text: request.body, type: request.getHeader("content-type") });
  }
});

serve({
  start: () => agent.start(),
  msg: (to, text) =>
    agent.sendMessage(to, text, {
      contentType: "text/plain",
      eventHandlers: {
        succeeded: ({ response }) => emit("sent", { text, status: response.status_code }),
        failed: ({ response, cause }) => emit("sent", { text, status: response ? response.status_code : 0, cause }),
      },
    }),
  friend: (who) => {
    const subscription = agent.subscribe(who, "presence", "application/pidf+xml", { expires: 300 });
    subscription.on("notify", (final, request, body) => emit("presence", { uri: who, ...seen(body) }));
    subscription.on("terminated", (code, reason) => emit("terminated", { uri: who, code, reason }));
    subscription.subscribe();
  },
  ping: () => agent.transport.send("\r\n\r\n"),
  quit: () => {
    agent.stop();
    setTimeout(() => process.exit(0), 1000);
  },
});
agent.start();
