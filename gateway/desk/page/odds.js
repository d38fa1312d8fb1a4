// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Prices, lines, times and names as people read them. Pure. */

const MINUS = "\u2212";
/** @type {Map<number, string>} */
const fractions = new Map();
const FRACTIONS_MAX = 10_000;

/** Decimal odds in thousandths. @param {string} d */
export const milliOf = (d) => Math.round(Number(d) * 1000);

/**
 * The fraction by the rule of feeds/contract/prices.py: of all n/d for which 1 + n/d, rounded half up to thousandths, is
 * the price, the one with the smallest d.
 * @param {number} milli
 */
export const fraction = (milli) => {
  const known = fractions.get(milli);
  if (known !== undefined) return known;
  const over = milli - 1000;
  let text = `${over}/1000`;
  for (let d = 1; d < 1000; d += 1) {
    // n with 2000 n within [2 d over - d, 2 d over + d): what rounds half up to `over`
    const n = Math.ceil((2 * d * over - d) / 2000);
    if (2000 * n < 2 * d * over + d) {
      text = `${n}/${d}`;
      break;
    }
  }
  if (fractions.size >= FRACTIONS_MAX) fractions.clear();
  fractions.set(milli, text);
  return text;
};

/** @param {number} value */
const signed = (value) => (value > 0 ? `+${value}` : String(value).replace("-", MINUS));

/** American odds of decimal ones, rounded. @param {number} decimal */
export const americanOf = (decimal) => Math.round(decimal >= 2 ? (decimal - 1) * 100 : -100 / (decimal - 1));

/** A selection's price. @param {Record<string, any>} selection @param {string} format */
export const price = (selection, format) => {
  if (selection.d === null || selection.d === undefined) return "\u2013";
  if (format === "decimal") return selection.d;
  if (format === "fractional") return fraction(milliOf(selection.d));
  return signed(selection.a);
};

/** A price that nobody said, such as a place on an axis. @param {number} decimal @param {string} format */
export const priceAt = (decimal, format) => {
  if (!(decimal > 1)) return "";
  if (format === "decimal") return decimal.toFixed(decimal < 10 ? 2 : 1);
  return format === "fractional" ? fraction(Math.round(decimal * 1000)) : signed(americanOf(decimal));
};

/** A handicap or total as a bettor reads it. @param {string | undefined} text @param {string} [side] */
export const line = (text, side) => {
  if (text === undefined || text === null) return "";
  if (side === "over") return `O ${text}`;
  if (side === "under") return `U ${text}`;
  return text.startsWith("-") ? text.replace("-", MINUS) : Number(text) === 0 ? text : `+${text}`;
};

/** How long ago, in one short word. @param {number} ms */
export const age = (ms) => {
  if (!Number.isFinite(ms)) return "";
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
};

/** @param {number} ms Unix time */
export const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

/** When an event begins: the time, with the day where it is another. @param {string} text RFC 3339 */
export const start = (text) => {
  const at = new Date(text);
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  if (at.toDateString() === new Date().toDateString()) return time;
  return `${at.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short" })} ${time}`;
};

const SHORT = /^(nfl|nba|mlb|nhl|epl|mls|atp|wta|wnba|ncaaf|ncaab|laliga)$/;
const SPELLED = new Map([["laliga", "La Liga"]]);

/** A slug as words: `total_goals` is "Total goals". @param {string} slug */
export const words = (slug) => {
  if (SHORT.test(slug)) return SPELLED.get(slug) ?? slug.toUpperCase();
  const text = slug.replaceAll(/[_-]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

/** What a market is about. @param {Record<string, any>} market */
export const title = (market) => {
  const about = market.subject ? `${market.subject.name}: ${words(market.type).toLowerCase()}` : words(market.type);
  return market.period === "game" || market.period === "season" ? about : `${about}, ${words(market.period)}`;
};
