// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * How a market moved: points by REST, then more by the stream. A point is all prices of one moment, what the market's
 * status was from then on, and who priced it. Pure but for `load`.
 *
 * @typedef {{ at: number, prices: (number | null)[], american: (number | null)[], st: string, src: string }} Point
 *   `at` in seconds, prices decimal; `american` as it was said, which the rounded decimal does not tell: null where only that is kept
 */

const STATES_MAX = 6_000;
const BARS_MAX = 40_000;
/** Points beyond are forgotten, the oldest first. */
const POINTS_MAX = 20_000;

/** Windows of time, the first the default; of the wide ones there is one point a minute. */
export const WINDOWS = [
  { name: "15 min", ms: 900_000, isRaw: true },
  { name: "1 h", ms: 3_600_000, isRaw: true },
  { name: "6 h", ms: 21_600_000, isRaw: false },
  { name: "7 days", ms: 604_800_000, isRaw: false },
];

export class Movement {
  /** @type {Point[]} */ points = [];

  /** @param {string[]} selections ids, in the order of the market */
  constructor(selections) { this.selections = selections; }

  /** What stood at a time. @param {Record<string, any>} market @param {number} ms */
  add(market, ms) {
    const last = this.points.at(-1);
    if (last !== undefined && ms / 1000 < last.at) return;
    const held = this.selections.map((id) => market.x.find((selection) => selection.id === id));
    const american = held.map((selection) => selection?.a ?? null);
    this.points.push({ at: ms / 1000, prices: held.map(decimal), american, st: market.gone ? "closed" : market.st, src: market.src });
    if (this.points.length > POINTS_MAX) this.points.splice(0, this.points.length - POINTS_MAX);
  }

  /** As columns, the last point held until now. @param {number} now seconds @returns {(number | null)[][]} */
  columns(now) {
    const { points } = this;
    const last = points.at(-1);
    const held = last === undefined || last.at >= now ? points : [...points, { ...last, at: now }];
    return [held.map(({ at }) => at), ...this.selections.map((_, place) => held.map(({ prices }) => prices[place]))];
  }

  /** Stretches of time in which it was not open. @param {number} now seconds @returns {{ from: number, to: number, st: string }[]} */
  suspensions(now) {
    const spans = [];
    for (const { at, st } of this.points) {
      const open = spans.at(-1);
      if (open !== undefined && open.to === null && open.st !== st) open.to = at;
      if (st !== "open" && (spans.length === 0 || spans.at(-1).to !== null)) spans.push({ from: at, to: null, st });
    }
    return spans.map(({ from, to, st }) => ({ from, to: to ?? now, st }));
  }

  /** Moments from which somebody else priced it. @returns {{ at: number, src: string }[]} */
  handovers() {
    return this.points.filter(({ src }, place) => place > 0 && src !== this.points[place - 1].src).map(({ at, src }) => ({ at, src }));
  }

  /** The point that stood at a time. @param {number} at seconds */
  standing(at) { return this.points.findLast((point) => point.at <= at) ?? null; }
}

const decimal = (selection) => (selection?.d === null || selection?.d === undefined ? null : Number(selection.d));

/**
 * The past of a market.
 * @param {import("../api.js").Api} api @param {Record<string, any>} market @param {typeof WINDOWS[number]} window
 */
export const load = async (api, market, window) => {
  const movement = new Movement(market.x.map(({ id }) => id));
  const path = `/v1/markets/${encodeURIComponent(market.id)}/history`;
  const from = new Date(Date.now() - window.ms).toISOString();
  if (window.isRaw) {
    for (const { at, market: state } of await api.all(path, { from }, STATES_MAX)) movement.add(state, Date.parse(at));
  } else {
    addBars(movement, market, await api.all(path, { from, interval: "1m", odds_format: "decimal" }, BARS_MAX));
  }
  return movement;
};

/** How it stood at the end of each minute in which it moved. */
const addBars = (movement, market, bars) => {
  const held = movement.selections.map(() => null);
  for (const [start, those] of Map.groupBy(bars, (bar) => bar.start)) {
    for (const { selection, close } of those) held[movement.selections.indexOf(selection)] = Number(close.d);
    movement.points.push({ at: Date.parse(start) / 1000 + 60, prices: [...held], american: held.map(() => null), st: "open", src: market.src });
  }
  movement.points.sort((a, b) => a.at - b.at);
};
