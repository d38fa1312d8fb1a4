// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** One correction: what turns, what that comes to, who has to say yes, how far it is, and who did what. */
import { words } from "../odds.js";
import { Component, html } from "../view.js";

const STEPS = ["drafted", "computed", "approved", "applying", "verifying", "done"];

export class Correction extends Component {
  render({ desk, job, onAct }) {
    const { session } = desk;
    const { totals, progress } = job;
    return html`<article class="correction" aria-label=${`Correction ${job.id}`}>
      <header><h2>${job.reason}</h2><span class="badge" data-state=${job.state}>${words(job.state)}</span></header>
      <p class="quiet"><code>${job.id}</code>, drafted by <b>${job.drafter}</b> at ${time(job.drafted_at)}${job.undoes ? html`, the way back of <code>${job.undoes}</code>` : null}</p>
      <ol class="steps" aria-label="Where it is">${STEPS.map((step) => html`<li key=${step} data-at=${position(job.state, step)} aria-current=${job.state === step ? "step" : undefined}>${words(step)}</li>`)}</ol>
      ${job.fault ? html`<p class="failed" role="alert">${job.fault}</p>` : null}
      ${job.turns?.length ? html`<table><caption>What turns</caption><thead><tr><th scope="col">Market</th><th scope="col">Was</th><th scope="col">Becomes</th></tr></thead>
        <tbody>${job.turns.map(({ market, before, after }) => html`<tr key=${market}><th scope="row"><code>${market}</code></th><td>${before}</td><td>${after}</td></tr>`)}</tbody></table>` : null}
      ${totals ? html`<dl class="figures-of"><div><dt>Bets</dt><dd>${totals.bets}</dd></div><div><dt>Users</dt><dd>${totals.users}</dd></div>
        ${Object.entries(totals.by_currency).map(([currency, sums]) => html`
          <div><dt>Credits, ${currency}</dt><dd class="up">${sums.credits}</dd></div><div><dt>Debits, ${currency}</dt><dd class="down">${sums.debits}</dd></div>
          <div><dt>Waived, ${currency}</dt><dd>${sums.waived}</dd></div>`)}
        <div><dt>Under a freeze</dt><dd>${totals.frozen}</dd></div></dl>
        <p class="quiet">By jurisdiction: ${Object.entries(totals.by_jurisdiction).map(([name, sums]) => `${name} ${perCurrency(sums)}`).join(", ") || "none"}. Hash <code>${job.hash?.slice(0, 16)}</code></p>` : null}
      ${progress && progress.users ? html`<label class="progress">Users done <progress max=${progress.users} value=${progress.users_done}></progress> ${progress.users_done} of ${progress.users}; ${Object.entries(progress.by_currency).map(([currency, came]) => `cash ${came.cash} ${currency}, owed ${came.receivable} ${currency}`).join("; ")}</label>` : null}
      ${session.mayAct ? this.acts(job, onAct) : null}
      ${job.deeds?.length ? html`<details open><summary>Who did what</summary><ul class="deeds">${job.deeds.map(({ at, who, what }, place) => html`<li key=${place}>${time(at)} <b>${what}</b> by ${who}</li>`)}</ul></details>` : null}
    </article>`;
  }

  acts(job, onAct) {
    const me = this.props.desk.session.who.account;
    const own = job.second_person && job.drafter === me;
    const at = (...states) => states.includes(job.state);
    return html`<p class="next">
      ${at("drafted", "computed") ? html`<button class=${at("drafted") ? "primary" : ""} name="impact" onClick=${() => onAct(IMPACT, job)}>${at("computed") ? "Compute anew" : "Compute the impact"}</button>` : null}
      ${at("computed") ? html`<button class="primary" name="approve" disabled=${own} onClick=${() => onAct(APPROVE, job)}>Approve</button>` : null}
      ${at("approved", "applying", "verifying") ? html`<button class="primary" name="apply" onClick=${() => onAct(APPLY, job)}>${at("approved") ? "Apply" : "Go on"}</button>` : null}
      ${at("done") ? html`<button name="undo" onClick=${() => onAct(UNDO, job)}>Draft the way back</button>` : null}
      ${at("done", "aborted") ? null : html`<button class="danger" name="abort" onClick=${() => onAct(ABORT, job)}>Abort</button>`}
      ${at("computed") && job.second_person ? html`<span class="quiet">${own ? "Another person has to approve it: you drafted it." : `Drafted by ${job.drafter}: you are the second person.`}</span>` : null}</p>`;
  }
}

/** `12.00 USD, 3.00 EUR` of amounts by currency. */
const perCurrency = (sums) => Object.entries(sums).map(([currency, sum]) => `${sum} ${currency}`).join(", ");

/** What can be done with one: a verb of the API, words, and what it is sent. */
const IMPACT = { verb: "impact", title: "Compute the impact?", label: "Compute", says: () => "Every bet on these markets is looked at; nothing is changed.", reason: null, body: () => ({ dry_run: false }) };
const APPROVE = {
  verb: "approve", title: "Approve it?", label: "Approve", reason: null, body: ({ hash }) => ({ hash }),
  says: ({ totals }) => html`<b>${totals?.bets} bets of ${totals?.users} users: ${Object.entries(totals?.by_currency ?? {}).map(([currency, sums]) => `credits ${sums.credits} ${currency}, debits ${sums.debits} ${currency}`).join("; ")}.</b> You answer for exactly this impact; if anything has changed since, it is refused.`,
};
const APPLY = { verb: "apply", title: "Apply it?", label: "Apply", danger: true, reason: null, body: () => ({}), says: ({ totals }) => html`<b>${totals?.users} users are told, and their balances change.</b>` };
const ABORT = { verb: "abort", title: "Abort it?", label: "Abort", danger: true, reason: "", body: (_, reason) => ({ reason }), says: () => "A correction that was applied in part leaves a drafted way back." };
const UNDO = { verb: "undo", title: "Draft the way back?", label: "Draft", reason: "", body: (_, reason) => ({ reason }), says: () => "A new correction that restores what was. It is computed and approved like any other." };

const position = (state, step) => {
  if (state === "aborted") return "";
  const at = STEPS.indexOf(state);
  const place = STEPS.indexOf(step);
  return place < at ? "before" : place === at ? "now" : "";
};

const time = (text) => new Date(text).toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
