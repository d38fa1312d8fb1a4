// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * How everything is: what needs somebody comes first. Shards, feeds and gateways as they say themselves, delays of each
 * stage over time, bets and what is refused, exposure by event. A shard is drained from here.
 */
import { Confirm } from "../confirm.js";
import { age, words } from "../odds.js";
import { Poll } from "../polling.js";
import { address } from "../router.js";
import { Component, createRef, html } from "../view.js";
import { COLUMNS, Heat } from "./heat.js";

const EVERY_MS = 1_000;
const LAG_MS_MAX = 150;
const DELAY_MS_MAX = 100;
const EXPOSURE_SHOWN = 12;

export default class OperationsView extends Component {
  confirm = createRef();
  stages = { bus: [], shard: [] };
  bounds = [];
  stepMs = 2_000;

  componentDidMount() {
    const { api } = this.props.desk;
    this.all = new Poll(() => api.get("/v1/desk/operations"), () => this.forceUpdate(), EVERY_MS);
    this.delays = new Poll(() => this.more(), () => {}, EVERY_MS * 2);
  }

  componentWillUnmount() {
    this.all.close();
    this.delays.close();
  }

  /** Columns since the last that is held. */
  async more() {
    const since_ms = Math.min(...["bus", "shard"].map((stage) => this.stages[stage].at(-1)?.at_ms ?? 0));
    const told = await this.props.desk.api.get("/v1/desk/operations/delays", { since_ms });
    this.bounds = told.bounds_ms;
    this.stepMs = told.step_ms;
    for (const stage of ["bus", "shard"]) {
      const last = this.stages[stage].at(-1)?.at_ms ?? 0;
      this.stages[stage] = [...this.stages[stage], ...told[stage].filter(({ at_ms }) => at_ms > last)].slice(-COLUMNS);
    }
  }

  render({ desk }) {
    const found = this.all?.value;
    if (!found) return html`<div class="operations"><p class=${this.all?.failed ? "waiting failed" : "waiting"}>${this.all?.failed?.message ?? "Asking"}</p></div>`;
    const own = desk.odds.lag.delays;
    return html`<div class="operations">
      <h1 class="vh">Operations</h1>
      ${this.troubles(found).map((text) => html`<p class="trouble" role="alert" key=${text}>${text}</p>`)}
      <dl class="tiles">
        <${Tile} name="Bets a second" value=${found.betting.bets_per_s} />
        <${Tile} name="Refused, last minute" value=${sum(found.betting.refused)} />
        <${Tile} name="Requests a second" value=${found.betting.requests_per_s} />
        <${Tile} name="Devices" value=${sum(found.shards.map(({ sockets }) => sockets))} />
        <${Tile} name="Worst shard, p99" value=${`${Math.max(0, ...found.shards.map(({ lag_p99_ms }) => lag_p99_ms))} ms`} isBad=${found.shards.some(({ lag_p99_ms }) => lag_p99_ms > LAG_MS_MAX)} />
        <${Tile} name="Updates a second" value=${Math.round(sum(found.feeds.map(({ per_s }) => per_s)))} />
        <${Tile} name="API delay" value=${`${Math.max(0, ...found.gateways.map(({ delay_ms }) => delay_ms))} ms`} isBad=${found.gateways.some(({ delay_ms }) => delay_ms > DELAY_MS_MAX)} />
        <${Tile} name="Database wait" value=${`${Math.max(0, ...found.gateways.map(({ database_ms }) => database_ms))} ms`} isBad=${found.gateways.some(({ database_ms }) => database_ms > DELAY_MS_MAX)} />
      </dl>
      <section class="panel delays" aria-labelledby="delays-title"><h2 id="delays-title">Delays, stage by stage</h2>
        ${this.bounds.length ? [
          html`<${Heat} key="bus" desk=${desk} now=${found.at_ms} title="Ingest \u2192 bus" says="the feed's receipt to a reader of the log" columns=${this.stages.bus} bounds=${this.bounds} stepMs=${this.stepMs} />`,
          html`<${Heat} key="shard" desk=${desk} now=${found.at_ms} title="Bus \u2192 shard" says="how late flushes to devices ended, all shards" columns=${this.stages.shard} bounds=${this.bounds} stepMs=${this.stepMs} />`,
          html`<${Heat} key="device" desk=${desk} now=${Date.now()} title="Shard \u2192 device" says="the shard's socket to this screen" columns=${own.columns} bounds=${own.bounds} stepMs=${this.stepMs} />`,
        ] : html`<p class="quiet">${this.delays?.failed?.message ?? "Asking"}</p>`}
      </section>
      <section class="panel shards" aria-labelledby="shards-title"><h2 id="shards-title">Shards</h2>${this.shards(found.shards)}</section>
      <section class="panel feeds" aria-labelledby="feeds-title"><h2 id="feeds-title">Feeds</h2>${this.feeds(found.feeds)}</section>
      <section class="panel refused" aria-labelledby="refused-title"><h2 id="refused-title">Refused, last minute</h2>
        <${Bars} counts=${{ ...found.betting.refused, ...Object.fromEntries(Object.entries(found.betting.shed).map(([what, count]) => [`turned away: ${what}`, count])) }} none="No bet was refused, nobody turned away." /></section>
      <section class="panel exposure" aria-labelledby="exposure-title"><h2 id="exposure-title">Exposure by event</h2>${this.exposure(found.exposure)}</section>
      <${Confirm} at=${this.confirm} />
    </div>`;
  }

  /** What needs somebody now. */
  troubles({ missing, shards, feeds, gateways, betting }) {
    const away = { coordination: "The coordination does not answer: shards and gateways are as they were known last.", database: "PostgreSQL does not answer: exposure is not known." };
    const down = feeds.filter(({ state }) => state !== "live");
    return [
      ...(this.all.failed ? [`Not up to date: ${this.all.failed.message}`] : []),
      ...missing.map((what) => away[what] ?? `${what} does not answer.`),
      ...(down.length ? [`Feeds that are not live: ${down.map(({ source, state }) => `${source} (${state})`).join(", ")}.`] : []),
      ...shards.filter(({ closed }) => closed).map(({ name, closed }) => `${name} takes no devices: ${words(closed).toLowerCase()}.`),
      ...(gateways.some(({ delay_ms }) => delay_ms > DELAY_MS_MAX) ? ["Gateways are overloaded: requests wait."] : []),
      ...(sum(betting.shed) ? [`Turned away within a minute: ${Object.entries(betting.shed).map(([what, count]) => `${count} of ${what}`).join(", ")}.`] : []),
    ];
  }

  shards(shards) {
    if (shards.length === 0) return html`<p class="failed">No shard serves the stream.</p>`;
    const { session } = this.props.desk;
    return html`<div class="scroll"><table><thead><tr><th scope="col">Shard</th><th scope="col">State</th><th scope="col" class="number">Devices</th><th scope="col" class="number">p50</th><th scope="col" class="number">p99</th><th scope="col">Headroom</th><th scope="col"><span class="vh">Act</span></th></tr></thead>
      <tbody>${shards.map((shard) => html`<tr key=${shard.name}><th scope="row" title=${shard.url}>${shard.name}</th><td><span class="badge" data-state=${shard.state === "serving" ? (shard.closed ? "stale" : "live") : "recovering"}>${shard.closed && shard.state === "serving" ? words(shard.closed) : words(shard.state)}</span></td>
        <td class="number">${shard.sockets}</td><td class="number">${shard.lag_p50_ms} ms</td><td class="number" data-late=${shard.lag_p99_ms > LAG_MS_MAX}>${shard.lag_p99_ms} ms</td>
        <td><meter aria-label=${`Headroom of ${shard.name}`} min="0" max="1" low="0.2" value=${shard.headroom}></meter> ${Math.round(shard.headroom * 100)} %</td>
        <td>${session.mayAct ? html`<button class="danger" disabled=${shard.state !== "serving"} onClick=${() => this.drain(shard, shards)}>Drain</button>` : null}</td></tr>`)}</tbody></table></div>`;
  }

  feeds(feeds) {
    if (feeds.length === 0) return html`<p class="failed">No feed writes.</p>`;
    const byFeed = new Map();
    for (const feed of feeds) {
      const name = feed.source.slice(0, feed.source.lastIndexOf("-"));
      byFeed.set(name, [...(byFeed.get(name) ?? []), feed]);
    }
    return html`<div class="scroll"><table><thead><tr><th scope="col">Feed</th><th scope="col">Lanes</th><th scope="col" class="number">Newest beat</th><th scope="col" class="number">Updates</th></tr></thead>
      <tbody>${[...byFeed].map(([name, lanes]) => html`<tr key=${name}><th scope="row">${name}</th>
        <td class="lanes">${lanes.map(({ source, lane, state }) => html`<span key=${source} class="badge" data-state=${state}>${lane} ${state}</span>`)}</td>
        <td class="number">${age(Math.max(...lanes.map(({ age_ms }) => age_ms)))}</td><td class="number">${sum(lanes.map(({ per_s }) => per_s)).toFixed(0)}/s</td></tr>`)}</tbody></table></div>`;
  }

  exposure(exposure) {
    if (exposure.length === 0) return html`<p class="quiet">No open bets.</p>`;
    const most = Math.max(...exposure.map(({ liability }) => Number(liability)), 1);
    return html`<div class="scroll"><table><thead><tr><th scope="col">Event</th><th scope="col" class="number">Staked</th><th scope="col" class="number">At worst</th><th scope="col"><span class="vh">Share</span></th></tr></thead>
      <tbody>${exposure.slice(0, EXPOSURE_SHOWN).map((one) => html`<tr key=${one.event + one.currency}><th scope="row">${one.topic ? html`<a href=${address("board", one.topic)}>${one.name}</a>` : one.name}</th>
        <td class="number">${one.stakes} ${one.currency}</td><td class="number">${one.liability}</td><td><${Bar} share=${Number(one.liability) / most} /></td></tr>`)}</tbody></table></div>`;
  }

  drain(shard, shards) {
    const { api } = this.props.desk;
    const others = shards.filter(({ name, state }) => name !== shard.name && state === "serving");
    this.confirm.current.ask({
      title: `Drain ${shard.name}?`,
      says: html`<p><b>${shard.sockets} devices</b> are moved to ${others.length ? others.map(({ name }) => name).join(", ") : "nowhere"}, then the shard ends.</p>
        ${others.length ? null : html`<p class="failed">No other shard serves: every device is cut off.</p>`}`,
      label: `Drain ${shard.name}`,
      danger: true,
      reason: "",
      done: async (reason) => {
        await api.send(`/v1/desk/shards/${shard.name}/drain`, { reason });
        await this.all.anew();
      },
    });
  }
}

const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);

const Tile = ({ name, value, isBad }) => html`<div class="panel tile" data-bad=${Boolean(isBad)}><dt>${name}</dt><dd>${value}</dd></div>`;

const Bar = ({ share }) => html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width=${Math.max(1, share * 100)} height="8" /></svg>`;

const Bars = ({ counts, none }) => {
  const found = Object.entries(counts).sort(([, a], [, b]) => b - a);
  if (found.length === 0) return html`<p class="quiet">${none}</p>`;
  return html`<table><caption class="vh">By reason</caption><tbody>${found.map(([reason, count]) => html`<tr key=${reason}><th scope="row">${words(reason)}</th><td class="number">${count}</td><td><${Bar} share=${count / found[0][1]} /></td></tr>`)}</tbody></table>`;
};
