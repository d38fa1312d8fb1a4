// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** How a market's line moved: the past by REST, then live. Its path is a market's id; without one a market is chosen. */
import { useKeys } from "../keys.js";
import { line, price, title } from "../odds.js";
import { address } from "../router.js";
import { Component, createRef, html } from "../view.js";
import { Chart, SERIES_MAX } from "./chart.js";
import { Choose } from "./choose.js";
import { Ends, hasClosed } from "./ends.js";
import { Movement, WINDOWS, load } from "./past.js";
import { Readout } from "./readout.js";

const EVERY_MS = 1_000;

export default class Line extends Component {
  state = { market: null, event: null, window: WINDOWS[0], chain: [], failed: "", isZoomed: false, hovered: null, loaded: false };
  place = createRef();
  movement = new Movement([]);

  componentDidMount() {
    const { desk } = this.props;
    const timer = setInterval(() => this.draw(), EVERY_MS);
    this.ends = [
      desk.odds.follow(({ markets, all }) => {
        if (all || markets.has(this.props.path)) this.moved();
        if (all) this.forceUpdate(); // whether its status may be trusted stands in no market
      }),
      desk.preferences.onChange(() => { this.chart?.restyle(); this.forceUpdate(); }),
      useKeys([
        { key: "+", words: "Look closer", act: () => this.chart?.zoom(0.5) },
        { key: "-", words: "Look from further", act: () => this.chart?.zoom(2) },
        { key: "ArrowLeft", words: "Back in time", act: () => this.chart?.pan(-0.25) },
        { key: "ArrowRight", words: "On in time", act: () => this.chart?.pan(0.25) },
        { key: "0", words: "All of it, and live", act: () => this.chart?.reset() },
        { key: "b", words: "Back to the board", act: () => desk.router.go(address("board", this.state.market?.topic ?? "")) },
      ]),
      () => clearInterval(timer),
    ];
    this.open();
  }

  componentDidUpdate({ path }) { if (path !== this.props.path) this.open(); }

  componentWillUnmount() {
    for (const end of [...this.ends, this.letGo]) end?.();
    this.chart?.close();
    this.opened = this.asked = null;
  }

  /** The market, what it is of, and its past. Whoever opens another meanwhile wins. */
  async open() {
    const { desk, path } = this.props;
    const asked = this.opened = {};
    this.close();
    this.setState({ market: null, event: null, chain: [], failed: "", hovered: null, loaded: false });
    if (path === "") return;
    try {
      const market = await this.known(path);
      const event = await desk.api.get(`/v1/events/${encodeURIComponent(market.event)}`).catch(() => null);
      if (this.opened !== asked) return;
      this.movement = new Movement(market.x.map(({ id }) => id));
      this.setState({ market, event });
      this.letGo = desk.odds.want([`${market.topic}.${market.id}`]);
      await this.reload(market, this.state.window);
    } catch (error) {
      if (this.opened === asked) this.setState({ failed: error.message });
    }
  }

  /** As it stands, or as it stood last. */
  async known(id) {
    const { api } = this.props.desk;
    try {
      return await api.get(`/v1/markets/${encodeURIComponent(id)}`);
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      const { items } = await api.get(`/v1/markets/${encodeURIComponent(id)}/history`);
      return items.at(-1).market;
    }
  }

  /** The past of a window, and how the line opened and closed. */
  async reload(market, window) {
    const { api } = this.props.desk;
    const asked = this.asked = {};
    try {
      const [movement, chain] = await Promise.all([load(api, market, window), api.all(`/v1/markets/${encodeURIComponent(market.id)}/line`, {}, 200)]);
      if (this.asked !== asked) return;
      this.movement = movement;
      this.setState({ chain, loaded: true, failed: "" }, () => this.moved());
    } catch (error) {
      const failed = error.code === "not_in_history" || error.status === 404 ? "" : `The past cannot be had: ${error.message}`;
      if (this.asked === asked) this.setState({ failed, loaded: true }, () => this.moved());
    }
  }

  /** The stream has something new of it. */
  moved() {
    const { odds } = this.props.desk;
    const held = odds.markets.get(this.props.path);
    const { market, loaded } = this.state;
    if (market === null || !loaded) return;
    if (held !== undefined) this.movement.add(held, Math.max(held.ts, (this.movement.points.at(-1)?.at ?? 0) * 1000));
    else if (!market.gone && this.isHeld) this.ended();
    this.isHeld = held !== undefined;
    if (held !== undefined && held !== market) this.setState({ market: held });
    this.draw();
  }

  /** It is gone from the stream: the gateway still says how, and what took its place. */
  async ended() {
    const asked = this.opened;
    const market = await this.known(this.props.path).catch(() => null);
    if (market !== null && this.opened === asked) this.setState({ market });
  }

  draw() {
    const { market, chain } = this.state;
    if (market === null || this.place.current === null || this.movement.points.length === 0) return;
    const shown = market.x.slice(0, SERIES_MAX);
    this.chart ??= new Chart(this.place.current, {
      names: shown.map(({ name }) => name),
      format: () => this.props.desk.preferences.format,
      onHover: (hovered) => { if (hovered !== this.state.hovered) this.setState({ hovered }); },
      onZoom: (isZoomed) => this.setState({ isZoomed }),
    });
    const now = (Date.now() + this.props.desk.odds.lag.ahead) / 1000;
    const columns = this.movement.columns(market.gone ? 0 : now).slice(0, shown.length + 1);
    this.chart.draw(columns, { suspensions: this.movement.suspensions(now), handovers: this.movement.handovers(), marks: marksOf(chain, market) });
  }

  close() {
    this.letGo?.();
    this.letGo = undefined;
    this.chart?.close();
    this.chart = undefined;
    this.movement = new Movement([]);
    this.isHeld = false;
  }

  choose(window) {
    this.setState({ window, loaded: false });
    this.reload(this.state.market, window);
  }

  render({ desk, path }, { market, event, window, chain, failed, isZoomed, hovered, loaded }) {
    if (path === "") return html`<${Choose} desk=${desk} />`;
    if (market === null) return html`<p class="waiting" role=${failed ? "alert" : undefined}>${failed || "Loading"}</p>`;
    const st = market.gone ? "closed" : desk.odds.markets.has(market.id) ? desk.odds.status(market) : market.st;
    return html`<article class="movement" aria-label=${title(market)}>
      <header>
        <p><a href=${address("board", market.topic)}>${event?.name ?? market.event}</a></p>
        <h1>${title(market)} ${market.x.length === 2 ? line(market.line, market.x[0].side === "over" ? "" : market.x[0].side) : ""} <span class="badge" data-st=${st}>${st}</span></h1>
        ${market.replaced_by ? html`<p>Its line moved on to <a href=${address("line", market.replaced_by)}>the next market</a>.</p>` : null}
        <div class="tools" role="group" aria-label="Time shown">
          ${WINDOWS.map((one) => html`<button key=${one.name} aria-pressed=${one === window} onClick=${() => this.choose(one)}>${one.name}</button>`)}
          <button onClick=${() => this.chart?.zoom(0.5)} aria-label="Look closer" title="Look closer (+)">+</button>
          <button onClick=${() => this.chart?.zoom(2)} aria-label="Look from further" title="Look from further (-)">\u2212</button>
          <button onClick=${() => this.chart?.reset()} disabled=${!isZoomed}>Live</button>
          <span class="quiet">${window.isRaw ? "Drag to zoom, double-click for all." : "A point a minute; suspensions are not in it."}</span>
        </div>
        ${failed ? html`<p class="failed" role="alert">${failed}</p>` : null}
      </header>
      <div class="chart panel" ref=${this.place} role="img" aria-label=${`Prices over time: ${market.x.map((selection) => `${selection.name} ${price(selection, desk.preferences.format)}`).slice(0, SERIES_MAX).join(", ")}. The table holds the changes.`}>
        ${loaded ? null : html`<p class="waiting">Loading the past</p>`}</div>
      <div class="beside">
        <${Readout} market=${market} movement=${this.movement} hovered=${hovered} format=${desk.preferences.format} />
        <${Ends} market=${market} chain=${chain} format=${desk.preferences.format} />
      </div>
    </article>`;
  }
}

/** Opening and closing line of this market, where they are known. */
const marksOf = (chain, market) => chain.filter((item) => item.market === market.id).flatMap((item) => ["opening", "closing"]
  .filter((end) => (end === "opening" ? item.opening !== null : hasClosed(market, item.market, item.closing)))
  .flatMap((end) => item[end].market.x.filter(({ d }) => d !== null).map((selection) => ({
    at: Date.parse(item[end].at) / 1000,
    place: market.x.findIndex(({ id }) => id === selection.id),
    price: Number(selection.d),
    name: end === "opening" ? "open" : "close",
  }))).filter(({ place }) => place >= 0 && place < SERIES_MAX));
