// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** One event on the board: when, who, its score, and the prices of its main markets. Rendered when its shape changes. */
import { start } from "../odds.js";
import { address } from "../router.js";
import { Component, html } from "../view.js";
import { AgeCell, SourceCell } from "./ages.js";
import { PriceCell, StatusCell } from "./cells.js";
import { selectionAt, sidesOf, slotsOf } from "./slots.js";

export class EventRow extends Component {
  componentDidMount() { this.end = this.props.rows.add(this.props.event, this); }

  componentWillUnmount() { this.end(); }

  shouldComponentUpdate() { return false; }

  render({ event: id, cells }) {
    const { odds } = cells.desk;
    const event = odds.events.get(id);
    if (event === undefined) return null;
    const markets = odds.marketsOf(id);
    const slots = slotsOf(markets);
    const sides = sidesOf(event);
    const first = slots.winner ?? slots.spread ?? slots.total ?? markets[0];
    const key = (market, name) => `${name} ${market.id}`;
    return html`<div class="row" role="row" data-event=${id} data-state=${event.state}>
      <div role="cell" class="when">${when(event)}</div>
      <div role="rowheader" class="who"><a href=${address("board", event.topic)} data-col="0" tabindex="-1">${names(event, sides)}</a></div>
      ${slot(cells, slots.winner, sides, 1)}
      ${slot(cells, slots.winner, ["draw"], 2)}
      ${slot(cells, slots.spread, sides, 3)}
      ${slot(cells, slots.total, ["over", "under"], 4)}
      ${first === undefined ? html`<div role="cell" class="none">no markets</div><div role="cell"></div><div role="cell"></div>` : html`
        <div role="cell"><${StatusCell} key=${key(first, "st")} market=${first.id} cells=${cells} /></div>
        <div role="cell"><${AgeCell} key=${key(first, "age")} market=${first.id} cells=${cells} /></div>
        <div role="cell"><${SourceCell} key=${key(first, "src")} market=${first.id} cells=${cells} /></div>`}
    </div>`;
  }
}

const when = (event) => event.state === "live"
  ? html`<b class="live">Live</b><span>${event.clock ?? ""}</span>`
  : html`<span>${event.state === "ended" ? "Ended" : start(event.start)}</span>`;

const names = (event, sides) => event.home === undefined
  ? html`<span class="team">${event.name}</span>`
  : sides.map((side) => html`<span class="team" key=${side}><span>${event[side]}</span>${event.score ? html`<b>${event.score[side]}</b>` : null}</span>`);

/** Up to two prices of a market, one above the other. */
const slot = (cells, market, sides, column) => html`<div role="cell" class="slot">${sides.map((side, place) => {
  const selection = side === "draw" ? market?.x.find((one) => one.side === side) : selectionAt(market, side, place);
  if (selection === undefined) return null;
  return html`<${PriceCell} key=${`${market.id} ${selection.id}`} market=${market.id} selection=${selection.id} cells=${cells}
    column=${column} name=${selection.name} lined=${column > 2} />`;
})}</div>`;

/** The rows that are there, so that each is rendered anew where its event changed. */
export class Rows {
  /** @type {Map<string, Set<Component>>} */ #rows = new Map();

  /** @param {import("../live.js").LiveOdds} odds */
  constructor(odds) {
    this.close = odds.follow(({ events, shape, all }) => {
      if (all) for (const rows of this.#rows.values()) for (const row of rows) row.forceUpdate();
      else for (const id of new Set([...events, ...shape])) for (const row of this.#rows.get(id) ?? []) row.forceUpdate();
    });
  }

  /** @param {string} event @param {Component} row @returns {() => void} takes it back */
  add(event, row) {
    const known = this.#rows.get(event) ?? new Set();
    this.#rows.set(event, known.add(row));
    return () => {
      known.delete(row);
      if (known.size === 0) this.#rows.delete(event);
    };
  }
}
