// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** The line at the bottom: every source with its age, the shard with its lag, and how late this page itself is. */
import { age } from "./odds.js";
import { Component, html } from "./view.js";

const EVERY_MS = 1_000;

export class Freshness extends Component {
  componentDidMount() {
    const { odds } = this.props.desk;
    const timer = setInterval(() => this.forceUpdate(), EVERY_MS);
    // The first that comes is shown at once, all further once a second.
    this.ends = [odds.follow(() => { if (!this.isFilled) this.forceUpdate(); }), () => clearInterval(timer)];
  }

  componentWillUnmount() { for (const end of this.ends) end(); }

  render({ desk }) {
    const { odds, frames } = desk;
    const late = odds.lag.figures;
    this.isFilled = odds.markets.size > 0 && late !== null;
    return html`<footer class="bottom">
      <ul class="sources" aria-label="Feeds">${[...odds.sources].sort().map(([id, { age: ms, at }]) => {
        const state = odds.sourceState(id);
        return html`<li key=${id} data-state=${state} title=${`${id} is ${state}`}><i aria-hidden="true"></i>${id}
          <span>${state === "live" ? (Number.isNaN(ms) ? "live" : age(ms + performance.now() - at)) : state}</span></li>`;
      })}</ul>
      <dl class="figures">
        <${Figure} name="Markets" value=${odds.markets.size} title="Markets that this page holds" />
        <${Figure} name="Shard" value=${odds.shard.lag ? `${odds.shard.name} p99 ${odds.shard.lag.p99} ms` : odds.shard.name}
          title="The shard, and how late it is itself: from the feed to its socket" />
        <${Figure} name="Page" value=${late ? `${late.p50} / ${late.p99} ms` : "\u2013"} id="lag"
          title="From the shard's socket to this screen, p50 and p99 of the last updates" />
        <${Figure} name="Longest task" value=${frames.longest === null ? "\u2013" : `${Math.round(frames.longest)} ms`}
          title="The longest that this page kept the browser busy within the last minute; under 50 ms counts as none" />
      </dl>
    </footer>`;
  }
}

const Figure = ({ name, value, title, id }) => html`<div title=${title}><dt>${name}</dt><dd id=${id}>${value}</dd></div>`;
