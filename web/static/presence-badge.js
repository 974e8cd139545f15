/* Live presence for any page: <presence-badge sip="alice@example.test"> and watch().  No dependency, no inline style.
   Documented in docs/badges.md. */

const HOME = new URL(import.meta.url).origin;
const MAX_WATCHED = 250;
const GATHER = 30;
const RETRY = 5000;
const feeds = new Map();

/** Everyone that a page watches at one server with one token and language: one stream, however many badges. */
class Feed {
  #people = new Map();
  #stream = null;
  #timer = 0;
  #url;

  constructor(url) { this.#url = url; }

  add(id, told) {
    const person = this.#people.get(id) ?? { told: new Set(), last: null };
    person.told.add(told);
    if (!this.#people.has(id)) { this.#people.set(id, person); this.#soon(GATHER); }
    if (person.last) told(person.last);
    return () => {
      person.told.delete(told);
      if (!person.told.size) { this.#people.delete(id); this.#soon(1000); }
    };
  }

  #soon(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), delay);
  }

  #open() {
    this.#stream?.close();
    this.#stream = null;
    const ids = [...this.#people.keys()].slice(0, MAX_WATCHED);
    if (!ids.length) return;
    const url = new URL(this.#url);
    url.searchParams.set("ids", ids.join(","));
    const stream = this.#stream = new EventSource(url);
    stream.addEventListener("open", () => this.#connection("live"));
    stream.addEventListener("snapshot", (event) => JSON.parse(event.data).value.forEach((one) => this.#tell(one)));
    stream.addEventListener("presence", (event) => this.#tell(JSON.parse(event.data)));
    stream.addEventListener("gone", () => { stream.close(); this.#connection("ended"); });
    stream.addEventListener("error", () => {
      this.#connection("lost");
      if (stream.readyState === EventSource.CLOSED && stream === this.#stream) this.#soon(RETRY);
    });
  }

  #tell(presence) {
    const person = this.#people.get(presence.id);
    if (!person) return;
    person.last = presence;
    person.told.forEach((told) => told(presence));
  }

  #connection(state) { document.dispatchEvent(new CustomEvent("presence-connection", { detail: state })); }
}

/** Call `told` with a person's presence now and at every change.  Returns the function that ends it. */
export function watch(id, told, { server = HOME, token = "", lang = "" } = {}) {
  const url = new URL("/presence/events", server);
  if (token) url.searchParams.set("t", token);
  if (lang) url.searchParams.set("lang", lang);
  const feed = feeds.get(url.href) ?? new Feed(url.href);
  feeds.set(url.href, feed);
  return feed.add(id.trim().toLowerCase().replace(/^(sips?|xmpp|im|pres|mailto):/, ""), told);
}

/** The address of the drawing for a presence; `theme` is auto, light or dark. */
export function drawing(icon, { server = HOME, size = 16, theme = "auto" } = {}) {
  const weight = size <= 12 ? "-micro" : "";
  const ground = theme === "light" || theme === "dark" ? `-${theme}` : "";
  return new URL(`/static/${icon}${weight}${ground}.svg`, server).href;
}

const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
  :host { display: inline-flex; align-items: center; gap: .35em; vertical-align: baseline; }
  :host([hidden]) { display: none; }
  img { display: block; flex: none; }
  .text { display: none; }
  :host([view="pill"]) { padding: .1em .6em .1em .35em; border: 1px solid var(--presence-line, currentColor); border-radius: 2em; }
  :host([view="pill"]) .text, :host([view="text"]) .text { display: inline; }
`);

class PresenceBadge extends HTMLElement {
  static observedAttributes = ["sip", "server", "token", "lang", "size", "theme"];
  #root = this.attachShadow({ mode: "open" });
  #img = document.createElement("img");
  #text = document.createElement("span");
  #end = null;
  #presence = null;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [STYLE];
    this.#img.part = "icon";
    this.#img.alt = "";
    this.#text.part = this.#text.className = "text";
    this.#root.append(this.#img, document.createElement("slot"), this.#text);
  }

  /** The newest presence, or null. */
  get presence() { return this.#presence; }

  connectedCallback() { this.#watch(); }
  disconnectedCallback() { this.#end?.(); this.#end = null; }
  attributeChangedCallback(name) {
    if (!this.isConnected) return;
    if (name === "size" || name === "theme") this.#show();
    else this.#watch();
  }

  get #server() { return this.getAttribute("server") || HOME; }
  get #language() { return this.getAttribute("lang") || this.closest("[lang]")?.lang || navigator.language; }

  #watch() {
    this.#end?.();
    const sip = this.getAttribute("sip");
    this.#presence = null;
    this.#show();
    this.#end = !sip ? null : watch(sip, (presence) => {
      this.#presence = presence;
      this.#show();
      this.dispatchEvent(new CustomEvent("presence-change", { detail: presence, bubbles: true, composed: true }));
    }, { server: this.#server, token: this.getAttribute("token") || "", lang: this.#language });
  }

  #show() {
    const { icon = "unknown", text = "", availability = "unknown" } = this.#presence ?? {};
    const size = Number(this.getAttribute("size")) || 16;
    this.#img.width = this.#img.height = size;
    this.#img.src = drawing(icon, { server: this.#server, size, theme: this.getAttribute("theme") || "auto" });
    const spoken = getComputedStyle(this.#text).display === "none";
    this.#img.alt = spoken ? text : "";
    this.#img.title = text;
    this.#text.textContent = text;
    this.dataset.availability = availability;
  }
}

if (!customElements.get("presence-badge")) customElements.define("presence-badge", PresenceBadge);
