// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** What is around every view: the menu, how the stream is, the view itself, and below it how fresh everything is. */
import { Freshness } from "./freshness.js";
import { KeysHelp } from "./keyshelp.js";
import { useKeys } from "./keys.js";
import { CHOICES } from "./preferences.js";
import { address } from "./router.js";
import { SignIn, WhoIsIn } from "./signin.js";
import { Component, createRef, html } from "./view.js";
import { VIEWS } from "./views.js";

const STREAM = {
  live: "Live",
  stale: "Stale prices",
  rebuilding: "Catching up",
  connecting: "Connecting",
  reconnecting: "Reconnecting",
  closed: "Not connected",
};

export class Shell extends Component {
  state = { View: null, name: "", failed: "", signsIn: false };
  help = createRef();
  main = createRef();

  componentDidMount() {
    const { desk } = this.props;
    const menu = VIEWS.map(({ name, title, key }) => ({ key, words: title, act: () => desk.router.go(address(name)) }));
    this.ends = [
      desk.router.onChange(() => this.show()),
      desk.preferences.onChange(() => this.forceUpdate()),
      desk.session.onChange(() => this.forceUpdate()),
      useKeys([
        ...menu,
        { key: "f", words: "Format of odds", act: () => desk.preferences.next("format") },
        { key: "t", words: "Light or dark", act: () => desk.preferences.next("theme") },
        { key: "?", words: "These keys", act: () => this.help.current.open() },
      ]),
    ];
    this.show();
  }

  componentWillUnmount() { for (const end of this.ends) end(); }

  async show() {
    const { view } = this.props.desk.router;
    document.title = `${view.title} \u00b7 oddswire desk`;
    if (view.name === this.state.name && this.state.View !== null) return this.setState({ signsIn: false });
    this.setState({ name: view.name, View: null, failed: "", signsIn: false });
    try {
      const { default: View } = await view.load();
      if (this.state.name === view.name) this.setState({ View });
    } catch (error) {
      this.setState({ failed: `This view could not be loaded: ${error.message}` });
    }
  }

  componentDidCatch(error) {
    reportError(error);
    this.setState({ View: null, failed: `This view failed: ${error.message}. Reload the page to go on.` });
  }

  render({ desk }, { name }) {
    return html`
      <a class="skip" href="#view" onClick=${(event) => this.skip(event)}>To the view</a>
      <header class="top">
        <a class="brand" href=${address("board")}><img src="/desk/page/icon.svg" alt="" width="20" height="20" />oddswire <span>desk</span></a>
        <nav aria-label="Views">
          ${VIEWS.map((view) => html`<a key=${view.name} href=${address(view.name)} aria-current=${view.name === name ? "page" : undefined}
            title=${`${view.title} (key ${view.key})`}>${view.title}</a>`)}
        </nav>
        <${StreamState} odds=${desk.odds} />
        <${Choice} desk=${desk} name="format" label="Odds" />
        <${Choice} desk=${desk} name="theme" label="Theme" />
        <${WhoIsIn} session=${desk.session} onSignIn=${() => this.setState({ signsIn: true })} />
        <button class="plain" onClick=${() => this.help.current.open()} aria-label="Keys" title="Keys (?)">?</button>
      </header>
      <${Notice} odds=${desk.odds} />
      <main id="view" tabindex="-1" ref=${this.main}>
        ${this.shown(this.props, this.state)}
      </main>
      <${Freshness} desk=${desk} />
      <${KeysHelp} ref=${this.help} />`;
  }

  shown({ desk }, { View, name, failed, signsIn }) {
    const { session, router } = desk;
    const isClosed = session.who === null && (session.isNeeded || !router.view.isOpen);
    if (isClosed || signsIn) return html`<${SignIn} session=${session} router=${router} />`;
    if (failed) return html`<p class="waiting" role="alert">${failed}</p>`;
    if (View === null) return html`<p class="waiting">Loading</p>`;
    return html`<${View} key=${name} desk=${desk} path=${router.path} />`;
  }

  skip(event) {
    event.preventDefault();
    this.main.current.focus();
  }
}

class Choice extends Component {
  render({ desk, name, label }) {
    return html`<label class="choice"><span>${label}</span>
      <select name=${name} value=${desk.preferences[name]} onChange=${({ target }) => desk.preferences.choose(name, target.value)}>
        ${CHOICES[name].map((choice) => html`<option key=${choice} value=${choice}>${choice[0].toUpperCase() + choice.slice(1)}</option>`)}
      </select></label>`;
  }
}

/** One word on the stream, which a screen reader hears when it turns. */
class StreamState extends Component {
  componentDidMount() { this.end = this.props.odds.onChange(() => this.setState({ turned: this.props.odds.state })); }

  componentWillUnmount() { this.end(); }

  shouldComponentUpdate(_, { turned }) { return turned !== this.shown; }

  render({ odds }) {
    this.shown = odds.state;
    return html`<p id="stream" class="state" role="status" data-state=${odds.state}>${STREAM[odds.state]}</p>`;
  }
}

/** A line across the page while prices are not to be acted on: nobody overlooks that. */
class Notice extends Component {
  componentDidMount() { this.end = this.props.odds.onChange(() => this.forceUpdate()); }

  componentWillUnmount() { this.end(); }

  render({ odds }) {
    const shown = odds.markets.size ? "What is shown is the last that came, and all of it counts as suspended." : "No price has come yet.";
    const words = {
      stale: "A feed is silent. Its markets count as suspended until it is back.",
      reconnecting: `The stream is away. ${shown}`,
      closed: `There is no stream. ${shown}`,
    }[odds.state];
    return words ? html`<p class="notice" data-state=${odds.state}><b>${STREAM[odds.state]}.</b> ${words} <span>${odds.notice}</span></p>` : null;
  }
}
