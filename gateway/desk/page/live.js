// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * The odds as every view reads them: one stream (the SDK's), whatever topics the views want of it, an index of markets by
 * event, and what changed since the last frame of the screen.
 *
 * @typedef {Record<string, any>} Message
 * @typedef {{ markets: Set<string>, events: Set<string>, shape: Set<string>, all: boolean }} Changes
 *   ids of markets whose values changed, of events whose own state did, of events that have other markets than before;
 *   `all`: anything may have, such as after an image or when a source fell silent
 */
import { OddsStream } from "/sdk/oddswire.js";
import { Lag } from "./lag.js";

const CONFLATE_MS = 100;
const PING_MS = 1_000;
const SPORTS_MS = 60_000;
const RETRY_MS = 3_000;
/** So many failures in a row, and the gateway is asked anew where the shards are. */
const FAILURES_MAX = 3;

export class LiveOdds {
  lag = new Lag();
  /** Of every source that was heard of: its age at the last heartbeat, and when that was. @type {Map<string, { age: number, at: number }>} */ sources = new Map();
  /** What became of the stream: `connecting`, then the worst state of its topics. */ state = "connecting";
  /** What is to be said beside it. */ notice = "";
  /** Of the shard: its name, and its own lag. */ shard = { name: "", lag: /** @type {{ p50: number, p99: number } | null} */ (null) };
  /** @type {string[]} */ sports = [];
  /** @type {OddsStream | null} */ #stream = null;
  /** How often each topic is wanted. @type {Map<string, number>} */ #wanted = new Map();
  /** @type {Map<string, Set<string>>} */ #byEvent = new Map();
  /** @type {Map<string, string>} */ #eventOf = new Map();
  /** @type {Changes} */ #changes = nothing();
  /** @type {Set<(changes: Changes) => void>} */ #followers = new Set();
  /** @type {Set<() => void>} */ #told = new Set();
  #failures = 0;
  /** Connected, and not all of it is being rebuilt: a topic that is added leaves the others as they are. */ #isTrusted = false;

  /** @param {import("./api.js").Api} api @param {import("./frames.js").Frames} frames */
  constructor(api, frames) {
    this.api = api;
    this.frames = frames;
    frames.onDraw(() => this.#draw());
    setInterval(() => { if (this.lag.wants) this.lag.pinged(this.#stream?.ping() ?? null); }, PING_MS);
    setInterval(() => this.#learnSports().catch(() => {}), SPORTS_MS);
  }

  /** Connects as soon as the gateway says where to. */
  async start() {
    try {
      await this.#learnSports();
      const urls = await this.#urls();
      this.#stream = this.#made(urls);
      this.#stream.connect();
    } catch (error) {
      this.#say("closed", `${error.message}. Trying again.`);
      setTimeout(() => this.start(), RETRY_MS);
    }
  }

  /** @returns {Map<string, Message>} */
  get markets() { return this.#stream?.replica.markets ?? NONE; }

  /** @returns {Map<string, Message>} */
  get events() { return this.#stream?.replica.events ?? NONE; }

  /** Markets of an event that are held. @param {string} event @returns {Message[]} */
  marketsOf(event) {
    const held = this.markets;
    return [...(this.#byEvent.get(event) ?? [])].map((id) => held.get(id)).filter((market) => market !== undefined);
  }

  /** The status to act on. @param {Message} market */
  status(market) { return this.#isTrusted ? this.#stream.replica.status(market) : quiet(market); }

  /** How a source is: `live`, `stale`, `down`, or `unknown` while nobody tells. @param {string} source */
  sourceState(source) {
    if (!this.#isTrusted) return "unknown";
    return this.#stream.replica.notLive.get(source) ?? "live";
  }

  /** How a topic is. @param {string} topic */
  topicState(topic) { return this.#stream?.state(topic) ?? "rebuilding"; }

  /** Milliseconds since a time of an ingestor's clock, which is taken for the shard's. @param {number} ts */
  since(ts) { return Date.now() + this.lag.ahead - ts; }

  /** Topics are followed until the last who wanted them has let go. @param {string[]} topics @returns {() => void} lets go */
  want(topics) {
    const fresh = topics.filter((topic) => !this.#wanted.has(topic));
    for (const topic of topics) this.#wanted.set(topic, (this.#wanted.get(topic) ?? 0) + 1);
    if (fresh.length) this.#stream?.subscribe(fresh);
    let holds = true;
    return () => {
      if (!holds) return;
      holds = false;
      for (const topic of topics) this.#wanted.set(topic, this.#wanted.get(topic) - 1);
      // Whoever comes next may want the same: what nobody wants is left when that is known.
      setTimeout(() => this.#leave(topics), 0);
    };
  }

  /** Is told what changed, once a frame, to draw it. @param {(changes: Changes) => void} draw @returns {() => void} ends that */
  follow(draw) {
    this.#followers.add(draw);
    return () => this.#followers.delete(draw);
  }

  /** Is told when `state`, `notice`, `sports` or a source turned. @param {() => void} tell @returns {() => void} ends that */
  onChange(tell) {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }

  #leave(topics) {
    const left = topics.filter((topic) => this.#wanted.get(topic) === 0);
    for (const topic of left) this.#wanted.delete(topic);
    if (left.length) this.#stream?.unsubscribe(left);
  }

  async #learnSports() {
    const sports = (await this.api.all("/v1/sports")).map(({ id }) => id);
    if (sports.join() === this.sports.join()) return;
    this.sports = sports;
    this.#tell();
  }

  async #urls() {
    const endpoint = await this.api.get("/v1/stream/endpoint");
    return [endpoint, ...endpoint.alternates].map(({ url }) => url);
  }

  #made(urls) {
    // A stream needs a topic to begin with; futures are few and every view may want them.
    const topics = this.#wanted.size ? [...this.#wanted.keys()] : this.sports.map((sport) => `${sport}:future`);
    return new OddsStream(topics, {
      urls,
      conflateMs: CONFLATE_MS,
      authorize: this.authorize,
      onMessage: (message) => this.#heard(message),
      onState: () => this.#turned(),
      onNotice: (notice) => this.#noticed(notice),
      onRefused: (error) => this.#say("closed", `The stream is refused: ${error.message}`),
    });
  }

  /** Set where the stream is not public: gives a ticket. @type {(() => Promise<string>) | undefined} */ authorize = undefined;

  #heard(message) {
    this.lag.heard(message);
    switch (message.t) {
      case "welcome":
        this.shard.name = message.shard;
        this.#failures = 0;
        this.lag.pinged(this.#stream?.ping() ?? null);
        break;
      case "d": case "img": this.#changed(message); break;
      case "live": case "subscribed": case "unsubscribed": this.#rebuilt(); break;
      case "src": this.#changes.all = true; this.#turned(); break;
      case "hb": this.#beat(message); break;
      default: return;
    }
    this.frames.ask();
  }

  #changed(message) {
    const { markets, events, shape } = this.#changes;
    for (const part of message.m) {
      if ("event" in part) {
        this.#index(part);
        shape.add(part.event);
      } else if (part.gone) {
        const event = this.#eventOf.get(part.id);
        this.#unindex(part.id);
        if (event !== undefined) shape.add(event);
      }
      markets.add(part.id);
    }
    for (const event of message.e ?? []) events.add(event.id);
  }

  /** Markets may have been dropped or forgotten: the index is made anew. */
  #rebuilt() {
    this.#byEvent.clear();
    this.#eventOf.clear();
    for (const market of this.markets.values()) this.#index(market);
    this.#changes.all = true;
  }

  #beat(message) {
    const at = performance.now();
    for (const [id, ms] of Object.entries(message.age_ms ?? {})) this.sources.set(id, { age: ms, at });
    this.shard.lag = message.lag_ms ?? null;
    this.#turned();
  }

  #index(market) {
    if (market.gone) return;
    const ids = this.#byEvent.get(market.event);
    if (ids === undefined) this.#byEvent.set(market.event, new Set([market.id]));
    else ids.add(market.id);
    this.#eventOf.set(market.id, market.event);
    if (!this.sources.has(market.src)) this.sources.set(market.src, { age: NaN, at: 0 });
  }

  #unindex(id) {
    const event = this.#eventOf.get(id);
    if (event === undefined) return;
    this.#eventOf.delete(id);
    const ids = this.#byEvent.get(event);
    ids?.delete(id);
    if (ids?.size === 0) this.#byEvent.delete(event);
  }

  #draw() {
    const changes = this.#changes;
    if (changes.markets.size || changes.events.size || changes.shape.size || changes.all) {
      this.#changes = nothing();
      for (const draw of this.#followers) draw(changes);
    }
    this.lag.drawn();
  }

  #turned() {
    const states = [...(this.#stream?.states.values() ?? [])];
    const worst = ["closed", "rebuilding", "stale"].find((state) => states.includes(state)) ?? "live";
    const isAway = AWAY.has(this.state) && worst !== "live";
    this.#trust(!isAway && states.some((state) => state === "live" || state === "stale"));
    if (isAway) this.#say(this.state, this.notice);
    else this.#say(worst, worst === "closed" ? this.notice : "");
  }

  #trust(isTrusted) {
    if (isTrusted === this.#isTrusted) return;
    this.#isTrusted = isTrusted;
    this.#changes.all = true;
    this.frames.ask();
  }

  #noticed({ kind, url, reason }) {
    const host = new URL(url).host;
    if (kind === "connected" || kind === "moved") {
      this.state = "rebuilding";
      this.#turned();
      return;
    }
    this.#failures += 1;
    if (this.#failures % FAILURES_MAX === 0) this.#askAnew();
    if (this.#stream?.live) return;
    this.#say("reconnecting", `${host}: ${reason}`);
    this.#turned();
  }

  /** Shards may have come and gone since the page was opened. */
  async #askAnew() {
    try {
      const urls = await this.#urls();
      if (this.#stream !== null) this.#stream.route.urls = urls;
    } catch (error) {
      this.#say(this.state, error.message);
    }
  }

  #say(state, notice) {
    this.state = state;
    this.notice = notice;
    this.#tell();
  }

  #tell() { for (const tell of this.#told) tell(); }
}

const NONE = new Map();
/** States in which there is no connection. */
const AWAY = new Set(["reconnecting", "closed"]);

/** @returns {Changes} */
const nothing = () => ({ markets: new Set(), events: new Set(), shape: new Set(), all: false });

/** A market whose stream is not whole: nothing may be acted on. */
const quiet = (market) => (market.st === "open" ? "suspended" : market.st);
