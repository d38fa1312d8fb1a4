// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** How the line opened and closed, across the markets that replaced each other as it moved. */
import { clock, line, price } from "../odds.js";
import { address } from "../router.js";
import { html } from "../view.js";

export const Ends = ({ market, chain, format }) => html`<section class="panel ends" aria-label="Opening and closing">
  <h2>Opening and closing</h2>
  ${chain.length === 0 ? html`<p class="quiet">Not in the archive yet.</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label="Lines">
    <table><caption class="vh">Opening and closing of every line</caption>
    <thead><tr><th scope="col">Line</th><th scope="col">Opened</th><th scope="col">Opening</th><th scope="col">Closing</th></tr></thead>
    <tbody>${[...chain].reverse().map((item) => row(item, market, format))}</tbody></table></div>
    <p class="quiet">Opening: the first on offer. Closing: the last on offer before the event began.</p>`}
</section>`;

const row = ({ market: id, whole, opening, closing }, market, format) => {
  const state = opening?.market ?? closing?.market;
  const name = state?.line === undefined ? "No line" : line(state.line, "over").slice(2);
  return html`<tr key=${id} aria-current=${id === market.id ? "true" : undefined}>
    <th scope="row">${id === market.id ? html`<b>${name}</b>` : html`<a href=${address("line", id)}>${name}</a>`}</th>
    <td>${opening ? clock(Date.parse(opening.at)) : "\u2013"}${whole ? "" : html` <span title="The market is older than what is kept">*</span>`}</td>
    <td>${prices(opening, format)}</td><td>${hasClosed(market, id, closing) ? prices(closing, format) : "\u2013"}</td></tr>`;
};

/**
 * Whether a line's last price on offer was its closing one: not while it is still offered before the game, and not where
 * it was first offered during it.
 */
export const hasClosed = (market, id, closing) => closing !== null && !closing.market.live && (id !== market.id || market.live || market.st === "closed");

const prices = (state, format) => (state === null ? "\u2013" : state.market.x.slice(0, 3).map((selection) => price(selection, format)).join(" / "));
