// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Who are you? In place of a view that needs somebody; and in the header who that is. */
import { Component, html } from "./view.js";

const ROLES = { trader: "Trader: sees and changes", reader: "Reader: only sees" };
const REFUSALS = { issuer_unavailable: "The issuer does not answer. Try again in a moment.", sign_in_refused: "You were not signed in." };

export class SignIn extends Component {
  state = { account: "trader", role: "trader", failed: "", busy: false };

  render({ session, router }, { account, role, failed, busy }) {
    const refused = router.query.get("sign_in");
    const problem = failed || (refused ? (REFUSALS[refused] ?? `You were not signed in: ${refused}.`) : "");
    return html`<section class="signin panel" aria-label="Sign in">
      <h1>Sign in to the desk</h1>
      ${problem ? html`<p class="failed" role="alert">${problem}</p>` : null}
      ${session.ways.includes("issuer") ? html`<p><a class="button" href="/desk/sign-in" target="_self">Sign in at your organisation</a></p>` : null}
      ${session.ways.includes("development") ? html`<form onSubmit=${(event) => this.enter(event)}>
        <p class="quiet">This gateway takes its development keys: on this machine you are whoever you say.</p>
        <label>Name <input name="account" value=${account} required pattern="[A-Za-z0-9_\\-]{1,64}" autocomplete="username"
          onInput=${({ target }) => this.setState({ account: target.value })} /></label>
        <label>Role <select name="role" value=${role} onChange=${({ target }) => this.setState({ role: target.value })}>
          ${Object.entries(ROLES).map(([name, words]) => html`<option key=${name} value=${name}>${words}</option>`)}</select></label>
        <button class="primary" disabled=${busy}>Sign in</button>
      </form>` : null}
      ${session.ways.length === 0 ? html`<p>Nobody can sign in here: the gateway has neither an issuer nor development keys (ODDSWIRE_DESK_ISSUER).</p>` : null}
    </section>`;
  }

  async enter(event) {
    event.preventDefault();
    this.setState({ busy: true, failed: "" });
    try {
      await this.props.session.signIn(this.state.account, this.state.role);
    } catch (error) {
      this.setState({ busy: false, failed: error.message });
    }
  }
}

/** Who is signed in, and the way out; or the way in. */
export class WhoIsIn extends Component {
  componentDidMount() { this.end = this.props.session.onChange(() => this.forceUpdate()); }

  componentWillUnmount() { this.end(); }

  render({ session, onSignIn }) {
    if (session.who === null) return session.ways.length ? html`<button onClick=${onSignIn}>Sign in</button>` : null;
    const { name, role } = session.who;
    return html`<span class="who-is-in"><b>${name}</b> <span class="badge">${role}</span></span>
      <button class="plain" onClick=${() => session.signOut().catch(reportError)}>Sign out</button>`;
  }
}
