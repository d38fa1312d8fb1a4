// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * What moves many times a second: elements that are written directly, once a frame, and only where their market changed.
 * Components make them and tell this registry; nothing here is rendered.
 *
 * @typedef {{ draw: (market: Record<string, any> | undefined) => void, tick?: (market: Record<string, any>) => void }} Drawn
 *   `draw`: the market as it is now, undefined where it is not held any more; `tick`: once a second, for ages
 */
import { line, milliOf, price } from "../odds.js";
import { Component, createRef, html } from "../view.js";

const FLASH_MS = 800;
const TICK_MS = 1_000;

export class Cells {
  /** @type {Map<string, Set<Drawn>>} */ #byMarket = new Map();
  /** Cells that flash, and until when: the oldest first. @type {Map<HTMLElement, number>} */ #flashing = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #ends;

  /** @param {import("../desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    const timer = setInterval(() => this.#tick(), TICK_MS);
    this.#ends = [
      desk.odds.follow((changes) => this.#draw(changes)),
      desk.frames.onDraw((now) => this.#calm(now)),
      desk.preferences.onChange(() => this.#drawAll()),
      () => clearInterval(timer),
    ];
  }

  close() { for (const end of this.#ends) end(); }

  /** @param {string} market @param {Drawn} drawn @returns {() => void} takes it back */
  add(market, drawn) {
    const known = this.#byMarket.get(market);
    if (known === undefined) this.#byMarket.set(market, new Set([drawn]));
    else known.add(drawn);
    drawn.draw(this.desk.odds.markets.get(market));
    return () => {
      const left = this.#byMarket.get(market);
      left?.delete(drawn);
      if (left?.size === 0) this.#byMarket.delete(market);
    };
  }

  /** Shows for a moment which way a price went. @param {HTMLElement} element @param {"up" | "down"} way */
  flash(element, way) {
    element.dataset.move = way;
    this.#flashing.delete(element);
    this.#flashing.set(element, performance.now() + FLASH_MS);
    this.#calmLater(FLASH_MS);
  }

  #draw(changes) {
    if (changes.all) return this.#drawAll();
    const { markets } = this.desk.odds;
    for (const id of changes.markets) {
      const drawn = this.#byMarket.get(id);
      if (drawn !== undefined) for (const one of drawn) one.draw(markets.get(id));
    }
  }

  #drawAll() {
    const { markets } = this.desk.odds;
    for (const [id, drawn] of this.#byMarket) for (const one of drawn) one.draw(markets.get(id));
  }

  #calm(now) {
    for (const [element, until] of this.#flashing) {
      if (until > now) {
        this.#calmLater(until - now);
        return;
      }
      delete element.dataset.move;
      this.#flashing.delete(element);
    }
  }

  #calmLater(ms) {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.desk.frames.ask();
    }, ms);
  }

  #tick() {
    const { markets } = this.desk.odds;
    for (const [id, drawn] of this.#byMarket) {
      const market = markets.get(id);
      if (market !== undefined) for (const one of drawn) one.tick?.(market);
    }
  }
}

/** Something that is drawn for one market. Its properties are for life: give it a key. */
export class OfMarket extends Component {
  element = createRef();

  componentDidMount() { this.end = this.props.cells.add(this.props.market, this); }

  componentWillUnmount() { this.end(); }

  shouldComponentUpdate() { return false; }
}

/**
 * The price of a selection, as a button: `onPick` is what a click does. `lined`: its line stands before the price.
 * Which way it moved shows in `data-move`, whether it may be bet in `data-st`.
 */
export class PriceCell extends OfMarket {
  milli = null;
  shown = null;
  st = null;
  place = 0;

  draw(market) {
    const element = this.element.current;
    const selection = market === undefined ? undefined : this.selectionOf(market);
    const st = selection === undefined ? "closed" : this.statusOf(market, selection);
    if (st !== this.st) element.dataset.st = this.st = st;
    if (selection === undefined) return;
    const { cells } = this.props;
    const text = price(selection, cells.desk.preferences.format);
    if (text === this.shown) return;
    this.text ??= element.lastElementChild.appendChild(new Text());
    this.text.data = this.shown = text;
    const milli = selection.d === null ? null : milliOf(selection.d);
    if (this.milli !== null && milli !== null && milli !== this.milli) cells.flash(element, milli > this.milli ? "up" : "down");
    this.milli = milli;
  }

  selectionOf(market) {
    const { selection } = this.props;
    if (market.x[this.place]?.id !== selection) this.place = market.x.findIndex(({ id }) => id === selection);
    return market.x[this.place];
  }

  statusOf(market, selection) {
    const st = this.props.cells.desk.odds.status(market);
    return st === "open" && selection.st !== undefined && selection.st !== "open" ? selection.st : st;
  }

  render({ market, selection, cells, column, name, lined }) {
    const held = cells.desk.odds.markets.get(market)?.x.find(({ id }) => id === selection);
    const shownLine = lined ? line(held?.line, held?.side) : "";
    return html`<button class="px" ref=${this.element} data-market=${market} data-selection=${selection} data-col=${column} tabindex="-1">
      <span class="vh">${name}</span>${lined ? html`<span class="ln">${shownLine}</span>` : null}<b></b></button>`;
  }
}

/** Status of a market, its reason in the title. */
export class StatusCell extends OfMarket {
  draw(market) {
    const element = this.element.current;
    const st = market === undefined ? "closed" : this.props.cells.desk.odds.status(market);
    if (st === this.st && market?.reason === this.reason) return;
    this.st = st;
    this.reason = market?.reason;
    const isSilent = market !== undefined && st !== market.st;
    element.dataset.st = st;
    element.textContent = isSilent ? "no feed" : st;
    element.title = isSilent ? "Its source is silent: it counts as suspended" : (market?.reason ?? st).replaceAll("_", " ");
  }

  render() { return html`<span class="badge" ref=${this.element}></span>`; }
}
