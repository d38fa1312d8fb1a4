// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** All markets of one event: main lines, alternates as ladders, props by whom they are about, futures. */
import { line as shownLine, start, title, words } from "../odds.js";
import { address } from "../router.js";
import { Component, html } from "../view.js";
import { AgeCell, SourceCell } from "./ages.js";
import { PriceCell, StatusCell } from "./cells.js";
import { leagueTitle } from "./overview.js";
import { inOrder, sectionsOf, sidesOf } from "./slots.js";

export class EventBoard extends Component {
  componentDidMount() { this.end = this.props.rows.add(this.props.event, this); }

  componentWillUnmount() { this.end(); }

  render({ desk, event: id, cells }) {
    const event = desk.odds.events.get(id);
    if (event === undefined) return html`<p class="waiting">This event is not on the board. It may have ended.</p>`;
    const sides = sidesOf(event);
    const markets = desk.odds.marketsOf(id).map((market) => ({ ...market, x: inOrder(market.x, sides) }));
    const { main, ladders, subjects, rest } = sectionsOf(markets);
    return html`<article class="event" aria-label=${event.name}>
      ${head(event)}
      <div class="sections">
        ${main.length ? html`<section class="panel" aria-label="Main"><h2>Main</h2>${main.map((market) => lineOf(market, cells, title(market)))}</section>` : null}
        ${ladders.map((ladder) => ladderOf(ladder, cells))}
        ${subjects.length ? html`<section class="panel props" aria-label="Props"><h2>Props</h2>${subjects.map((markets) => propsOf(markets, cells))}</section>` : null}
        ${rest.map((market) => html`<section class="panel" key=${market.id} aria-label=${title(market)}>${fieldOf(market, cells, title(market))}</section>`)}
      </div>
    </article>`;
  }
}

const head = (event) => {
  const league = event.topic.split(".").slice(0, 2).join(".");
  const score = event.score ? `${event.score.home} : ${event.score.away}` : "";
  return html`<header class="match"><p><a href=${address("board", league)}>${leagueTitle(league)}</a></p>
    <h1>${event.name}</h1>
    <p class="score">${event.state === "live" ? html`<b class="live">Live</b> ` : null}<b>${score}</b> ${event.clock ?? ""} ${event.state === "upcoming" ? start(event.start) : ""}</p></header>`;
};

const prices = (market, cells, lined) => market.x.map((selection, place) => html`<${PriceCell} key=${`${market.id} ${selection.id}`} market=${market.id}
  selection=${selection.id} cells=${cells} column=${place + 1} name=${selection.name} lined=${lined} />`);

const meta = (market, cells) => html`<span class="meta" key=${`meta ${market.id}`}>
  <${StatusCell} market=${market.id} cells=${cells} /><${AgeCell} market=${market.id} cells=${cells} /><${SourceCell} market=${market.id} cells=${cells} /></span>`;

/** One market in one line: its name, its prices with who they are for, and how it is. */
const lineOf = (market, cells, name) => market.x.length > 3 ? fieldOf(market, cells, name) : html`<div class="line" key=${market.id}>
  <a class="name" href=${address("line", market.id)} data-col="0" tabindex="-1">${name}</a>
  <div class="prices">${market.x.map((selection, place) => html`<span class="offer" key=${selection.id}><span class="for">${forWhom(selection)}</span>
    <${PriceCell} key=${`${market.id} ${selection.id}`} market=${market.id} selection=${selection.id} cells=${cells} column=${place + 1} name=${selection.name} lined=${true} /></span>`)}</div>
  ${meta(market, cells)}</div>`;

const forWhom = (selection) => (selection.line === undefined ? selection.name : selection.side === "over" || selection.side === "under" ? "" : selection.name.replace(/\s*[+-][\d.]+$/, ""));

/** A line and its alternates, from the lowest to the highest; the main one stands out. */
const ladderOf = (markets, cells) => {
  const main = markets.find((market) => market.class === "main") ?? markets[0];
  return html`<section class="panel ladder" key=${main.group ?? main.id} aria-label=${`${title(main)}, alternates`}>
    <h2>${title(main)} <span>ladder</span></h2>
    <div class="line rungs" aria-hidden="true"><span class="name">Line</span><div class="prices">${main.x.map(({ id, side, name }) => html`<span key=${id}>${words(side ?? name)}</span>`)}</div><span class="meta"></span></div>
    ${markets.map((market) => html`<div class="line" key=${market.id} data-main=${market.class === "main"}>
      <a class="name" href=${address("line", market.id)} data-col="0" tabindex="-1">${lineName(market)}${market.class === "main" ? html` <em>main</em>` : null}</a>
      <div class="prices">${prices(market, cells, true)}</div>${meta(market, cells)}</div>`)}
  </section>`;
};

/** Of a total the number, of a handicap the home side's. */
const lineName = (market) => (market.x.some(({ side }) => side === "over") ? market.line : shownLine(market.line, "home"));

const propsOf = (markets, cells) => {
  const { subject } = markets[0];
  return html`<div class="subject" key=${subject?.id ?? "props"}><h3>${subject?.name ?? "Others"}${subject?.type === "team" ? html` <span>team</span>` : null}</h3>
    ${markets.map((market) => lineOf(market, cells, words(market.type)))}</div>`;
};

/** Many selections: futures, races. The shortest price first, as it was when this was rendered. */
export const fieldOf = (market, cells, name) => html`<div class="field" key=${market.id}>
  <header><h2><a href=${address("line", market.id)}>${name}</a></h2>${meta(market, cells)}</header>
  <ol>${[...market.x].sort((a, b) => Number(a.d ?? 9e9) - Number(b.d ?? 9e9)).map((selection) => html`<li key=${selection.id}><span>${selection.name}</span>
    <${PriceCell} key=${`${market.id} ${selection.id}`} market=${market.id} selection=${selection.id} cells=${cells} column="1" name=${selection.name} lined=${false} /></li>`)}</ol></div>`;
