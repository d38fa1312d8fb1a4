// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * How late the page itself is: from the moment a shard wrote a frame (its `ts`) to the end of the drawing that shows it.
 * The two clocks are compared by pings: of the last ones the one that came back soonest says how far they are apart.
 */
import { Delays } from "./delays.js";

const PINGS = 12;
/** Until there are so many answers a ping is wanted each time, then each this many times. */
const PINGS_SOON = 5;
const PING_EVERY = 10;
const SAMPLES = 300;
const WAITING_MAX = 500;

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

export class Lag {
  /** @type {Map<number, number>} */ #asked = new Map();
  /** @type {{ trip: number, ahead: number }[]} */ #pings = [];
  /** Frames that are not drawn yet: their `ts`. @type {number[]} */ #waiting = [];
  /** @type {number[]} */ #samples = [];

  /** The same over time. */ delays = new Delays();
  #turn = 0;

  /** Whether a ping should be sent. Asked once a second. */
  get wants() { return this.#pings.length < PINGS_SOON || this.#turn++ % PING_EVERY === 0; }

  /** @param {number | null} id of a ping that was just sent */
  pinged(id) {
    if (id === null) return;
    if (this.#asked.size >= PINGS) this.#asked.clear();
    this.#asked.set(id, Date.now());
  }

  /** @param {Record<string, any>} message */
  heard(message) {
    if (message.t === "d" && this.#waiting.length < WAITING_MAX) this.#waiting.push(message.ts);
    if (message.t !== "pong" || !this.#asked.has(message.id)) return;
    const now = Date.now();
    const trip = now - this.#asked.get(message.id);
    this.#asked.delete(message.id);
    this.#pings.push({ trip, ahead: message.ts - (now - trip / 2) });
    if (this.#pings.length > PINGS) this.#pings.shift();
  }

  /** Everything that was heard is on the screen by now. */
  drawn() {
    const now = Date.now() + this.ahead;
    if (!document.hidden) {
      for (const ts of this.#waiting) {
        this.#samples.push(Math.max(0, now - ts));
        this.delays.took(Math.max(0, now - ts));
      }
    }
    this.#waiting.length = 0;
    if (this.#samples.length > SAMPLES) this.#samples.splice(0, this.#samples.length - SAMPLES);
  }

  /** How far the shard's clock is ahead of ours, ms. */
  get ahead() {
    return this.#pings.length ? this.#pings.reduce((best, ping) => (ping.trip < best.trip ? ping : best)).ahead : 0;
  }

  /** Of the last frames, ms; null where there was none. */
  get figures() {
    if (this.#samples.length === 0) return null;
    const sorted = [...this.#samples].sort((a, b) => a - b);
    return { p50: Math.round(quantile(sorted, 0.5)), p99: Math.round(quantile(sorted, 0.99)) };
  }
}
