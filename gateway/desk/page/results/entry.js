// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * The end of an event: entered by parts of the game, graded by the house's rules for a look first, then recorded. Markets
 * that have another result already are not touched: a correction is drafted of them.
 */
import { words } from "../odds.js";
import { Component, html } from "../view.js";

/** Parts by sport, as gateway/settlement/grading has them. @type {Record<string, string[]>} */
const PARTS = {
  football: ["q1", "q2", "q3", "q4", "ot"],
  basketball: ["q1", "q2", "q3", "q4", "ot"],
  baseball: ["i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8", "i9", "extra"],
  hockey: ["p1", "p2", "p3", "ot", "so"],
  soccer: ["1h", "2h"],
  tennis: ["s1", "s2", "s3", "s4", "s5"],
};
const STATES = { final: "Final", abandoned: "Abandoned", cancelled: "Cancelled" };
const EVENTS_MAX = 500;

export class Entry extends Component {
  state = { events: [], state: "final", scores: {}, more: "", unfinished: "", played: "", graded: null, failed: null, busy: false };

  async componentDidMount() {
    try {
      this.setState({ events: await this.props.desk.api.all("/v1/events", {}, EVENTS_MAX) });
    } catch (failed) {
      this.setState({ failed });
    }
  }

  componentWillReceiveProps({ event }) {
    if (event !== this.props.event) this.setState({ scores: {}, graded: null, failed: null });
  }

  get chosen() { return this.state.events.find(({ id }) => id === this.props.event); }

  get parts() { return PARTS[this.chosen?.topic.split(".")[0]] ?? ["game"]; }

  render({ desk, event, onChoose }, { events, state, scores, more, unfinished, played, graded, failed, busy }) {
    const mayAct = desk.session.mayAct;
    const known = this.chosen;
    return html`<form class="entry" onSubmit=${(submit) => { submit.preventDefault(); this.look(); }}>
      <label>Event <select name="event" value=${event} onChange=${({ target }) => onChoose(target.value)}>
        <option value="">Choose</option>
        ${Object.entries(STATE_NAMES).map(([name, label]) => html`<optgroup key=${name} label=${label}>${events.filter((one) => one.state === name).map(({ id, name: text, topic }) =>
          html`<option key=${id} value=${id}>${text} · ${words(topic.split(".")[1])}</option>`)}</optgroup>`)}
        ${event && !known ? html`<option value=${event}>${event}</option>` : null}</select></label>
      ${event === "" ? html`<p class="quiet">An event that is over, or will not be played. It is graded first, and recorded when you say so.</p>` : html`
      <label>How it ended <select name="state" value=${state} onChange=${({ target }) => this.changed({ state: target.value })}>
        ${Object.entries(STATES).map(([id, text]) => html`<option key=${id} value=${id}>${text}</option>`)}</select></label>
      ${state === "abandoned" ? html`<div class="pair"><label>Part that was broken off <input name="unfinished" value=${unfinished} onInput=${({ target }) => this.changed({ unfinished: target.value.trim() })} /></label>
        <label>Played <input name="played" value=${played} inputmode="decimal" onInput=${({ target }) => this.changed({ played: target.value.trim() })} /></label></div>` : null}
      ${state === "cancelled" ? null : html`<table class="scores"><caption class="vh">Scores by part</caption><thead><tr><th scope="col">Part</th><th scope="col">${known?.away ?? "Away"}</th><th scope="col">${known?.home ?? "Home"}</th></tr></thead>
        <tbody>${this.parts.map((part) => html`<tr key=${part}><th scope="row">${part.toUpperCase()}</th>${["away", "home"].map((side) => html`<td key=${side}>
          <input type="number" min="0" max="1000" aria-label=${`${part} ${side}`} name=${`${part}-${side}`} value=${scores[part]?.[side] ?? ""} onInput=${({ target }) => this.score(part, side, target.value)} /></td>`)}</tr>`)}</tbody>
        <tfoot><tr><th scope="row">Sum</th><td>${this.sum("away")}</td><td>${this.sum("home")}</td></tr></tfoot></table>`}
      <details><summary>Players and places</summary><label>As JSON: <code>players</code>, <code>places</code>, <code>withdrawn</code>
        <textarea name="more" rows="4" spellcheck="false" placeholder=${'{"players": {"P1": {"stats": {"passing_yards": 287}}}}'} value=${more} onInput=${({ target }) => this.changed({ more: target.value })}></textarea></label></details>
      <p class="next"><button name="look" disabled=${busy || !mayAct}>Grade, record nothing</button></p>`}
      ${failed ? html`<p class="failed" role="alert">${failed.message}</p>` : null}
      ${graded ? this.told(graded, mayAct) : null}
    </form>`;
  }

  told(graded, mayAct) {
    const fresh = graded.graded.length - graded.conflicts.length;
    return html`<section class="graded" aria-label="What it comes to">
      <ul class="sums"><li><b>${fresh}</b> markets as graded</li><li><b class=${graded.conflicts.length ? "failed" : ""}>${graded.conflicts.length}</b> have another result</li><li><b>${graded.not_graded.length}</b> not graded</li></ul>
      ${graded.graded.length + graded.not_graded.length === 0 ? html`<p class="quiet">Nobody has bet on this event: there is nothing to settle.</p>` : null}
      ${graded.not_graded.length ? html`<details><summary>Why not graded</summary><ul>${graded.not_graded.map(({ market, code, detail }) => html`<li key=${market}><code>${market}</code> ${detail || code}</li>`)}</ul></details>` : null}
      ${mayAct ? html`<p class="next"><button class="primary" name="record" type="button" disabled=${fresh === 0} onClick=${() => this.record(fresh)}>Record</button>
        <button type="button" name="draft" disabled=${graded.drafts.length === 0} onClick=${() => this.props.onDraft(graded.drafts)}>Draft a correction of ${graded.drafts.length}</button></p>` : null}
    </section>`;
  }

  changed(parts) { this.setState({ ...parts, graded: null }); }

  score(part, side, value) {
    const scores = { ...this.state.scores, [part]: { ...this.state.scores[part], [side]: value === "" ? undefined : Number(value) } };
    this.changed({ scores });
  }

  sum(side) { return this.parts.reduce((sum, part) => sum + (this.state.scores[part]?.[side] ?? 0), 0); }

  /** As the gateway takes it. Throws where the JSON is none. */
  get entered() {
    const { state, scores, more, unfinished, played } = this.state;
    const whole = Object.entries(scores).filter(([, { home, away }]) => home !== undefined && away !== undefined);
    return {
      state,
      ...(state === "cancelled" ? {} : { scores: Object.fromEntries(whole) }),
      ...(state === "abandoned" && unfinished ? { unfinished } : {}),
      ...(state === "abandoned" && played ? { played } : {}),
      ...(more.trim() ? JSON.parse(more) : {}),
    };
  }

  async look() {
    this.setState({ busy: true, failed: null, graded: null });
    try {
      this.setState({ graded: await this.send(true) });
    } catch (failed) {
      this.setState({ failed });
    } finally {
      this.setState({ busy: false });
    }
  }

  record(count) {
    const name = this.chosen?.name ?? this.props.event;
    this.props.confirm({
      title: "Record this result?",
      says: html`<p><b>${count} markets of ${name}</b> are settled by it. Another result later is a correction.</p>`,
      label: `Record ${count} markets`,
      reason: null,
      done: async () => this.setState({ graded: await this.send(false) }),
    });
  }

  send(dry_run) { return this.props.desk.api.send("/v1/desk/results", { event: this.props.event, entered: this.entered, dry_run }); }
}

const STATE_NAMES = { ended: "Ended", live: "Live", upcoming: "Upcoming" };
