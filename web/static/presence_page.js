/* The page of everybody: follows presence without a reload, and finds people.  Without this file it shows one moment. */
import { drawing, watch } from "./presence-badge.js";

const words = document.body.dataset;
const lang = document.documentElement.lang;
const cards = [...document.querySelectorAll(".card")];
const FAMILY = {
  "available": "reachable", "busy": "engaged", "do-not-disturb": "engaged",
  "be-right-back": "away", "away": "away", "offline": "gone", "unknown": "gone",
};

function moment(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return at.toLocaleString(lang, today ? clock : { day: "numeric", month: "short", ...clock });
}

function showTimes(card) {
  for (const time of card.querySelectorAll("time[datetime]")) if (time.dateTime) time.textContent = moment(time.dateTime);
  const local = card.querySelector(".local");
  if (!local.dataset.zone) return;
  const clock = (zone) => new Date().toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone });
  local.hidden = clock(local.dataset.zone) === clock();
  local.textContent = words.local.replace("{}", clock(local.dataset.zone));
}

function show(card, presence) {
  const text = card.querySelector(".text");
  const changed = text.textContent !== presence.text || card.querySelector(".note").textContent !== presence.note;
  card.dataset.family = FAMILY[presence.availability] ?? "gone";
  for (const icon of card.querySelectorAll(".icon")) icon.src = drawing(presence.icon, { size: 20 });
  card.querySelector(".dot").className = `dot ${presence.availability}`;
  card.querySelector(".state").className = `state ${presence.availability}`;
  text.textContent = presence.text;
  const since = card.querySelector(".since");
  since.hidden = !presence.since || presence.availability === "unknown";
  since.querySelector("time").dateTime = presence.since ?? "";
  const note = card.querySelector(".note");
  note.hidden = !presence.note;
  note.textContent = presence.note;
  showWays(card, presence.reach);
  showTimes(card);
  if (changed) {
    card.classList.remove("changed");
    void card.offsetWidth;
    card.classList.add("changed");
  }
  count();
}

function showWays(card, reach) {
  const list = card.querySelector(".ways");
  const order = reach.map((way) => [way, list.querySelector(`[data-by="${CSS.escape(way.by)}"]`)]).filter(([, item]) => item);
  const focused = document.activeElement;
  order.forEach(([way, item], place) => {
    const link = item.firstElementChild;
    link.classList.toggle("best", place === 0);
    link.classList.toggle("rather-not", way.fit < 0.2);
    link.querySelector(".why").textContent = way.why;
    if (list.children[place] !== item) list.insertBefore(item, list.children[place]);
  });
  if (list.contains(focused)) focused.focus();
}

// ---- finding people

const tools = document.getElementById("tools");
const search = document.getElementById("search");
const chips = [...tools.querySelectorAll(".chip")];
let family = "";

function count() {
  for (const chip of chips) {
    const wanted = chip.dataset.family;
    chip.querySelector("b").textContent = cards.filter((card) => !wanted || card.dataset.family === wanted).length;
  }
  find();
}

function find() {
  const wanted = search.value.trim().toLowerCase();
  let shown = 0;
  for (const card of cards) {
    card.hidden = !((!family || card.dataset.family === family) && card.dataset.find.includes(wanted));
    shown += !card.hidden;
  }
  document.getElementById("nobody").hidden = shown > 0;
}

for (const chip of chips) {
  chip.addEventListener("click", () => {
    family = chip.dataset.family;
    chips.forEach((other) => other.setAttribute("aria-pressed", String(other === chip)));
    find();
  });
}
search.addEventListener("input", find);
tools.addEventListener("submit", (event) => event.preventDefault());

// ---- following

const live = document.getElementById("live");
document.addEventListener("presence-connection", ({ detail }) => {
  live.hidden = false;
  live.classList.toggle("lost", detail !== "live");
  document.getElementById("live-text").textContent = words[detail];
});
for (const card of cards) {
  watch(card.dataset.id, (presence) => show(card, presence), { server: location.origin, token: words.token, lang });
}
tools.hidden = cards.length === 0;
cards.forEach(showTimes);
setInterval(() => cards.forEach(showTimes), 30_000);
