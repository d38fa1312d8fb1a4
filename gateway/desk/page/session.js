// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Who is signed in at the desk, and how one does. The session itself is a cookie that no script can read. */

/** What every request that changes something brings: no other origin can send it unasked. */
const OURS = { "Desk-Request": "1" };

/** @typedef {{ account: string, name: string, role: "trader" | "reader", scopes: string[], ends_at: string }} Who */

export class Session {
  /** @type {Who | null} */ who = null;
  /** Ways in: `issuer`, `development`. @type {string[]} */ ways = [];
  /** Whether the stream takes a ticket. */ tickets = false;
  /** Set once the gateway refused odds without a session. */ isNeeded = false;
  /** @type {Set<() => void>} */ #told = new Set();

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.api = api;
    api.headers = OURS;
    api.onUnauthenticated = () => this.#lost();
  }

  /** Whether somebody is signed in who may change something. */
  get mayAct() { return this.who?.role === "trader"; }

  /** Asks the gateway who that is. */
  async learn() {
    const { who, ways, tickets } = await this.api.get("/desk/session");
    Object.assign(this, { who, ways, tickets });
    this.#tell();
  }

  /** By the development keys; then everything begins anew, as somebody. @param {string} account @param {string} role */
  async signIn(account, role) {
    await this.api.send("/desk/sign-in/development", { account, role });
    location.reload();
  }

  async signOut() {
    await this.api.send("/desk/sign-out", {});
    location.assign("/desk");
  }

  /** A ticket for one connection to the stream. */
  async ticket() { return (await this.api.send("/v1/stream/tickets", {})).ticket; }

  /** @param {() => void} tell @returns {() => void} ends that */
  onChange(tell) {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }

  /** A session has ended, or there has to be one. */
  #lost() {
    this.isNeeded = true;
    this.who = null;
    this.#tell();
  }

  #tell() { for (const tell of this.#told) tell(); }
}
