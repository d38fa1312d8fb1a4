// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** What a trader wants to lay over a scope: chosen here, confirmed in a dialog that says all of it. */
import { milliOf } from "../odds.js";
import { Component, html } from "../view.js";
import { inWords, parsed } from "./scopes.js";
import { VERBS } from "./telling.js";

const DURATIONS = [["", "until it is lifted"], ["300", "5 minutes"], ["900", "15 minutes"], ["3600", "1 hour"], ["14400", "4 hours"], ["86400", "1 day"]];
const PRICE = /^([+\-\u2212]?[1-9]\d{2,4}|\d{1,3}\.\d{1,3})$/;
const AMOUNT = /^\d{1,9}(\.\d{1,2})?$/;

export class Act extends Component {
  state = { action: "suspend", for_s: "", selection: "", price: "", value: "" };

  render({ desk, scope, version, disabled }, { action, for_s, selection, price, value }) {
    const { market } = parsed(scope);
    const held = market ? desk.odds.markets.get(market) : null;
    const wish = this.wish();
    return html`<form class="act" onSubmit=${(event) => { event.preventDefault(); if (wish) this.props.onWish(wish); }}>
      <fieldset disabled=${disabled}><legend>What is to be done</legend>
        <div class="segments">${Object.entries(VERBS).map(([name, words]) => html`<label key=${name}><input type="radio" name="action" value=${name}
          checked=${action === name} disabled=${name === "override" && !market} onChange=${() => this.setState({ action: name, for_s: name === "override" ? "900" : "" })} /><span>${words}</span></label>`)}</div>
        ${action === "suspend" || action === "override" ? html`<label>For <select name="for_s" value=${for_s} onChange=${({ target }) => this.setState({ for_s: target.value })}>
          ${DURATIONS.filter(([id]) => id || action === "suspend").map(([id, words]) => html`<option key=${id} value=${id}>${words}</option>`)}</select></label>` : null}
        ${action === "override" ? html`<label>Selection <select name="selection" value=${selection} onChange=${({ target }) => this.setState({ selection: target.value })}>
            <option value="">Choose</option>${(held?.x ?? []).map(({ id, name }) => html`<option key=${id} value=${id}>${name}</option>`)}</select></label>
          <label>Our price <input name="price" value=${price} placeholder="-110 or 1.909" inputmode="text" autocomplete="off" onInput=${({ target }) => this.setState({ price: target.value.trim() })} /></label>` : null}
        ${action === "margin" || action === "max_stake" ? html`<label>${action === "margin" ? "Margin, %" : "Largest stake"} <input name="value" value=${value} inputmode="decimal" autocomplete="off"
          placeholder=${action === "margin" ? "5.5" : "250.00"} onInput=${({ target }) => this.setState({ value: target.value.trim() })} /></label>` : null}
        <p class="next"><button class="primary" name="review" disabled=${wish === null}>Review</button>
          <span class="quiet">${scope ? html`The overlay of this scope is at version ${version}.` : "Choose a sport first."}</span></p>
      </fieldset></form>`;
  }

  /** The command's part, and its words; null while it is not one. */
  wish() {
    const { desk, scope } = this.props;
    const { action, for_s, selection, price, value } = this.state;
    if (!scope) return null;
    const about = inWords(scope, desk.odds);
    const lasting = for_s ? `for ${DURATIONS.find(([id]) => id === for_s)[1]}` : "until it is lifted";
    const seconds = for_s ? Number(for_s) : null;
    if (action === "suspend") return { action, for_s: seconds, words: `Suspend ${about} ${lasting}` };
    if (action === "resume") return { action, words: `Lift the suspension of exactly ${about}` };
    if (action === "override") {
      const held = desk.odds.markets.get(parsed(scope).market)?.x.find(({ id }) => id === selection);
      if (!selection || !PRICE.test(price) || (price.includes(".") && milliOf(price) < 1001)) return null;
      return { action, selection, price: price.replace("\u2212", "-").replace("+", ""), for_s: seconds, words: `Price ${held?.name ?? selection} at ${price} ${lasting}, in ${about}` };
    }
    if (!AMOUNT.test(value) || (action === "margin" && Number(value) > 100)) return null;
    return { action, value, words: action === "margin" ? `A margin of ${value} % on each market: ${about}` : `At most ${value} a stake on each market: ${about}` };
  }
}
