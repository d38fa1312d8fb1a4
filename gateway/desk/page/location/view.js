// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * Would a place be accepted, and what may be bet on there: judged by the verifier's own boundaries and rules, of a point
 * alone. `/desk/location?lat=39.9526&lon=-75.1652&accuracy_m=30`.
 */
import { words } from "../odds.js";
import { address } from "../router.js";
import { Component, html } from "../view.js";
import { PlaceMap } from "./map.js";

const PLACES = [["Philadelphia", 39.9526, -75.1652], ["Cherry Hill", 39.9259, -75.0196], ["On the Delaware", 39.95, -75.131], ["Jersey City", 40.7178, -74.0431], ["Salt Lake City", 40.7608, -111.891]];
const TOO_FINE = 5;

export default class Location extends Component {
  state = { borders: [], fine: null, verdict: null, failed: null, goTo: 0 };

  async componentDidMount() {
    this.end = this.props.desk.router.onChange(() => this.judge());
    this.judge();
    try {
      this.setState({ borders: (await this.props.desk.api.get("/v1/desk/borders")).items });
    } catch (failed) {
      this.setState({ failed });
    }
  }

  componentWillUnmount() { this.end(); }

  get spot() {
    const { query } = this.props.desk.router;
    const lat = Number.parseFloat(query.get("lat"));
    const lon = Number.parseFloat(query.get("lon"));
    if (!Number.isFinite(lat) || !Number.isFinite(lon)) return null;
    return { lat, lon, accuracy_m: Number.parseFloat(query.get("accuracy_m")) || 30, moving: query.get("moving") === "true" };
  }

  async judge() {
    const { spot } = this;
    if (spot === null) return this.setState({ verdict: null, fine: null });
    const asked = (this.asked = JSON.stringify(spot));
    try {
      const verdict = await this.props.desk.api.get("/v1/desk/places", spot);
      if (this.asked !== asked) return;
      this.setState({ verdict, failed: null });
      const fine = verdict.state && verdict.state !== this.drawn ? (await this.props.desk.api.get("/v1/desk/borders", { state: verdict.state })).items[0].rings : null;
      if (fine) this.drawn = verdict.state;
      if (this.asked === asked && (fine || !verdict.state)) this.setState({ fine });
    } catch (failed) {
      this.setState({ failed });
    }
  }

  go(parts, moves = false) {
    const { spot } = this;
    const { lat, lon, accuracy_m = 30, moving = false } = { ...spot, ...parts };
    if (!Number.isFinite(lat) || !Number.isFinite(lon)) return;
    this.props.desk.router.go(address("location", "", { lat: lat.toFixed(TOO_FINE), lon: lon.toFixed(TOO_FINE), accuracy_m, ...(moving ? { moving } : {}) }));
    if (moves) this.setState({ goTo: this.state.goTo + 1 });
  }

  render(_, { borders, fine, verdict, failed, goTo }) {
    const { spot } = this;
    return html`<div class="location">
      <section class="panel judge" aria-labelledby="location-title">
        <h1 id="location-title">Location</h1>
        <form class="spot" onSubmit=${(event) => this.entered(event)}>
          <label>Latitude <input name="lat" inputmode="decimal" required value=${spot?.lat ?? ""} /></label>
          <label>Longitude <input name="lon" inputmode="decimal" required value=${spot?.lon ?? ""} /></label>
          <label>Accuracy, m <input name="accuracy_m" inputmode="decimal" required value=${spot?.accuracy_m ?? 30} /></label>
          <label class="check"><input type="checkbox" name="moving" checked=${spot?.moving ?? false} /> Moves</label>
          <button class="primary">Judge</button></form>
        <p class="places">${PLACES.map(([name, lat, lon]) => html`<button key=${name} onClick=${() => this.go({ lat, lon }, true)}>${name}</button>`)}</p>
        ${failed ? html`<p class="failed" role="alert">${failed.message}</p>` : null}
        ${verdict ? this.judged(verdict) : html`<p class="quiet">Pick a point on the map, or name one. Green may bet, grey is not offered.</p>`}
      </section>
      <section class="panel place-map" aria-label="Map"><${PlaceMap} borders=${borders} fine=${fine} spot=${spot} verdict=${verdict} goTo=${goTo} onPick=${(point) => this.go(point)} /></section>
      ${verdict ? html`<section class="panel rules" aria-labelledby="rules-title">${this.rules(verdict)}</section>` : null}
    </div>`;
  }

  entered(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const [lat, lon, accuracy_m] = ["lat", "lon", "accuracy_m"].map((name) => Number.parseFloat(String(form.get(name)).replace("\u2212", "-")));
    this.go({ lat, lon, accuracy_m: accuracy_m || 30, moving: form.get("moving") !== null }, true);
  }

  judged(verdict) {
    return html`<div class="verdict" data-accepted=${verdict.accepted} role="status">
      <p><b>${verdict.accepted ? "Accepted" : "Refused"}</b> ${verdict.state ? `${verdict.state_name || verdict.state} (${verdict.state})` : "in no state"}</p>
      ${verdict.code ? html`<p><code>${verdict.code}</code></p><p>The user reads: “${verdict.advice}”</p>` : null}
      <dl>${verdict.lifetime_s === null ? null : html`<dt>A receipt lasts</dt><dd>${verdict.lifetime_s >= 60 ? `${Math.round(verdict.lifetime_s / 60)} min` : `${verdict.lifetime_s} s`}</dd>`}
        <dt>Border</dt><dd>${verdict.border_m === null ? "\u2013" : verdict.border_m >= 99_999 ? "over 100 km" : verdict.border_m > 2_000 ? `${(verdict.border_m / 1000).toFixed(1)} km away` : `${Math.round(verdict.border_m)} m away`}</dd>
        <dt>It has to be</dt><dd>the disc and ${Math.round(verdict.buffer_m)} m away: boundaries are generalised</dd>
        ${verdict.age === null ? null : html`<dt>Age</dt><dd>${verdict.age} and over</dd>`}
        <dt>Boundaries</dt><dd><code>${verdict.boundaries}</code></dd></dl></div>`;
  }

  rules({ state_name, state, rules, reviewed }) {
    return html`<h2 id="rules-title">Rules${state ? ` of ${state_name || state}` : ""}</h2>
      ${rules.length === 0 ? html`<p>No rules are known: everything is refused there.</p>` : html`<p class="quiet">A refusal beats a permission; what nobody allows is refused. Reviewed ${reviewed}.</p>
      <div class="scroll"><table><thead><tr><th scope="col">Verdict</th><th scope="col">About</th><th scope="col">Says</th><th scope="col">Source</th></tr></thead>
        <tbody>${rules.map((rule) => html`<tr key=${rule.id}><td><span class="badge" data-st=${rule.verdict === "allow" ? "open" : "closed"}>${words(rule.verdict)}</span></td>
          <td>${Object.entries(rule.when).map(([name, value]) => `${words(name).toLowerCase()}: ${value.replaceAll(",", ", ")}`).join("; ") || "everything"}</td><td>${rule.text}</td>
          <td><a href=${rule.address} target="_blank" rel="noreferrer noopener" title=${rule.title}>${rule.section}</a></td></tr>`)}</tbody></table></div>`}`;
  }
}
