// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** No market yet: the main lines of what is live, to choose one. Any price on the board leads here, too. */
import { slotsOf } from "../board/slots.js";
import { address } from "../router.js";
import { Component, html } from "../view.js";

const EVENTS_MAX = 24;
const NAMES = { winner: "Winner", spread: "Spread", total: "Total" };

export class Choose extends Component {
  componentDidMount() {
    const { odds } = this.props.desk;
    this.follow();
    this.ends = [odds.onChange(() => this.follow()), odds.follow(({ all, shape }) => { if (all || shape.size) this.forceUpdate(); })];
  }

  componentWillUnmount() { for (const end of [...this.ends, this.letGo]) end(); }

  follow() {
    const { odds } = this.props.desk;
    const topics = odds.sports.map((sport) => `${sport}:main`);
    if (topics.join() === this.wanted) return;
    this.wanted = topics.join();
    const before = this.letGo;
    this.letGo = odds.want(topics);
    before?.();
  }

  render({ desk }) {
    const live = [...desk.odds.events.values()].filter(({ state, kind }) => state === "live" && kind !== "outright").sort((a, b) => a.topic.localeCompare(b.topic));
    return html`<div class="choose"><h1>Line movement</h1>
      <p class="quiet">Choose a market here, or pick a price on the <a href=${address("board")}>board</a> and press <kbd>l</kbd>.</p>
      <ul>${live.slice(0, EVENTS_MAX).map((event) => html`<li class="panel" key=${event.id}><b>${event.name}</b> <span class="quiet">${event.clock ?? ""}</span>
        <p>${Object.entries(slotsOf(desk.odds.marketsOf(event.id))).filter(([, market]) => market).map(([name, market]) => html`<a key=${name} href=${address("line", market.id)}>${NAMES[name]}</a> `)}</p></li>`)}</ul></div>`;
  }
}
