// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** REST of the gateway, for views: JSON in, JSON out, and a Problem for every refusal (RFC 9457). */

const TIMEOUT_MS = 15_000;

/** What the gateway refused, or that it could not be asked: then `code` is `unreachable`. */
export class Problem extends Error {
  /** @param {number} status @param {Record<string, any>} body a problem details object */
  constructor(status, body) {
    super(body.detail || body.title || `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? `http_${status}`;
    this.body = body;
  }
}

export class Api {
  /** Set by who knows: headers that every request has to bring. @type {Record<string, string>} */ headers = {};
  /** Called with a Problem of status 401. @type {(problem: Problem) => void} */ onUnauthenticated = () => {};

  /** @param {string} path @param {Record<string, any>} [query] those without a value are left out @returns {Promise<any>} */
  get(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
    const asked = new URLSearchParams(given).toString();
    return this.#ask(asked ? `${path}?${asked}` : path, { method: "GET", headers: this.headers });
  }

  /** @param {string} path @param {any} body @param {string} [method] @returns {Promise<any>} */
  send(path, body, method = "POST") {
    const headers = { "Content-Type": "application/json", ...this.headers };
    return this.#ask(path, { method, headers, body: JSON.stringify(body) });
  }

  /** All items of a list, page by page. @param {string} path @param {Record<string, any>} query @param {number} most */
  async all(path, query = {}, most = 1_000) {
    const items = [];
    for (let token; items.length < most;) {
      const page = await this.get(path, { ...query, page_token: token });
      items.push(...page.items);
      token = page.next_page_token;
      if (!token) break;
    }
    return items;
  }

  async #ask(path, how) {
    let answer;
    try {
      answer = await fetch(path, { ...how, credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (error) {
      throw new Problem(0, { code: "unreachable", title: `The gateway does not answer (${error.name})` });
    }
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) return body;
    const problem = new Problem(answer.status, body);
    if (answer.status === 401) this.onUnauthenticated(problem);
    throw problem;
  }
}
