// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * Nothing is done at the desk by one click: what is about to happen stands in a dialog, with who, on what and why, and
 * what was refused is told in the same place.
 *
 * @typedef {{ title: string, says: any, label: string, danger?: boolean, reason?: string | null, done: (reason: string) => Promise<any> }} Deed
 *   `reason`: what is proposed; null: none is asked for. `done` does it; what it throws is shown.
 */
import { Component, createRef, html } from "./view.js";

export const REASON_MAX = 200;
const REASONS = ["Injury news", "Wrong price", "Limits for this game", "Feed in doubt", "Integrity alert", "Taken back"];

/** `at`: where whoever asks finds it, as `current`. */
export class Confirm extends Component {
  state = { /** @type {Deed | null} */ deed: null, reason: "", failed: null, busy: false };
  dialog = createRef();

  componentDidMount() { this.props.at.current = this; }

  componentWillUnmount() { this.props.at.current = null; }

  /** @param {Deed} deed */
  ask(deed) {
    this.setState({ deed, reason: deed.reason ?? "", failed: null, busy: false }, () => {
      if (!this.dialog.current.open) this.dialog.current.showModal();
    });
  }

  close() { this.dialog.current?.close(); }

  async act(event) {
    event.preventDefault();
    const { deed, reason } = this.state;
    this.setState({ busy: true, failed: null });
    try {
      await deed.done(reason.trim());
      this.close();
    } catch (error) {
      this.setState({ failed: error });
    } finally {
      this.setState({ busy: false });
    }
  }

  render(_, { deed, reason, failed, busy }) {
    return html`<dialog class="confirm" ref=${this.dialog} aria-labelledby="confirm-title">
      ${deed === null ? null : html`<form onSubmit=${(event) => this.act(event)}>
        <h2 id="confirm-title">${deed.title}</h2>
        <div class="says">${deed.says}</div>
        ${deed.reason === null ? null : html`<label><span>Reason <span class="quiet">(stands on the trail)</span></span>
          <input name="reason" list="reasons" required maxlength=${REASON_MAX} value=${reason} autocomplete="off"
            onInput=${({ target }) => this.setState({ reason: target.value })} /></label>
          <datalist id="reasons">${REASONS.map((words) => html`<option key=${words} value=${words} />`)}</datalist>`}
        ${failed ? html`<p class="failed" role="alert"><b>${refusal(failed)}</b> ${failed.message}</p>` : null}
        <p class="choices"><button type="button" onClick=${() => this.close()}>${failed ? "Close" : "Cancel"}</button>
          <button class=${deed.danger ? "primary dangerous" : "primary"} name="confirm" disabled=${busy || (deed.reason !== null && !reason.trim())}>${deed.label}</button></p>
      </form>`}
    </dialog>`;
  }
}

const REFUSALS = {
  stale_version: "Somebody was faster. Nothing was changed.",
  unanswered: "It may have been done, or not. Look before you try again.",
  insufficient_scope: "Your role only looks.",
  session_over: "Your session is over. Sign in again; nothing was changed.",
  unreachable: "The gateway does not answer. It may have been done, or not.",
};

const refusal = ({ code }) => REFUSALS[code] ?? "Refused. Nothing was changed.";
