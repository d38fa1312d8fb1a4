// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Events of a sport, a league or all, by league: live ones first, then by start. */
import { words } from "../odds.js";
import { address } from "../router.js";
import { Component, html } from "../view.js";
import { EventRow } from "./row.js";

/** Rows beyond it are left out, which is said: who wants them chooses a league. */
const ROWS_MAX = 400;
const COLUMNS = ["Time", "Event", "Winner", "Draw", "Spread", "Total", "Status", "Age", "Source"];

export class Overview extends Component {
  componentDidMount() {
    this.end = this.props.desk.odds.follow(({ events, all }) => { if (all || events.size) this.turned(); });
  }

  componentWillUnmount() { this.end(); }

  /** Rendered anew only where other events are there, or in another order. */
  turned() { if (this.listed(this.props).signature !== this.shown) this.forceUpdate(); }

  listed({ desk, scope, liveOnly }) {
    const events = [...desk.odds.events.values()]
      .filter((event) => event.kind !== "outright" && isWithin(event, scope) && (event.state === "live" || (!liveOnly && event.state === "upcoming")))
      .sort((a, b) => order(a).localeCompare(order(b)));
    return { events, signature: events.map(({ id, state }) => id + state).join() };
  }

  render(props) {
    const { events, signature } = this.listed(props);
    this.shown = signature;
    const { cells, rows, scope, desk } = props;
    if (events.length === 0) {
      const isComing = desk.odds.state === "connecting" || desk.odds.state === "rebuilding";
      return html`<p class="waiting">${isComing ? "The board is on its way." : "No events here just now."}</p>`;
    }
    const leagues = Map.groupBy(events.slice(0, ROWS_MAX), ({ topic }) => topic.split(".").slice(0, 2).join("."));
    return html`<div class="board" role="table" aria-label=${scope ? `Events: ${scope}` : "All events"}>
      <div role="rowgroup" class="head"><div class="row" role="row">${COLUMNS.map((name) => html`<div role="columnheader" key=${name}>${name}</div>`)}</div></div>
      ${[...leagues].map(([league, those]) => html`<div role="rowgroup" key=${league} class="league" aria-label=${league}>
        <div class="row title" role="row"><div role="rowheader" aria-colspan="9"><a href=${address("board", league)}>${leagueTitle(league)}</a>
          <span>${those.filter(({ state }) => state === "live").length} live of ${those.length}</span></div></div>
        ${those.map(({ id }) => html`<${EventRow} key=${id} event=${id} cells=${cells} rows=${rows} />`)}
      </div>`)}
      ${events.length > ROWS_MAX ? html`<p class="waiting">${events.length - ROWS_MAX} more: choose a league.</p>` : null}
    </div>`;
  }
}

/** @param {string} topic `football.nfl` */
export const leagueTitle = (topic) => {
  const [sport, league] = topic.split(".");
  return league === undefined ? words(sport) : `${words(league)} \u00b7 ${words(sport)}`;
};

const isWithin = (event, scope) => scope === "" || `${event.topic}.`.startsWith(`${scope}.`);

const order = (event) => `${event.topic.split(".").slice(0, 2).join(".")} ${event.state === "live" ? 0 : 1} ${event.start} ${event.id}`;
