// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Results that the desk enters, and settlement again: `/desk/results` for both, `/desk/results/corrections/ID` for one. */
import { Confirm } from "../confirm.js";
import { words } from "../odds.js";
import { Poll } from "../polling.js";
import { address } from "../router.js";
import { Component, createRef, html } from "../view.js";
import { Correction } from "./correction.js";
import { Entry } from "./entry.js";

const EVERY_MS = 2_000;
const CORRECTIONS = "corrections";

export default class Results extends Component {
  state = { event: "", done: "" };
  confirm = createRef();

  componentDidMount() {
    const { api } = this.props.desk;
    this.jobs = new Poll(() => api.get("/v1/desk/corrections"), () => this.forceUpdate(), EVERY_MS);
    this.job = new Poll(async () => (this.chosen ? { ...(await api.get(`/v1/desk/corrections/${this.chosen}`)) } : null), () => this.forceUpdate(), EVERY_MS);
  }

  componentDidUpdate({ path }) { if (path !== this.props.path) this.job.anew(); }

  componentWillUnmount() {
    this.jobs.close();
    this.job.close();
  }

  get chosen() {
    const [list, id] = this.props.path.split("/");
    return list === CORRECTIONS ? (id ?? "") : "";
  }

  render({ desk }, { event, done }) {
    const jobs = this.jobs?.value?.items ?? [];
    const job = this.job?.value;
    const fault = this.jobs?.failed;
    return html`<div class="results">
      <section class="panel" aria-labelledby="entry-title"><h1 id="entry-title">Enter a result</h1>
        <${Entry} desk=${desk} event=${event} onChoose=${(id) => this.setState({ event: id })} confirm=${(deed) => this.confirm.current.ask(deed)} onDraft=${(drafts) => this.draft(drafts)} />
        ${done ? html`<p class="done" role="status">${done}</p>` : null}</section>
      <section class="panel" aria-labelledby="jobs-title"><h2 id="jobs-title">Corrections</h2>
        ${fault ? html`<p class="failed" role="alert">${fault.message}</p>` : null}
        ${jobs.length === 0 ? html`<p class="quiet">${this.jobs?.value == null ? "Asking" : "None. What conflicts with a result that stands is drafted as one."}</p>` : html`<div class="scroll"><table>
          <thead><tr><th scope="col">Why</th><th scope="col">State</th><th scope="col">By</th><th scope="col" class="number">Bets</th></tr></thead>
          <tbody>${jobs.map((one) => html`<tr key=${one.id} aria-current=${one.id === this.chosen}><th scope="row"><a href=${address("results", `${CORRECTIONS}/${one.id}`)}>${one.reason}</a></th>
            <td><span class="badge" data-state=${one.state}>${words(one.state)}</span></td><td>${one.drafter}</td><td class="number">${one.totals?.bets ?? ""}</td></tr>`)}</tbody></table></div>`}
      </section>
      <section class="panel" aria-label="The chosen correction">
        ${job && job.id === this.chosen ? html`<${Correction} desk=${desk} job=${job} onAct=${(act, one) => this.act(act, one)} />`
          : this.chosen && this.job?.failed ? html`<p class="failed" role="alert">${this.job.failed.message}</p>`
          : html`<p class="quiet">${this.chosen ? "Asking" : "Choose a correction: its impact, who approves it, how far it is."}</p>`}
      </section>
      <${Confirm} at=${this.confirm} />
    </div>`;
  }

  draft(results) {
    const { api, router } = this.props.desk;
    this.confirm.current.ask({
      title: "Draft a correction?",
      says: html`<p><b>${results.length} markets</b> that were settled otherwise. Nothing is changed before it is computed, approved and applied. Every user is told the reason.</p>`,
      label: "Draft it",
      reason: "",
      done: async (reason) => {
        const { id } = await api.send("/v1/desk/corrections", { reason, results });
        await this.jobs.anew();
        router.go(address("results", `${CORRECTIONS}/${id}`));
      },
    });
  }

  act({ verb, title, label, says, reason, danger, body }, job) {
    const { api, router } = this.props.desk;
    this.confirm.current.ask({
      title, label, reason, danger,
      says: html`<p>${says(job)}</p><p class="quiet">${job.reason}</p>`,
      done: async (why) => {
        const answer = await api.send(`/v1/desk/corrections/${job.id}/${verb}`, body(job, why));
        await Promise.all([this.jobs.anew(), this.job.anew()]);
        if (verb === "undo" && answer.id) router.go(address("results", `${CORRECTIONS}/${answer.id}`));
      },
    });
  }
}
