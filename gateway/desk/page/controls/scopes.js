// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** A scope, as commands take it (`football.nfl.E1:prop`), in parts and in words; and the form that chooses one. */
import { title, words } from "../odds.js";
import { Component, html } from "../view.js";

export const CLASSES = ["main", "alternate", "prop", "future", "special"];
const EVENTS_MAX = 400;

/** @param {string} text @returns {{ sport: string, league: string, event: string, market: string, cls: string }} */
export const parsed = (text) => {
  const [path, cls = ""] = text.split(":");
  const [sport = "", league = "", event = "", market = ""] = path.split(".");
  return { sport, league, event, market, cls };
};

/** @param {ReturnType<typeof parsed>} parts */
export const text = ({ sport, league, event, market, cls }) =>
  [sport, league, event, market].filter(Boolean).join(".") + (cls && !market ? `:${cls}` : "");

/** The sport, league or event whose overlay a scope is in. @param {string} scope */
export const overlayOf = (scope) => text({ ...parsed(scope), market: "", cls: "" });

/** @param {string} scope @param {import("../live.js").LiveOdds} odds */
export const inWords = (scope, odds) => {
  const { sport, league, event, market, cls } = parsed(scope);
  const found = [...odds.events.values()].find(({ id }) => id === event);
  const place = event ? (found?.name ?? `Event ${event}`) : league ? `All of ${words(league)}` : sport ? `All of ${sport}` : "";
  if (market) {
    const held = odds.markets.get(market);
    return `${held ? `${title(held)}${held.line ? ` ${held.line}` : ""}` : `Market ${market}`} in ${place}`;
  }
  return cls ? `${words(cls)} markets, ${place.charAt(0).toLowerCase() + place.slice(1)}` : place;
};

export class ScopeForm extends Component {
  state = { leagues: [], events: [], markets: [] };

  componentDidMount() { this.learn({}, parsed(this.props.scope)); }

  componentWillReceiveProps({ scope }) {
    if (scope !== this.props.scope) this.learn(parsed(this.props.scope), parsed(scope));
  }

  async learn(before, now) {
    const { api } = this.props.desk;
    const get = async (name, ask) => {
      try {
        this.setState({ [name]: await ask() });
      } catch {
        this.setState({ [name]: [] });
      }
    };
    if (now.sport && now.sport !== before.sport) get("leagues", () => api.all("/v1/leagues", { sport: now.sport }));
    if (now.league && `${now.sport}${now.league}` !== `${before.sport}${before.league}`) {
      get("events", () => api.all("/v1/events", { league: `${now.sport}.${now.league}` }, EVENTS_MAX));
    }
    if (now.event && now.event !== before.event) get("markets", async () => (await api.get(`/v1/events/${now.event}/markets`)).items);
  }

  choose(parts) {
    const now = { ...parsed(this.props.scope), ...parts };
    if ("sport" in parts) Object.assign(now, { league: "", event: "", market: "" });
    if ("league" in parts) Object.assign(now, { event: "", market: "" });
    if ("event" in parts) now.market = "";
    if (now.market) now.cls = "";
    this.props.onChoose(text(now));
  }

  render({ desk, scope }, { leagues, events, markets }) {
    const now = parsed(scope);
    const shownEvents = events.filter(({ state }) => state !== "ended");
    return html`<div class="scope-form">
      ${this.select("Sport", "sport", now.sport, [["", "Choose"], ...desk.odds.sports.map((id) => [id, words(id)])])}
      ${this.select("League", "league", now.league, [["", "All"], ...leagues.map(({ topic }) => [topic.split(".")[1], words(topic.split(".")[1])])], !now.sport)}
      ${this.select("Event", "event", now.event, [["", "All"], ...shownEvents.map(({ id, name, state }) => [id, state === "live" ? `${name} (live)` : name])], !now.league)}
      ${this.select("Market", "market", now.market, [["", "All"], ...markets.map((market) => [market.id, `${title(market)}${market.line ? ` ${market.line}` : ""}`])], !now.event)}
      ${this.select("Class", "cls", now.cls, [["", "All"], ...CLASSES.map((id) => [id, words(id)])], !now.sport || Boolean(now.market))}
    </div>`;
  }

  select(label, part, value, options, disabled = false) {
    const known = options.some(([id]) => id === value) ? options : [...options, [value, value]];
    return html`<label>${label}<select name=${part} value=${value} disabled=${disabled} onChange=${({ target }) => this.choose({ [part]: target.value })}>
      ${known.map(([id, name]) => html`<option key=${id} value=${id}>${name}</option>`)}</select></label>`;
  }
}
