// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** One drawing a frame: whatever comes between two frames of the screen is drawn together, and how long that took is kept. */

const KEPT = 240;

export class Frames {
  /** Milliseconds of the last drawings. @type {number[]} */ took = [];
  /** The longest task of the page in the last minute, ms; null where the browser does not tell. @type {number | null} */ longest = null;
  #asked = false;
  /** @type {Set<(now: number) => void>} */ #drawing = new Set();
  /** @type {{ at: number, ms: number }[]} */ #tasks = [];

  constructor() {
    if (!PerformanceObserver.supportedEntryTypes?.includes("longtask")) return;
    this.longest = 0;
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) this.#tasks.push({ at: startTime, ms: duration });
      this.#forget();
    }).observe({ type: "longtask" });
    setInterval(() => this.#forget(), 1_000);
  }

  /** Draws in the next frame. */
  ask() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => this.#draw());
  }

  /** Takes part in every drawing. @param {(now: number) => void} draw @returns {() => void} ends that */
  onDraw(draw) {
    this.#drawing.add(draw);
    return () => this.#drawing.delete(draw);
  }

  #draw() {
    this.#asked = false;
    const began = performance.now();
    for (const draw of this.#drawing) {
      try { draw(began); } catch (error) { reportError(error); }
    }
    this.took.push(performance.now() - began);
    if (this.took.length > KEPT) this.took.shift();
  }

  #forget() {
    const from = performance.now() - 60_000;
    this.#tasks = this.#tasks.filter(({ at }) => at > from).slice(-KEPT);
    this.longest = this.#tasks.reduce((most, { ms }) => Math.max(most, ms), 0);
  }
}
