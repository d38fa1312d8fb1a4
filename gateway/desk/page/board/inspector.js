// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** The market that was picked: every selection in all three formats, its status and why, its age, its source, its position. */
import { age, clock, price, title, words } from "../odds.js";
import { CHOICES } from "../preferences.js";
import { address } from "../router.js";
import { Component, html } from "../view.js";

const EVERY_MS = 1_000;

export class Inspector extends Component {
  componentDidMount() {
    const { desk } = this.props;
    const timer = setInterval(() => this.forceUpdate(), EVERY_MS);
    this.ends = [desk.odds.follow(({ markets, all }) => { if (all || markets.has(this.props.market)) this.forceUpdate(); }), () => clearInterval(timer)];
  }

  componentWillUnmount() { for (const end of this.ends) end(); }

  render({ desk, market: id, onClose }) {
    const market = desk.odds.markets.get(id);
    const event = market && desk.odds.events.get(market.event);
    return html`<aside class="inspector panel" aria-label="Market">
      <header><h2>${market ? title(market) : "This market has ended"}</h2><button class="plain" onClick=${onClose} aria-label="Close">\u00d7</button></header>
      ${market === undefined ? html`<p class="quiet">It was replaced, or is settled. <a href=${address("line", id)}>How its line moved</a></p>` : this.told(desk, market, event)}
    </aside>`;
  }

  told(desk, market, event) {
    const st = desk.odds.status(market);
    return html`
      <p><a href=${address("board", market.topic)}>${event?.name ?? market.event}</a></p>
      <table><caption class="vh">Prices</caption><thead><tr><th scope="col">Selection</th>${CHOICES.format.map((format) => html`<th scope="col" key=${format}>${format === "american" ? "US" : format === "decimal" ? "Dec" : "Frac"}</th>`)}</tr></thead>
        <tbody>${market.x.map((selection) => html`<tr key=${selection.id} data-st=${selection.st}><th scope="row">${selection.name}</th>
          ${CHOICES.format.map((format) => html`<td key=${format}>${price(selection, format)}</td>`)}</tr>`)}</tbody></table>
      <dl>
        <dt>Status</dt><dd><span class="badge" data-st=${st}>${st}</span> ${market.reason ? words(market.reason) : st !== market.st ? "its source is silent" : ""}</dd>
        <dt>Class</dt><dd>${words(market.class)}${market.live ? ", in play" : ""}</dd>
        <dt>Changed</dt><dd>${clock(market.ts)}, ${age(desk.odds.since(market.ts))} ago</dd>
        <dt>Source</dt><dd>${market.src}, ${desk.odds.sourceState(market.src)}</dd>
        <dt>Position</dt><dd>${market.s}</dd>
        <dt>Market</dt><dd><code>${market.id}</code></dd>
      </dl>
      <p class="acts"><a href=${address("line", market.id)}>Line movement</a>${this.props.acts?.(market)}</p>`;
  }
}
