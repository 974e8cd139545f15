// SIP.js under node: signs in, writes, publishes, watches.

import { address, emit, password, seen, serve, url, user } from "./stage.mjs";

globalThis.RTCPeerConnection ??= class {};
globalThis.MediaStream ??= class {};
const SIP = await import("sip.js");

const uri = (text) => SIP.UserAgent.makeURI(text);
const agent = new SIP.UserAgent({
  uri: uri(address),
  authorizationUsername: user,
  authorizationPassword: password,
  transportOptions: { server: url, keepAliveInterval: 5 },
  logLevel: "error",
  userAgentString: "SIP.js in a test",
  sessionDescriptionHandlerFactory: () => ({}),
  delegate: {
    onMessage: (message) => {
      message.accept();
      const { request } = message;
      emit("message", { sender: request.from.uri.toString(), text: request.body, type: request.getHeader("Content-Type") });
    },
    onDisconnect: () => emit("disconnected"),
  },
});
const document = (basic, activity) => `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
  xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="${address}">
<tuple id="page"><status><basic>${basic}</basic></status></tuple>
<dm:person id="p">${activity ? `<rpid:activities><rpid:${activity}/></rpid:activities>` : ""}</dm:person></presence>`;

const registerer = new SIP.Registerer(agent, { expires: 300 });
let publisher;

await agent.start();
registerer.stateChange.addListener((state) => emit("register", { state: state === "Registered" ? "ok" : state }));
await registerer.register({
  requestDelegate: { onReject: ({ message }) => emit("register", { state: "failed", status: message.statusCode }) },
});

serve({
  msg: async (to, text) => {
    const answered = ({ message }) => emit("sent", { text, status: message.statusCode });
    const messager = new SIP.Messager(agent, uri(to), text, "text/plain");
    await messager.message({ requestDelegate: { onAccept: answered, onReject: answered } });
  },
  presence: async (what) => {
    const body = document(what === "offline" ? "closed" : "open", ["online", "offline"].includes(what) ? "" : what);
    publisher ??= new SIP.Publisher(agent, uri(address), "presence", {
      expires: 300,
      contentType: "application/pidf+xml",
      body: "",
    });
    await publisher.publish(body);
  },
  friend: async (who) => {
    const subscriber = new SIP.Subscriber(agent, uri(who), "presence", {
      expires: 300,
      extraHeaders: ["Accept: application/pidf+xml"],
    });
    subscriber.delegate = {
      onNotify: (notification) => {
        notification.accept();
        emit("presence", { uri: who, ...seen(notification.request.body) });
      },
    };
    await subscriber.subscribe();
  },
  quit: async () => {
    await registerer.unregister();
    setTimeout(() => process.exit(0), 1000);
  },
});
