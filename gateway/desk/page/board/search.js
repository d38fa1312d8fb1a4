// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** What is found by some words among the events: sports, leagues, events. Pure. */
import { words } from "../odds.js";

const HITS_MAX = 40;

/**
 * Each word has to begin a word of what is found.
 * @param {Iterable<Record<string, any>>} events @param {string} asked
 */
export const search = (events, asked) => {
  const wanted = asked.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = new Map();
  for (const event of events) {
    if (event.state === "ended") continue;
    const [sport, league] = event.topic.split(".");
    offer(hits, { topic: `${sport}.${league}`, title: words(league), note: words(sport) }, wanted, 0);
    const state = event.state === "live" ? `live ${event.clock ?? ""}` : words(league);
    offer(hits, { topic: event.topic, title: event.name, note: state, beside: `${words(league)} ${words(sport)}` }, wanted, event.state === "live" ? 1 : 2);
  }
  const found = [...hits.values()].sort((a, b) => a.rank - b.rank || a.title.localeCompare(b.title));
  return { hits: found.slice(0, HITS_MAX), more: Math.max(0, found.length - HITS_MAX) };
};

const offer = (hits, hit, wanted, rank) => {
  if (hits.has(hit.topic)) return;
  const text = ` ${hit.title} ${hit.note} ${hit.beside ?? ""}`.toLowerCase();
  if (wanted.every((word) => text.includes(` ${word}`))) hits.set(hit.topic, { ...hit, rank });
};
