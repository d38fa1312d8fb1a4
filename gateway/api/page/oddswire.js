// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * Live odds in a browser: one module, no dependencies. It follows the client rule of fanout/PROTOCOL.md as the Python
 * reference client does (fanout/client, fanout/contract/replica.py), under the same names.
 *
 *     import { OddsStream } from "/sdk/oddswire.js";
 *     const stream = new OddsStream(["football.nfl:main"], {
 *       urls: ["wss://odds.example/v1/stream"],
 *       onMessage: () => draw(stream.replica.markets),   // a Map of MARKETs by id
 *       onState: (topic, state) => show(topic, state),   // live | stale | rebuilding | closed
 *     });
 *     stream.connect();
 *
 * With `account` among the topics, the news of the ticket's account come to `onMessage`, too, in order and each once;
 * `stream.account` holds wallet and running bets. `events: (after) => api("/v1/account/events?after=" + after)` gives what
 * was missed.
 *
 * A price may be acted on only while its topic is `live` and `replica.status(market)` is `open`.
 *
 * @typedef {Record<string, any>} Message  a frame of the protocol, a MARKET, an EVENT or a part of one
 * @typedef {"live" | "stale" | "rebuilding" | "closed"} TopicState
 * @typedef {{ path: string, cls: string | undefined, event: string | null }} Topic
 * @typedef {{ kind: "connected" | "moved" | "unreachable" | "reconnecting", url: string, reason: string }} Notice
 */

/**
 * Bounds of one stream, ms. `open`: to connect, a ticket included. `silence`: without a frame before the stream is live;
 * once it is, three heartbeats. `backoff`, `backoffMax`: an attempt waits at random from 0 up to the first, and up to
 * twice as long each time, never longer than the second ("full jitter"). `recovered`: news of the account that are asked
 * for after a hole; where more are missing the state stands for them.
 */
export const LIMITS = Object.freeze({ open: 10_000, silence: 15_000, backoff: 500, backoffMax: 15_000, recovered: 1_000 });

const SILENT_HEARTBEATS = 3;
/** Close codes that mean: do not connect again. */
const FINAL_CODES = new Set([4001, 4003, 4400]);
/** The private topic. */
const ACCOUNT = "account";
/** News kept while a hole is filled; beyond it the newest is dropped, and asked for with the rest. */
const AHEAD_MAX = 1_000;
const RUNNING = new Set(["pending_acceptance", "accepted", "under_review"]);
/** A DELTA takes these away by null; a whole MARKET leaves them out. */
const EXCHANGE = ["lay", "size", "ltp"];

/** The server will not serve this, now or later. `code` is stable: of the protocol, or `close_<code>`. */
export class StreamRefused extends Error {
  /** @param {string} code @param {string} message @param {string | null} topic */
  constructor(code, message, topic = null) {
    super(message);
    this.name = "StreamRefused";
    this.code = code;
    this.topic = topic;
  }
}

/** @param {string} text @returns {Topic} */
const parseTopic = (text) => {
  const [path, cls] = text.split(":");
  const parts = path.split(".");
  return { path, cls, event: parts.length > 2 ? parts.slice(0, 3).join(".") : null };
};

/** Whether a market belongs to a topic. @param {Topic} topic @param {Message} market */
const means = (topic, market) => {
  const path = `${market.topic}.${market.id}`;
  return (path === topic.path || path.startsWith(`${topic.path}.`)) && (topic.cls ?? market.class) === market.class;
};

/** Whether an event does: the topic's path leads to it, or through it. @param {Topic} topic @param {string} path */
const leads = (topic, path) => (topic.event === null ? path.startsWith(`${topic.path}.`) : topic.event === path);

/**
 * What a device holds, and the client rule of PROTOCOL.md section 2: messages in, a board out. It never talks: where it
 * must, `gap` says so and the caller subscribes again. `cursor` is what to resume from; `gaps` counts gaps; `notLive`
 * holds the sources that are stale or down.
 */
export class Replica {
  /** @type {Map<string, Message>} */ markets = new Map();
  /** @type {Map<string, Message>} */ events = new Map();
  /** @type {Map<string, number>} */ last = new Map();
  /** @type {Map<string, string>} */ notLive = new Map();
  /** @type {string | null} */ cursor = null;
  /** @type {string | null} */ epoch = null;
  gap = false;
  gaps = 0;
  #clock = 0;
  /** Held at `last` once and then dropped, not gone. @type {Set<string>} */ #dropped = new Set();
  /** @type {Map<string, number>} */ #refreshed = new Map();
  /** @type {Map<string, number>} */ #imaging = new Map();
  /** @type {number | null} */ #gapOp = null;
  #answering = false;
  #onTrust = false;

  /**
   * Begins with a board by REST and its Odds-Cursor. It is kept where the first `subscribed` takes the cursor, which
   * shows that both are of one epoch; any other answer forgets it.
   * @param {Message} board @param {string} cursor @param {string} topic
   */
  hold(board, cursor, topic) {
    const wanted = parseTopic(topic);
    if (leads(wanted, board.event.topic)) this.events.set(board.event.id, board.event);
    for (const market of board.items) if (means(wanted, market)) this.#takeMarket(market);
    this.notLive = new Map(Object.entries(board.src));
    this.cursor = cursor;
    this.#onTrust = true;
  }

  /** A new connection begins: catch-ups of the old one will not end. What is held stays, the cursor too. */
  reconnected() {
    this.gap = false;
    this.#gapOp = null;
    this.#answering = false;
    this.#imaging.clear();
  }

  /** The caller answers a gap by a subscribe with this id. @param {number} op */
  resubscribing(op) {
    this.#gapOp = op;
    this.#answering = false;
  }

  /** One message of the shard. @param {Message} message */
  receive(message) {
    this.#clock += 1;
    switch (message.t) {
      case "d": case "img": this.#takeAll(message); break;
      case "hb": this.notLive = new Map(Object.entries(message.src)); break;
      case "src":
        if (message.state === "live") this.notLive.delete(message.id);
        else this.notLive.set(message.id, message.state);
        break;
      case "subscribed": this.#subscribed(message); break;
      case "live": this.#live(message); break;
      default: return;
    }
    if (!this.gap) this.cursor = message.cursor ?? this.cursor;
  }

  /** The status to act on: the freshness rule applied to the market's own. @param {Message} market */
  status(market) {
    return market.st === "open" && this.#isOfDeadSource(market) ? "suspended" : market.st;
  }

  /** Whether a market of the topic counts as suspended because of its source. @param {string} topic */
  isStale(topic) {
    if (this.notLive.size === 0) return false;
    const parsed = parseTopic(topic);
    for (const market of this.markets.values()) if (this.#isOfDeadSource(market) && means(parsed, market)) return true;
    return false;
  }

  /** The device left these topics: what no kept topic means is dropped. @param {Iterable<string>} topics @param {Iterable<string>} kept */
  forget(topics, kept) {
    const odds = (all) => [...all].filter((topic) => topic !== ACCOUNT).map(parseTopic);
    const others = odds(kept);
    for (const topic of odds(topics)) {
      this.#drop(
        (market) => means(topic, market) && !others.some((other) => means(other, market)),
        (event) => leads(topic, event.topic) && !others.some((other) => leads(other, event.topic)),
      );
    }
  }

  #isOfDeadSource(market) {
    const state = this.notLive.get(market.src);
    return state === "down" || (state === "stale" && market.live);
  }

  #takeAll(message) {
    for (const part of message.m) {
      if ("event" in part) this.#takeMarket(part);
      else this.#takeDelta(part);
    }
    for (const event of message.e ?? []) {
      this.#refreshed.set(event.id, this.#clock);
      const held = this.events.get(event.id);
      if (held === undefined || event.s >= held.s) this.events.set(event.id, event);
    }
  }

  #takeMarket(market) {
    this.#refreshed.set(market.id, this.#clock);
    if (market.s < (this.last.get(market.id) ?? 0)) return;
    this.last.set(market.id, market.s);
    this.#dropped.delete(market.id);
    if (market.gone) this.markets.delete(market.id);
    else this.markets.set(market.id, market);
  }

  #takeDelta(delta) {
    const market = this.markets.get(delta.id);
    const last = this.last.get(delta.id) ?? 0;
    if (market === undefined) {
      const isNews = delta.s > last || (delta.s === last && this.#dropped.has(delta.id));
      if (isNews && !delta.gone) this.#fellIntoGap();
      return;
    }
    this.#refreshed.set(delta.id, this.#clock);
    if (delta.s <= last) return;
    if (delta.p > last) {
      this.#fellIntoGap();
      return;
    }
    this.last.set(delta.id, delta.s);
    if (delta.gone) this.markets.delete(delta.id);
    else apply(market, delta);
  }

  #fellIntoGap() {
    if (this.gap && !this.#answering) return;
    this.gap = true;
    this.gaps += 1;
    this.#answering = false;
  }

  #subscribed(message) {
    const all = Object.entries(message.topics);
    const answers = all.filter(([topic]) => topic !== ACCOUNT);
    if (all.length > 0 && answers.length === 0) return;
    if (this.#onTrust && answers.every(([, answer]) => answer === "delta" || answer === "current")) this.epoch = message.epoch;
    this.#onTrust = false;
    if (message.epoch !== this.epoch) {
      this.epoch = message.epoch;
      for (const held of [this.markets, this.events, this.last, this.#dropped]) held.clear();
      this.cursor = null;
    }
    for (const [topic, answer] of answers) {
      this.#imaging.delete(topic);
      if (answer === "image") this.#imaging.set(topic, this.#clock);
    }
    if (this.#gapOp !== null && message.id === this.#gapOp) this.#answering = this.gap;
  }

  #live(message) {
    this.notLive = new Map(Object.entries(message.src));
    for (const text of message.topics) {
      const began = this.#imaging.get(text);
      if (began === undefined) continue;
      this.#imaging.delete(text);
      const topic = parseTopic(text);
      const isOld = (id) => (this.#refreshed.get(id) ?? 0) < began;
      this.#drop((market) => isOld(market.id) && means(topic, market), (event) => isOld(event.id) && leads(topic, event.topic));
    }
    if (this.#answering) {
      this.gap = false;
      this.#answering = false;
    }
  }

  #drop(isMarketDropped, isEventDropped) {
    for (const [id, market] of this.markets) {
      if (!isMarketDropped(market)) continue;
      this.markets.delete(id);
      this.#dropped.add(id);
    }
    for (const [id, event] of this.events) if (isEventDropped(event)) this.events.delete(id);
  }
}

/** @param {Message} market @param {Message} delta */
const apply = (market, delta) => {
  for (const name of ["s", "ts", "live", "src"]) if (name in delta) market[name] = delta[name];
  if ("st" in delta) {
    market.st = delta.st;
    delete market.reason;
    if ("reason" in delta) market.reason = delta.reason;
  }
  const changes = new Map((delta.x ?? []).map((change) => [change.id, change]));
  for (const selection of market.x) {
    Object.assign(selection, changes.get(selection.id));
    for (const name of EXCHANGE) if (selection[name] === null) delete selection[name];
  }
};

/**
 * What a device holds of its own account, and the rule of the private topic: see fanout/contract/account.py. `seq` is the
 * number of the newest news that was shown; `missing`, after which number news are to be asked for, or null.
 */
export class AccountReplica {
  /** @type {number | null} */ seq = null;
  /** @type {Message | null} */ wallet = null;
  /** @type {Map<string, Message>} */ bets = new Map();
  holes = 0;
  skipped = 0;
  /** @type {Map<number, Message>} */ #ahead = new Map();
  /** @type {Message | null} */ #state = null;

  get missing() { return this.#ahead.size > 0 || this.#state !== null ? this.seq : null; }

  /** Begins where an earlier session ended. Before any message. @param {number} seq */
  hold(seq) { this.seq = seq; }

  /** One message of the topic. Gives what is to be shown by it, in order. @param {Message} message @returns {Message[]} */
  receive(message) {
    const { seq } = message;
    const isState = message.kind === "state";
    if (this.seq === null || (isState && seq === this.seq) || (!isState && seq === this.seq + 1)) {
      return [this.#show(message), ...this.#follow()];
    }
    if (seq <= this.seq) return [];
    if (this.missing === null) this.holes += 1;
    if (isState) this.#state = message;
    else if (this.#ahead.size < AHEAD_MAX) this.#ahead.set(seq, message);
    return [];
  }

  /** A page by REST of what came after `missing`. @param {Message[]} items @returns {Message[]} */
  recovered(items) {
    const shown = [];
    for (const item of items) {
      if (this.seq !== null && item.seq === this.seq + 1) shown.push(this.#show({ t: ACCOUNT, ...item }), ...this.#follow());
    }
    return shown;
  }

  /** What is missing cannot be had: goes on with the state, or the next that came. @returns {Message[]} */
  giveUp() {
    if (this.missing === null) return [];
    let message = this.#state;
    if (message !== null) {
      this.#state = null;
      for (const seq of [...this.#ahead.keys()]) if (seq <= message.seq) this.#ahead.delete(seq);
    } else {
      const next = Math.min(...this.#ahead.keys());
      message = this.#ahead.get(next);
      this.#ahead.delete(next);
    }
    this.skipped += message.seq - this.seq - (message.kind === "state" ? 0 : 1);
    return [this.#show(message), ...this.#follow()];
  }

  #follow() {
    const shown = [];
    for (;;) {
      const next = this.#ahead.get(this.seq + 1);
      if (this.#state !== null && this.#state.seq <= this.seq) {
        const state = this.#state;
        this.#state = null;
        if (state.seq === this.seq) shown.push(this.#show(state));
      } else if (next !== undefined) {
        this.#ahead.delete(next.seq);
        shown.push(this.#show(next));
      } else {
        return shown;
      }
    }
  }

  #show(message) {
    const { data, kind } = message;
    this.seq = message.seq;
    this.wallet = data.wallet ?? this.wallet;
    if (kind === "state") this.bets = new Map(data.bets.map((bet) => [bet.id, bet]));
    else this.#takeBets(kind, data);
    return message;
  }

  /** Which bets run by now: what was placed, and what was settled and is open again. */
  #takeBets(kind, data) {
    switch (kind) {
      case "bet_placed": this.bets.set(data.bet, { id: data.bet, stake: data.stake ?? null }); break;
      case "bet_refused": this.bets.delete(data.bet); break;
      case "bet_settled": case "bet_corrected":
        for (const { bet, state } of data.bets ?? [data]) {
          if (!RUNNING.has(state)) this.bets.delete(bet);
          else if (!this.bets.has(bet)) this.bets.set(bet, { id: bet });
        }
        break;
      case "cash_out": if (/^[0.]*$/.test(data.open_stake)) this.bets.delete(data.bet); break;
    }
  }
}

/** Whether a part of a frame may change which markets a source suspends. @param {Message} part */
const movesSource = (part) => ["event", "src", "live", "gone"].some((name) => name in part);

/** How each topic is, from what comes and what becomes of the connection: see fanout/client/states.py. */
export class TopicStates {
  /** Topics subscribed to, and whether a `live` of this connection completed them. @type {Map<string, boolean>} */ #whole = new Map();
  /** @type {Map<string, TopicState>} */ #told = new Map();
  #connected = false;
  #closed = false;

  /** @param {Replica} replica which takes every message first */
  constructor(replica) { this.replica = replica; }

  /** @param {string} topic @returns {TopicState} */
  of(topic) {
    const whole = this.#whole.get(topic);
    if (this.#closed || whole === undefined) return "closed";
    if (topic === ACCOUNT) return !whole ? "rebuilding" : this.#connected ? "live" : "stale";
    if (!whole || this.replica.gap) return "rebuilding";
    return !this.#connected || this.replica.isStale(topic) ? "stale" : "live";
  }

  /** Of every topic that is subscribed to, also after the end. @returns {Map<string, TopicState>} */
  all() { return new Map([...this.#whole.keys()].map((topic) => [topic, this.of(topic)])); }

  /** Topics whose state differs from what was last given here. @returns {[string, TopicState][]} */
  turned() {
    const now = this.all();
    const left = [...this.#told.keys()].filter((topic) => !now.has(topic)).map((topic) => [topic, "closed"]);
    const turned = [...now].filter(([topic, state]) => this.#told.get(topic) !== state);
    this.#told = now;
    return [...turned, ...left];
  }

  /** @param {Iterable<string>} topics */
  wanted(topics) { for (const topic of topics) this.#whole.set(topic, false); }

  /** @param {Iterable<string>} topics */
  left(topics) { for (const topic of topics) this.#whole.delete(topic); }

  connected() {
    this.#connected = true;
    this.#rebuild(this.#whole.keys());
  }

  lost() { this.#connected = false; }

  close() { this.#closed = true; }

  /** A message of the connection that counts, after the replica took it. Gives whether a state may have turned. @param {Message} message */
  receive(message) {
    switch (message.t) {
      case "subscribed": this.#rebuild(Object.keys(message.topics)); return true;
      case "slow": this.#rebuild([...this.#whole.keys()].filter((topic) => topic !== ACCOUNT)); return true;
      case "waiting": this.#rebuild([message.topic]); return true;
      case "account":
        if (message.kind !== "state" || this.#whole.get(ACCOUNT) !== false) return false;
        this.#whole.set(ACCOUNT, true);
        return true;
      case "live": for (const topic of message.topics) if (this.#whole.has(topic)) this.#whole.set(topic, true); return true;
      case "d": case "img": return this.replica.gap || (this.replica.notLive.size > 0 && message.m.some(movesSource));
      default: return message.t === "hb" || message.t === "src";
    }
  }

  /** @param {Iterable<string>} topics */
  #rebuild(topics) { for (const topic of topics) if (this.#whole.has(topic)) this.#whole.set(topic, false); }
}

/** Which address to try next, and when: round the list, backing off with full jitter. */
class Route {
  #next = 0;
  #failures = 0;
  /** @type {string | null} the address that the server named */ preferred = null;

  /** @param {string[]} urls @param {typeof LIMITS} limits */
  constructor(urls, limits) { this.urls = urls; this.limits = limits; }

  choose() {
    const url = this.preferred ?? this.urls[this.#next++ % this.urls.length];
    this.preferred = null;
    return url;
  }

  succeeded() { this.#failures = 0; }

  /** This address did not serve: the one after it comes next. @param {string} url */
  failed(url) { if (this.urls.includes(url)) this.#next = this.urls.indexOf(url) + 1; }

  /** The wait before the next attempt, ms. */
  wait() { return Math.random() * Math.min(this.limits.backoff * 2 ** Math.min(this.#failures++, 30), this.limits.backoffMax); }
}

/** One connection, and what the stream notes about it. */
class Link {
  asked = false;
  opened = false;
  live = false;
  gaps = 0;
  /** @type {{ at: number, url: string | null } | null} the server wants it left then */ leave = null;
  #stopped = false;
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  constructor(url, delay, stream) {
    this.url = url;
    this.stream = stream;
    this.heartbeat = stream.limits.silence / SILENT_HEARTBEATS;
    this.#timer = setTimeout(() => this.#open(), delay);
  }

  async #open() {
    this.#expectWithin(this.stream.limits.open, "no answer");
    try {
      const ticket = await this.stream.authorize?.();
      if (this.#stopped) return;
      const url = new URL(this.url, globalThis.location?.href);
      if (ticket !== undefined) url.searchParams.set("ticket", ticket);
      const socket = this.#socket = new WebSocket(url);
      socket.onopen = () => { this.#expectWithin(this.stream.limits.silence); this.stream._opened(this); };
      socket.onmessage = ({ data }) => { this.#heard(); this.stream._take(this, JSON.parse(data)); };
      socket.onclose = ({ code, reason }) => this.#ended(code, reason);
    } catch (error) {
      this.#over(error instanceof StreamRefused ? error : `no ticket: ${error}`);
    }
  }

  /** No heartbeats come in catch-up, and the server may first wait for the log. */
  catchesUp() { this.live = false; this.#expectWithin(this.stream.limits.silence); }

  isLive() { this.live = true; this.#heard(); }

  say(op) { if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(op)); }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (this.#socket === null) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }

  #heard() { this.#expectWithin(this.live ? this.heartbeat * SILENT_HEARTBEATS : this.stream.limits.silence); }

  #expectWithin(ms, reason = `nothing was heard for ${ms} ms`) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#over(reason), ms);
  }

  #ended(code, reason) {
    const words = `closed with ${code}${reason ? `, ${reason}` : ""}`;
    this.#over(FINAL_CODES.has(code) ? new StreamRefused(`close_${code}`, words) : words);
  }

  #over(end) { if (!this.#stopped) { this.stop(); this.stream._lost(this, end); } }
}

/**
 * One stream of odds over as many connections as it takes: connect, resume, answer gaps, move when the server drains.
 * At most two are open: the one that counts, and during a move its successor, which catches up while the first delivers.
 */
export class OddsStream {
  replica = new Replica();
  account = new AccountReplica();
  #states = new TopicStates(this.replica);
  /** @type {Set<string>} */ #topics;
  /** Topics held up to the cursor. @type {Set<string>} */ #held = new Set();
  /** @type {Set<string>} */ #leaving = new Set();
  /** @type {Link | null} */ #primary = null;
  /** @type {Link | null} */ #successor = null;
  #ops = 0;
  #asking = false;

  /**
   * @param {Iterable<string>} topics
   * @param {object} options
   * @param {string[]} options.urls stream addresses, `wss://HOST/v1/stream`; tried in turn
   * @param {number | null} [options.conflateMs] the tier; null for the server's default
   * @param {(() => Promise<string>)} [options.authorize] gives a fresh ticket before every connection, where the stream is
   *   not public; throws StreamRefused where there will never be one, anything else where there may be one later
   * @param {((after: number) => Promise<{items: Message[], seq: number}>)} [options.events] a page of
   *   `GET /v1/account/events?after=`; throws StreamRefused where there will never be one. Without it holes are passed over
   * @param {Partial<typeof LIMITS>} [options.limits]
   * @param {(message: Message) => void} [options.onMessage] every message, after the replica took it
   * @param {(topic: string, state: TopicState) => void} [options.onState] every topic as its state turns
   * @param {(notice: Notice) => void} [options.onNotice] what becomes of the connections
   * @param {(error: StreamRefused) => void} [options.onRefused] the server will not serve: the stream has ended
   */
  constructor(topics, { urls, conflateMs = null, authorize, events, limits = {}, onMessage, onState, onNotice, onRefused }) {
    this.#topics = new Set(topics);
    if (this.#topics.size === 0 || !urls?.length) throw new TypeError("a stream needs at least one url and one topic");
    this.limits = { ...LIMITS, ...limits };
    this.authorize = authorize;
    this.events = events;
    this.conflateMs = conflateMs;
    this.told = { onMessage, onState, onNotice, onRefused };
    this.route = new Route([...urls], this.limits);
    this.#states.wanted(this.#topics);
  }

  /** What is subscribed to, or will be once connected. */
  get topics() { return [...this.#topics]; }

  /** Whether the replica is up to date. Prices are not to be acted on else. */
  get live() { return this.#primary !== null && this.#primary.live && !this.replica.gap; }

  /** How a topic is; `closed` for one that is not subscribed to. @param {string} topic */
  state(topic) { return this.#states.of(topic); }

  /** How every topic is. */
  get states() { return this.#states.all(); }

  /**
   * Begins with a board by REST and its `Odds-Cursor`, before connecting. `topic`, one of this stream's, is what the board
   * is of: `football.nfl.E1`, or `football.nfl.E1:main` with `class=main`; its odds in the default format.
   * @param {string} topic @param {Message} board @param {string} cursor
   */
  hold(topic, board, cursor) {
    if (!this.#topics.has(topic) || this.#primary !== null || this.replica.cursor !== null) {
      throw new TypeError("hold takes one board, of a topic of this stream, before it connects");
    }
    this.replica.hold(board, cursor, topic);
    this.#held.add(topic);
  }

  /** Connects, and stays connected until `close` or a refusal. */
  connect() {
    if (this.#primary !== null) return;
    this.#primary = new Link(this.route.choose(), 0, this);
    this.#tellStates();
  }

  /** Adds topics; their image follows. @param {Iterable<string>} topics */
  subscribe(topics) {
    const added = [...new Set(topics)].filter((topic) => !this.#topics.has(topic));
    for (const topic of added) this.#topics.add(topic);
    this.#states.wanted(added);
    this.#tellStates();
    if (added.length) this.#say(this.#subscription(added, null));
  }

  /** Leaves topics; what only they meant is dropped once the server has answered. @param {Iterable<string>} topics */
  unsubscribe(topics) {
    const left = [...new Set(topics)].filter((topic) => this.#topics.delete(topic));
    for (const topic of left) { this.#held.delete(topic); this.#leaving.add(topic); }
    this.#states.left(left);
    this.#tellStates();
    if (left.length) this.#say({ op: "unsubscribe", id: ++this.#ops, topics: left });
  }

  /** Asks the connection that counts for a `pong`, which comes to `onMessage` with this id. Null where there is none. */
  ping() {
    if (!this.#primary?.asked) return null;
    const id = ++this.#ops;
    this.#primary.say({ op: "ping", id });
    return id;
  }

  /** Ends every connection, for good. */
  close() {
    this.#primary?.stop();
    this.#successor?.stop();
    this.#primary = this.#successor = null;
    this.#states.close();
    this.#tellStates();
  }

  // What comes. `_opened`, `_take` and `_lost` are for Link alone.

  _opened(link) {
    link.opened = true;
    for (const subscribe of this.#wish(link)) link.say(subscribe);
    if (link !== this.#primary) return;
    this.replica.reconnected();
    this.#forgetLeft();
    this.#states.connected();
    this.#tellStates();
    this.#notify("connected", link.url);
  }

  _take(link, message) {
    const isOther = message.t === "subscribed" && message.epoch !== this.replica.epoch;
    if (link === this.#successor && (message.t === "live" || isOther)) this.#promote(link);
    const { gaps } = this.replica;
    this.replica.receive(message);
    switch (message.t) {
      case "welcome": link.heartbeat = message.hb_ms; break;
      case "subscribed":
        link.catchesUp();
        for (const [topic, answer] of Object.entries(message.topics)) if (answer === "image") this.#held.delete(topic);
        if (link === this.#primary) this.#callOffMove();
        break;
      case "slow": link.catchesUp(); break;
      case "live":
        link.isLive();
        for (const topic of message.topics) if (this.#topics.has(topic)) this.#held.add(topic);
        this.route.succeeded();
        this.#beginMove();
        break;
      case "unsubscribed":
        for (const topic of message.topics) this.#held.delete(topic);
        this.#forgetLeft();
        break;
      case "drain":
        link.leave = { at: performance.now() + message.after_ms, url: message.url ?? null };
        this.#beginMove();
        break;
      case "error": this.#refused(link, message); break;
      case ACCOUNT: this.#accountSaid(link, message); break;
    }
    if (this.replica.gaps > gaps) this.#answerGap(link);
    if (link === this.#primary && this.#states.receive(message)) this.#tellStates();
    if (message.t === ACCOUNT) this.#news(this.account.receive(message));
    else this.#tell("onMessage", message);
  }

  _lost(link, end) {
    this.route.failed(link.url);
    link.stop();
    if (link === this.#successor) {
      this.#successor = new Link(this.route.choose(), this.route.wait(), this);
      this.#notify("unreachable", link.url, String(end));
      return;
    }
    if (end instanceof StreamRefused) {
      this.close();
      this.#tell("onRefused", end);
      return;
    }
    this.#notify(link.opened ? "reconnecting" : "unreachable", link.url, end);
    if (this.#successor?.asked) {
      this.#promote(this.#successor);
    } else {
      this.#callOffMove();
      this.#states.lost();
      this.route.preferred = link.leave?.url ?? null;
      this.#primary = new Link(this.route.choose(), this.route.wait(), this);
    }
    this.#tellStates();
  }

  /** Where no odds are heard, the state is what `live` is to them. */
  #accountSaid(link, message) {
    if (message.kind !== "state" || this.#odds().length > 0) return;
    if (link === this.#successor) this.#promote(link);
    link.isLive();
    this.route.succeeded();
    this.#beginMove();
  }

  #odds() { return this.topics.filter((topic) => topic !== ACCOUNT); }

  /** Tells these, and asks for what is missing, unless that is under way. @param {Message[]} messages */
  #news(messages) {
    for (const message of messages) this.#tell("onMessage", message);
    const after = this.account.missing;
    if (after === null || this.#asking) return;
    if (this.events === undefined) this.#news(this.account.giveUp());
    else this.#recover(after);
  }

  async #recover(after) {
    this.#asking = true;
    for (let ceiling = this.limits.backoff; this.#primary !== null; ceiling = Math.min(2 * ceiling, this.limits.backoffMax)) {
      try {
        const page = await this.events(after);
        if (this.#primary === null) return;
        const shown = page.seq - after > this.limits.recovered ? [] : this.account.recovered(page.items);
        this.#asking = false;
        this.#news(this.account.missing === after ? [...shown, ...this.account.giveUp()] : shown);
        return;
      } catch (error) {
        if (error instanceof StreamRefused) {
          this.close();
          this.#tell("onRefused", error);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.random() * ceiling));
      }
    }
  }

  #refused(link, message) {
    const error = new StreamRefused(message.code, message.message, message.topic ?? null);
    this._lost(link, message.retry === "never" ? error : `${error.code}, ${error.message}`);
  }

  /** The first gap on a connection asks with the cursor, every other one without. */
  #answerGap(link) {
    if (link === this.#successor) this.#promote(link);
    this.#callOffMove();
    link.gaps += 1;
    const [cursor, held] = this.#resumable(link);
    const answer = this.#subscription(held.length ? held : this.#odds(), cursor);
    this.replica.resubscribing(answer.id);
    this.#say(answer);
  }

  // What is said.

  /** A cursor claims that every topic beside it was held up to there: the others stand apart. */
  #wish(link) {
    link.asked = true;
    const [cursor, held] = this.#resumable(link);
    const fresh = this.topics.filter((topic) => !held.includes(topic));
    return [[held, cursor], [fresh, null]].filter(([topics]) => topics.length).map(([topics, at]) => this.#subscription(topics, at));
  }

  #resumable(link) {
    const cursor = link.gaps <= 1 ? this.replica.cursor : null;
    const held = this.topics.filter((topic) => this.#held.has(topic));
    return cursor !== null && held.length ? [cursor, held] : [null, []];
  }

  #subscription(topics, cursor) {
    return { op: "subscribe", id: ++this.#ops, topics, conflate_ms: this.conflateMs, cursor };
  }

  #say(op) {
    if (!this.#primary?.asked) return;
    this.#callOffMove();
    this.#primary.say(op);
  }

  // Connections.

  /** The server drains: once everything is held here, a successor is opened at the time it named. */
  #beginMove() {
    const leave = this.#primary?.leave;
    if (!leave || !this.live || this.#successor !== null) return;
    this.route.preferred = leave.url;
    const delay = Math.max(0, leave.at - performance.now()) + Math.random() * this.limits.backoff;
    this.#successor = new Link(this.route.choose(), delay, this);
  }

  /** Catch-up on the connection that counts comes first; its `live` begins the move anew. */
  #callOffMove() {
    this.#successor?.stop();
    this.#successor = null;
  }

  #promote(link) {
    this.#primary?.stop();
    this.#primary = link;
    this.#successor = null;
    this.#states.connected();
    this.#notify("moved", link.url);
  }

  #forgetLeft() {
    this.replica.forget(this.#leaving, this.#topics);
    this.#leaving.clear();
  }

  // What is told. A callback that throws is reported and changes nothing.

  #tellStates() { for (const [topic, state] of this.#states.turned()) this.#tell("onState", topic, state); }

  #notify(kind, url, reason = "") { this.#tell("onNotice", { kind, url, reason }); }

  #tell(name, ...what) {
    try { this.told[name]?.(...what); } catch (error) { (globalThis.reportError ?? console.error)(error); }
  }
}
