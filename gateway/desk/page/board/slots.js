// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Which market of an event stands where on the board: by its sides and lines, not by what a provider calls it. Pure. */

/** @typedef {Record<string, any>} Market */

const isOfGame = (market) => market.class === "main" && market.subject === undefined;
const hasSide = (market, side) => market.x.some((selection) => selection.side === side);

/** Home and away in the order in which the event's name has them. @param {Record<string, any>} event */
export const sidesOf = (event) => (event.name.includes(" @ ") ? ["away", "home"] : ["home", "away"]);

/**
 * The three markets that a row shows, each undefined where there is none: who wins, by how much, how many.
 * @param {Market[]} markets
 */
export const slotsOf = (markets) => {
  const slots = { winner: undefined, spread: undefined, total: undefined };
  for (const market of markets) {
    if (!isOfGame(market)) continue;
    const name = nameOf(market);
    if (name === null) continue;
    const held = slots[name];
    if (held === undefined || rank(market) < rank(held)) slots[name] = market;
  }
  return slots;
};

/** Periods after the whole game, then by id, so that a row does not jump between two of a kind. */
const rank = (market) => `${market.period === "game" ? 0 : 1} ${market.id}`;

const nameOf = (market) => {
  if (hasSide(market, "over")) return "total";
  if (market.line !== undefined || market.x.some(({ line }) => line !== undefined)) return "spread";
  return market.x.length <= 3 && (hasSide(market, "home") || market.x.every(({ side }) => side === undefined)) ? "winner" : null;
};

/** A selection of a slot. @param {Market | undefined} market @param {string} side @param {number} place where there are no sides */
export const selectionAt = (market, side, place) =>
  market?.x.find((selection) => selection.side === side) ?? (market && !hasSide(market, "home") && !hasSide(market, "over") ? market.x[place] : undefined);

/** Selections with the sides of the game in the order of its name. @param {Market[]} x @param {string[]} sides */
export const inOrder = (x, sides) => (x.length === 2 && x[0].side === sides[1] && x[1].side === sides[0] ? [x[1], x[0]] : x);

const number = (text) => (text === undefined ? 0 : Number(text));

/** The markets of an event by section: main, ladders of lines, whom props are about, and the rest. @param {Market[]} markets */
export const sectionsOf = (markets) => {
  const standing = [...markets].sort(byStanding);
  const ladders = new Map();
  const subjects = new Map();
  const main = [];
  const rest = [];
  const grouped = new Set(standing.filter((market) => market.class === "alternate").map(groupOf));
  for (const market of standing) {
    if (grouped.has(groupOf(market)) && market.class !== "prop") put(ladders, groupOf(market), market);
    if (market.class === "main") main.push(market);
    else if (market.class === "prop") put(subjects, market.subject?.id ?? "", market);
    else if (market.class !== "alternate") rest.push(market);
  }
  for (const ladder of ladders.values()) ladder.sort((a, b) => number(a.line) - number(b.line));
  return { main, ladders: [...ladders.values()], subjects: bySubject([...subjects.values()]), rest };
};

const groupOf = (market) => market.group ?? `${market.period}.${market.type}`;

const put = (map, key, value) => {
  if (map.has(key)) map.get(key).push(value);
  else map.set(key, [value]);
};

const standingOf = (market) => [market.period, market.type, market.group ?? "", market.subject?.name ?? "", market.id];

const byStanding = (a, b) => {
  const [one, other] = [standingOf(a), standingOf(b)];
  const place = one.findIndex((part, index) => part !== other[index]);
  return place < 0 ? 0 : one[place] < other[place] ? -1 : 1;
};

/** Teams before players, each by name. */
const bySubject = (groups) => groups.sort(([a], [b]) => {
  const key = (market) => `${market.subject?.type === "team" ? 0 : 1} ${market.subject?.name ?? ""}`;
  return key(a).localeCompare(key(b));
});
