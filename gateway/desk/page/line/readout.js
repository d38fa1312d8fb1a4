// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** What stood at the moment under the pointer, or stands now; and the last changes, for who reads rather than looks. */
import { clock, price, priceAt } from "../odds.js";
import { html } from "../view.js";
import { SERIES_MAX } from "./chart.js";

const CHANGES_SHOWN = 24;

export const Readout = ({ market, movement, hovered, format }) => {
  const point = (hovered === null ? movement.points.at(-1) : movement.standing(hovered)) ?? null;
  const shown = market.x.slice(0, SERIES_MAX);
  return html`<section class="panel readout" aria-label="Prices">
    <h2>${hovered === null ? "Now" : clock(hovered * 1000)} ${point ? html`<span class="badge" data-st=${point.st}>${point.st}</span> <span class="quiet">${point.src}</span>` : null}</h2>
    <ul>${shown.map((selection, place) => html`<li key=${selection.id} data-series=${place + 1}><i aria-hidden="true"></i><span>${selection.name}</span>
      <b>${hovered === null ? price(selection, format) : asSaid(point, place, format)}</b></li>`)}</ul>
    ${market.x.length > SERIES_MAX ? html`<p class="quiet">The chart has the first ${SERIES_MAX} of ${market.x.length}.</p>` : null}
    <div class="scroll" tabindex="0" role="region" aria-label="Changes">
      <table><caption>Last changes</caption><thead><tr><th scope="col">Time</th>${shown.slice(0, 3).map(({ id, name }) => html`<th scope="col" key=${id}>${name}</th>`)}<th scope="col">Status</th></tr></thead>
      <tbody>${movement.points.slice(-CHANGES_SHOWN).reverse().map((one, place) => html`<tr key=${`${one.at} ${place}`}><td>${clock(one.at * 1000)}</td>
        ${shown.slice(0, 3).map(({ id }, column) => html`<td key=${id}>${asSaid(one, column, format)}</td>`)}<td>${one.st}</td></tr>`)}</tbody></table>
    </div></section>`;
};

/** A price of a point as it was said, or as near as what is kept tells. */
const asSaid = (point, place, format) => {
  const decimal = point?.prices[place] ?? null;
  if (decimal === null) return "\u2013";
  const a = point.american[place];
  return a === null && format === "american" ? priceAt(decimal, format) : price({ a, d: decimal.toFixed(3) }, format);
};
