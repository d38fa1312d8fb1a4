// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * The trader's hand: what is laid over the line, by whom and until when, and who did what before. Its path is the scope
 * that is chosen: `football`, `football.nfl:prop`, `football.nfl.E1`, `football.nfl.E1.M9`.
 *
 * Every command names the version of the overlay as it stood on this screen when the dialog opened: who was slower than
 * somebody else changes nothing.
 */
import { Confirm } from "../confirm.js";
import { clock } from "../odds.js";
import { Poll } from "../polling.js";
import { address } from "../router.js";
import { Component, createRef, html } from "../view.js";
import { Act } from "./act.js";
import { inWords, overlayOf, ScopeForm } from "./scopes.js";
import { aimOf, changed, ends, rowsOf, VERBS } from "./telling.js";

const EVERY_MS = 2_000;
const TRAIL_MAX = 100;

export default class Controls extends Component {
  state = { done: null, onlyScope: false };
  confirm = createRef();

  componentDidMount() {
    const { api, odds } = this.props.desk;
    this.overlays = new Poll(() => api.get("/v1/desk/overlays"), () => this.forceUpdate(), EVERY_MS);
    this.trail = new Poll(() => api.get("/v1/desk/trail", { limit: TRAIL_MAX, scope: this.state.onlyScope ? overlayOf(this.props.path) : "" }), () => this.forceUpdate(), EVERY_MS);
    this.ends = [odds.onChange(() => { this.follow(); this.forceUpdate(); }), () => this.letGo?.()];
    this.follow();
  }

  componentDidUpdate() { this.follow(); }

  componentWillUnmount() {
    this.overlays.close();
    this.trail.close();
    for (const end of this.ends) end();
  }

  /** Names come with the odds: main lines, and all of an event that is chosen. */
  follow() {
    const { odds } = this.props.desk;
    const event = overlayOf(this.props.path);
    const topics = [...odds.sports.map((sport) => `${sport}:main`), ...(event.split(".").length === 3 ? [event] : [])];
    if (topics.join() === this.wanted) return;
    this.wanted = topics.join();
    const before = this.letGo;
    this.letGo = odds.want(topics);
    before?.();
  }

  render({ desk, path: scope }, { done, onlyScope }) {
    const overlays = this.overlays?.value?.items ?? [];
    const mayAct = desk.session.mayAct;
    const fault = this.overlays?.failed ?? this.trail?.failed;
    return html`<div class="controls">
      <section class="panel hand" aria-labelledby="hand-title">
        <h1 id="hand-title">Controls</h1>
        ${mayAct ? null : html`<p class="quiet">You may look. Who changes something needs the role of a trader.</p>`}
        <${ScopeForm} desk=${desk} scope=${scope} onChoose=${(chosen) => desk.router.go(address("controls", chosen))} />
        <p class="chosen">${scope ? html`<b>${inWords(scope, desk.odds)}</b> <code>${scope}</code>` : html`<span class="quiet">Nothing is chosen.</span>`}</p>
        <${Act} desk=${desk} scope=${scope} version=${this.version(scope)} disabled=${!mayAct || !scope} onWish=${(wish) => this.ask(scope, wish)} />
        ${done ? html`<p class="done" role="status">${done.words}. Version ${done.version}.
          ${done.whole ? null : html`<b class="failed">Not everything was written: the same is tried again when the log answers.</b>`}
          ${mayAct ? html`<button onClick=${() => this.takeBack(done.change)}>Undo</button>` : null}</p>` : null}
        ${fault ? html`<p class="failed" role="alert">${fault.message}</p>` : null}
      </section>
      <section class="panel laid" aria-labelledby="laid-title">
        <h2 id="laid-title">What stands</h2>${this.stands(overlays, mayAct)}
      </section>
      <section class="panel trail" aria-labelledby="trail-title">
        <header><h2 id="trail-title">Audit trail</h2>
          <label><input type="checkbox" checked=${onlyScope} disabled=${!scope} onChange=${({ target }) => this.setState({ onlyScope: target.checked }, () => this.trail.anew())} /> Only the chosen scope</label></header>
        ${this.deeds(overlays, mayAct)}
      </section>
      <${Confirm} at=${this.confirm} />
    </div>`;
  }

  stands(overlays, mayAct) {
    const { odds } = this.props.desk;
    const nameOf = (market, selection) => odds.markets.get(market)?.x.find(({ id }) => id === selection)?.name ?? selection;
    const rows = overlays.flatMap(({ scope, entries, missing }) => rowsOf(scope, entries, nameOf).map((row) => ({ ...row, missing })));
    const now = Date.now();
    const running = rows.filter(({ until }) => until === null || until > now);
    if (this.overlays?.value == null) return html`<p class="quiet">Asking the log</p>`;
    if (running.length === 0) return html`<p class="quiet">Nothing: every price is the provider's.</p>`;
    return html`<div class="scroll"><table><thead><tr><th scope="col">What</th><th scope="col">Of</th><th scope="col">Ends</th><th scope="col">By</th><th scope="col">Why</th><th scope="col"><span class="vh">Act</span></th></tr></thead>
      <tbody>${running.map((row) => html`<tr key=${row.scope + row.what}><td><span class="badge" data-st=${row.what === "Suspended" ? "suspended" : ""}>${row.what}</span></td>
        <th scope="row"><a href=${address("controls", row.scope)}>${inWords(row.scope, odds)}</a>${row.missing.length ? html` <b class="failed">not in lanes ${row.missing.join(", ")}</b>` : null}</th>
        <td>${ends(row.until, now)}</td><td title=${clock(row.at)}>${row.by}</td><td>${row.why}</td>
        <td>${mayAct ? html`<button onClick=${() => this.ask(row.scope, { ...row.end, words: `End: ${row.what}, ${inWords(row.scope, odds)}` })}>${row.end.action === "resume" ? "Resume" : "End"}</button>` : null}</td></tr>`)}</tbody></table></div>`;
  }

  deeds(overlays, mayAct) {
    const items = this.trail?.value?.items ?? [];
    if (items.length === 0) return html`<p class="quiet">${this.trail?.value == null ? "Asking the log" : "Nothing was done yet."}</p>`;
    const newest = new Set(overlays.map(({ change }) => change.id));
    return html`<div class="scroll"><table><thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Of</th><th scope="col">Why</th><th scope="col" class="number">Version</th><th scope="col"><span class="vh">Undo</span></th></tr></thead>
      <tbody>${items.map((change) => html`<tr key=${change.id}><td>${when(change.at)}</td><td>${change.by}</td><td>${changed(change)}</td>
        <th scope="row">${inWords(aimOf(change), this.props.desk.odds)}</th><td>${change.why}</td><td class="number">${change.version}</td>
        <td>${mayAct && newest.has(change.id) ? html`<button onClick=${() => this.takeBack(change)}>Undo</button>` : null}</td></tr>`)}</tbody></table></div>`;
  }

  /** @param {string} scope */
  version(scope) {
    const overlay = (this.overlays?.value?.items ?? []).find((one) => one.scope === overlayOf(scope));
    return overlay?.version ?? 0;
  }

  ask(scope, { words, ...command }) {
    const { api, odds, session } = this.props.desk;
    const version = this.version(scope);
    const id = commandId();
    this.confirm.current.ask({
      title: `${VERBS[command.action]}?`,
      says: html`<p><b>${words}.</b></p><dl><dt>Scope</dt><dd><code>${scope}</code> ${inWords(scope, odds)}</dd><dt>Version seen</dt><dd>${version}</dd><dt>By</dt><dd>${session.who?.name}</dd></dl>`,
      label: words.length > 40 ? VERBS[command.action] : words,
      danger: command.action === "suspend",
      reason: "",
      done: (reason) => this.carriedOut(words, () => api.send("/v1/desk/commands", { id, scope, version, reason, ...command })),
    });
  }

  takeBack(change) {
    const { api, odds } = this.props.desk;
    const id = commandId();
    const words = `Take back: ${changed(change)}`;
    this.confirm.current.ask({
      title: "Undo?",
      says: html`<p><b>${words}</b>, ${inWords(aimOf(change), odds)}.</p><p class="quiet">By ${change.by} at ${clock(change.at)}: ${change.why}. What stood before stands again; whatever was done since stays, and then this is refused.</p>`,
      label: "Undo",
      reason: "Taken back",
      done: (reason) => this.carriedOut(words, () => api.send(`/v1/desk/commands/${change.id}/undo`, { id, scope: change.scope, reason })),
    });
  }

  async carriedOut(words, send) {
    try {
      this.setState({ done: { ...(await send()), words } });
    } finally {
      await Promise.all([this.overlays.anew(), this.trail.anew()]);
    }
  }
}

const commandId = () => crypto.randomUUID().replaceAll("-", "");

const when = (ms) => (Date.now() - ms < 64_800_000 ? clock(ms) : `${new Date(ms).toLocaleDateString([], { day: "numeric", month: "short" })} ${clock(ms)}`);
