// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Entries of overlays and changes of them, in words. Pure. */
import { age, clock } from "../odds.js";

/** @typedef {{ scope: string, what: string, until: number | null, by: string, why: string, at: number, end: Record<string, any> }} Row  `end`: the command that ends it */

const hundredths = (value) => (value / 100).toFixed(2);

const aimed = (scope, { market, class: cls }) => `${scope}${market ? `.${market}` : ""}${cls ? `:${cls}` : ""}`;

/** @param {string} scope @param {Record<string, any>} entries @param {(market: string, selection: string) => string} nameOf @returns {Row[]} */
export const rowsOf = (scope, entries, nameOf = (_, selection) => selection) => [
  ...entries.suspensions.map(({ target, until, by, why, at }) => ({ scope: aimed(scope, target), what: "Suspended", until: until ?? null, by, why, at, end: { action: "resume" } })),
  ...entries.overrides.map(({ market, selection, price, until, by, why, at }) => ({
    scope: `${scope}.${market}`, what: `Price ${price.a > 0 ? "+" : "\u2212"}${Math.abs(price.a)} (${price.d}) on ${nameOf(market, selection)}`, until, by, why, at,
    end: { action: "override", selection, price: null },
  })),
  ...entries.margins.map(({ target, value, by, at }) => ({ scope: aimed(scope, target), what: `Margin ${hundredths(value)} %`, until: null, by, why: "", at, end: { action: "margin", value: null } })),
  ...entries.max_stakes.map(({ target, value, by, at }) => ({ scope: aimed(scope, target), what: `Max stake ${hundredths(value)}`, until: null, by, why: "", at, end: { action: "max_stake", value: null } })),
];

/** What a change did. @param {Record<string, any>} change */
export const changed = (change) => {
  const [before] = rowsOf(change.scope, change.before);
  const [after] = rowsOf(change.scope, change.after);
  const now = after ? `${after.what}${after.until ? ` until ${clock(after.until)}` : ""}` : "";
  if (before && after) return `${before.what} \u2192 ${now}`;
  return after ? now : `${before.what} ended`;
};

export const VERBS = { suspend: "Suspend", resume: "Resume", override: "Price", margin: "Margin", max_stake: "Max stake" };

/** When something ends by itself. @param {number | null} until @param {number} now */
export const ends = (until, now) => (until === null ? "until lifted" : until <= now ? "over" : `${age(until - now)} left`);

export const aimOf = ({ scope, target }) => aimed(scope, target);
