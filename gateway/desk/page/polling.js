// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * What is asked for again and again while a view is open, and not while nobody looks at the page. One question at a time;
 * one that fails is told, and what was known stays.
 */

export class Poll {
  /** What was told last. @type {any} */ value = null;
  /** Why it could not be told now. @type {Error | null} */ failed = null;
  #ends = false;
  /** @type {Promise<void> | null} */ #asking = null;

  /** @param {() => Promise<any>} ask @param {() => void} told @param {number} everyMs */
  constructor(ask, told, everyMs) {
    this.ask = ask;
    this.told = told;
    this.timer = setInterval(() => { if (!document.hidden) this.now(); }, everyMs);
    this.now();
  }

  /** Asks at once; resolves when it is told. */
  now() {
    this.#asking ??= this.#ask().finally(() => { this.#asking = null; });
    return this.#asking;
  }

  /** Asks after whatever is being asked by now; resolves when that is told. */
  async anew() {
    await this.#asking;
    await this.now();
  }

  close() {
    this.#ends = true;
    clearInterval(this.timer);
  }

  async #ask() {
    try {
      this.value = await this.ask();
      this.failed = null;
    } catch (error) {
      this.failed = error;
    }
    if (!this.#ends) this.told();
  }
}
