// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Every outright of a league, a sport or all: who wins the season. */
import { title } from "../odds.js";
import { Component, html } from "../view.js";
import { fieldOf } from "./event.js";

export class Futures extends Component {
  componentDidMount() { this.end = this.props.desk.odds.follow(({ shape, all }) => { if (all || shape.size) this.turned(); }); }

  componentWillUnmount() { this.end(); }

  turned() { if (this.markets(this.props).map(({ id }) => id).join() !== this.shown) this.forceUpdate(); }

  markets({ desk, scope }) {
    return [...desk.odds.markets.values()].filter((market) => market.class === "future" && (scope === "" || `${market.topic}.`.startsWith(`${scope}.`)))
      .sort((a, b) => a.topic.localeCompare(b.topic) || a.id.localeCompare(b.id));
  }

  render(props) {
    const markets = this.markets(props);
    this.shown = markets.map(({ id }) => id).join();
    if (markets.length === 0) return html`<p class="waiting">No futures here just now.</p>`;
    return html`<div class="sections fields">${markets.map((market) => html`<section class="panel" key=${market.id} aria-label=${nameOf(market, props.desk)}>
      ${fieldOf(market, props.cells, nameOf(market, props.desk))}</section>`)}</div>`;
  }
}

const nameOf = (market, desk) => desk.odds.events.get(market.event)?.name ?? title(market);
