// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** How old a price is, and where it comes from. */
import { age } from "../odds.js";
import { html } from "../view.js";
import { OfMarket } from "./cells.js";

/** Since the ingestor had the market's last change from the provider. */
export class AgeCell extends OfMarket {
  draw(market) { if (market !== undefined) this.tick(market); }

  tick(market) {
    const text = age(this.props.cells.desk.odds.since(market.ts));
    if (text === this.shown) return;
    this.text ??= this.element.current.appendChild(new Text());
    this.text.data = this.shown = text;
  }

  render() { return html`<span class="age" ref=${this.element}></span>`; }
}

/** The feed and lane that prices it, and how that is. */
export class SourceCell extends OfMarket {
  draw(market) { if (market !== undefined) this.tick(market); }

  tick(market) {
    const element = this.element.current;
    const state = this.props.cells.desk.odds.sourceState(market.src);
    if (market.src === this.src && state === this.state) return;
    this.src = market.src;
    this.state = state;
    element.dataset.state = state;
    element.textContent = market.src;
    element.title = `${market.src} is ${state}`;
  }

  render() { return html`<span class="src" ref=${this.element}></span>`; }
}
