// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** The keys that mean something just now. */
import { keysOfNow } from "./keys.js";
import { Component, createRef, html } from "./view.js";

const NAMES = { ArrowDown: "\u2193", ArrowUp: "\u2191", ArrowLeft: "\u2190", ArrowRight: "\u2192", Escape: "Esc" };

export class KeysHelp extends Component {
  state = { keys: [] };
  dialog = createRef();

  open() { this.setState({ keys: keysOfNow() }, () => this.dialog.current.showModal()); }

  render(_, { keys }) {
    return html`<dialog class="keys" ref=${this.dialog} aria-label="Keys">
      <h2>Keys</h2>
      <dl>${keys.map(({ key, words }) => html`<div key=${key + words}><dt><kbd>${NAMES[key] ?? key}</kbd></dt><dd>${words}</dd></div>`)}</dl>
      <form method="dialog"><button>Close</button></form>
    </dialog>`;
  }
}
