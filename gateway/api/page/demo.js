// SPDX-License-Identifier: Apache-2.0
// A live board: by REST first, then by the stream from its cursor. ?event= chooses a game, ?stream= another stream.
import { OddsStream } from "/sdk/oddswire.js";

const MOVED_MS = 4_000;

const at = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

const read = async (path) => {
  const answer = await fetch(path);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail ?? body.title ?? `HTTP ${answer.status}`);
  return { body, cursor: answer.headers.get("odds-cursor") };
};

const streams = async () => {
  if (asked.has("stream")) return asked.getAll("stream");
  const { body } = await read("/v1/stream/endpoint");
  return [body, ...body.alternates].map(({ url }) => url);
};

/** The one stream that is shown. @type {OddsStream | null} */
let stream = null;
let drawing = false;
/** Selections by market and id: the price last drawn, which way it moved, until when that is shown. */
const drawn = new Map();

const price = (selection) => {
  const value = selection[at("format").value];
  if (value === null || value === undefined) return "off";
  return typeof value === "number" && value > 0 ? `+${value}` : String(value).replace("-", "\u2212");
};

const moved = (market, selection, now) => {
  const key = `${market.id} ${selection.id}`;
  const decimal = Number(selection.d);
  const before = drawn.get(key);
  if (before?.decimal === decimal) return before.until > now ? before.way : "";
  const way = before === undefined ? "" : decimal > before.decimal ? "up" : "down";
  drawn.set(key, { decimal, way, until: now + MOVED_MS });
  return way;
};

const ARROWS = { up: "\u25b2", down: "\u25bc", "": "" };

const line = (market, selection, now) => {
  const way = moved(market, selection, now);
  return element("li", {}, element("span", {}, selection.name),
    element("span", { class: `price ${way}` }, element("b", { "aria-hidden": "true" }, ARROWS[way]), price(selection)));
};

const title = (market) => [market.subject?.name, market.type.replaceAll("_", " "), market.period === "game" ? "" : market.period]
  .filter(Boolean).join(", ");

const card = (market, now) => {
  const status = stream.replica.status(market);
  return element("section", { "data-market": market.id, "data-open": String(status === "open") },
    element("h3", {}, title(market), element("span", {}, status === "open" ? "" : [status, market.reason].filter(Boolean).join(", ").replaceAll("_", " "))),
    element("ul", {}, ...market.x.map((selection) => line(market, selection, now))));
};

const draw = () => {
  drawing = false;
  if (stream === null) return;
  const now = performance.now();
  const [event] = stream.replica.events.values();
  if (event) {
    at("name").textContent = event.name;
    at("score").textContent = [event.score ? `${event.score.home} : ${event.score.away}` : "", event.clock, event.state].filter(Boolean).join(" · ");
  }
  const markets = [...stream.replica.markets.values()];
  at("board").replaceChildren(...(markets.length ? markets.map((market) => card(market, now)) : [element("p", {}, "No markets just now.")]));
};

const redraw = () => {
  if (!drawing) requestAnimationFrame(draw);
  drawing = true;
};

const say = (state, text = state) => {
  at("state").dataset.state = state;
  at("state").textContent = text;
};

const follow = async (eventId) => {
  stream?.close();
  stream = null;
  drawn.clear();
  say("rebuilding", "loading");
  const { body: board, cursor } = await read(`/v1/events/${encodeURIComponent(eventId)}/markets?class=main`);
  const urls = await streams();
  if (at("events").value !== eventId) return;
  const topic = `${board.event.topic}:main`;
  stream = new OddsStream([topic], {
    urls,
    onMessage: redraw,
    onState: (_, state) => { say(state); redraw(); },
    onNotice: ({ kind, url, reason }) => { at("notice").textContent = `Stream ${kind}: ${url} ${reason}`; },
    onRefused: (error) => { at("notice").textContent = `Stream refused: ${error.message}`; },
  });
  stream.hold(topic, board, cursor);
  redraw();
  stream.connect();
};

const failed = (error) => {
  say("closed");
  at("notice").textContent = `${error.message}.`;
};

const begin = async () => {
  const live = (await read("/v1/events?state=live")).body.items;
  const events = live.length ? live : (await read("/v1/events?state=upcoming")).body.items;
  if (!events.length) throw new Error("There are no events just now");
  at("events").replaceChildren(...events.map((event) => element("option", { value: event.id }, event.name)));
  if (asked.has("event")) at("events").value = asked.get("event");
  at("events").addEventListener("change", ({ target }) => follow(target.value).catch(failed));
  at("format").addEventListener("change", redraw);
  setInterval(redraw, MOVED_MS / 4);
  await follow(at("events").value);
};

begin().catch(failed);
