// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** What a trader chose, kept in this browser: the format of odds, and light or dark. */

const KEY = "oddswire-desk";
/** @type {Record<string, string[]>} choices by name, the default first */
export const CHOICES = { format: ["american", "decimal", "fractional"], theme: ["system", "dark", "light"] };

export class Preferences {
  /** @type {Record<string, string>} */ #chosen = {};
  /** @type {Set<() => void>} */ #told = new Set();

  constructor() {
    const kept = read();
    for (const [name, choices] of Object.entries(CHOICES)) {
      this.#chosen[name] = choices.includes(kept[name]) ? kept[name] : choices[0];
    }
    this.#apply();
    // Evening comes while the page is open: what is drawn on a canvas has to know.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#tell());
  }

  get format() { return this.#chosen.format; }

  get theme() { return this.#chosen.theme; }

  /** @param {string} name @param {string} choice one of CHOICES */
  choose(name, choice) {
    if (!CHOICES[name].includes(choice)) throw new TypeError(`${choice} is no ${name}`);
    this.#chosen[name] = choice;
    try { localStorage.setItem(KEY, JSON.stringify(this.#chosen)); } catch { /* a browser that keeps nothing: until it is closed */ }
    this.#apply();
    this.#tell();
  }

  /** The next choice, round. @param {string} name */
  next(name) {
    const choices = CHOICES[name];
    this.choose(name, choices[(choices.indexOf(this.#chosen[name]) + 1) % choices.length]);
  }

  /** @param {() => void} tell @returns {() => void} ends that */
  onChange(tell) {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }

  #tell() { for (const tell of this.#told) tell(); }

  #apply() { document.documentElement.dataset.theme = this.#chosen.theme; }
}

const read = () => {
  try { return JSON.parse(localStorage.getItem(KEY) ?? "{}"); } catch { return {}; }
};
