// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Where one is: `/desk/VIEW/PATH?QUERY`. Links of the desk are followed without a request. */
import { VIEWS } from "./views.js";

const BASE = "/desk";

/** An address of the desk. @param {string} view @param {string} [path] @param {Record<string, string>} [query] */
export const address = (view, path = "", query = {}) => {
  const words = [BASE, view, ...(path ? [path] : [])].join("/");
  const asked = new URLSearchParams(query).toString();
  return asked ? `${words}?${asked}` : words;
};

export class Router {
  /** @type {Set<() => void>} */ #told = new Set();

  constructor() {
    addEventListener("popstate", () => this.#tell());
    addEventListener("click", (event) => this.#clicked(event));
  }

  /** The view of this address, the first where it names none. */
  get view() { return VIEWS.find(({ name }) => name === this.#words[0]) ?? VIEWS[0]; }

  /** What follows it. */
  get path() { return this.#words.slice(1).join("/"); }

  get query() { return new URLSearchParams(location.search); }

  /** Goes there. @param {string} to an address of the desk */
  go(to) {
    if (to === location.pathname + location.search) return;
    history.pushState(null, "", to);
    this.#tell();
  }

  /** Is told when it has changed. @param {() => void} tell @returns {() => void} ends that */
  onChange(tell) {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }

  get #words() { return location.pathname.slice(BASE.length).split("/").filter(Boolean).map(decodeURIComponent); }

  #tell() { for (const tell of this.#told) tell(); }

  #clicked(event) {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (link === null || !isPlain || event.defaultPrevented || link.target || link.origin !== location.origin) return;
    if (link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}
