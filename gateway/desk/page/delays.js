// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** How long updates took from the shard to this screen, in columns over time, as the gateway tells the stages before. */

const STEP_MS = 2_000;
const COLUMNS_MAX = 300;

export class Delays {
  /** As LAG_BOUNDS_MS of fanout/contract/fleet.py. */ bounds = [5, 10, 20, 50, 100, 150, 200, 500, 1_000, 5_000];
  /** @type {{ at_ms: number, counts: number[] }[]} */ columns = [];

  /** @param {number} ms it took so long, now */
  took(ms) {
    const at_ms = Math.floor(Date.now() / STEP_MS) * STEP_MS;
    let last = this.columns.at(-1);
    if (last === undefined || last.at_ms < at_ms) {
      last = { at_ms, counts: new Array(this.bounds.length + 1).fill(0) };
      this.columns.push(last);
      if (this.columns.length > COLUMNS_MAX) this.columns.shift();
    }
    const found = this.bounds.findIndex((bound) => ms <= bound);
    last.counts[found < 0 ? this.bounds.length : found] += 1;
  }
}
