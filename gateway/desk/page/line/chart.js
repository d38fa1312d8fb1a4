// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** The chart: prices as steps, suspensions shaded, handovers and opening and closing line marked; zoom by dragging. */
import uPlot from "../vendor/uplot.js";
import { priceAt } from "../odds.js";

const HEIGHT_MIN = 240;
/** Where prices lie this many times apart, the axis is logarithmic. */
const WIDE = 8;
/** At least so much time is shown, seconds, unless looked at closer. */
const LEAST_S = 60;
export const SERIES_MAX = 8;

/** @typedef {{ at: number, place: number, price: number, name: string }} Mark */

export class Chart {
  /** @type {uPlot | null} */ #plot = null;
  #isZoomed = false;
  #isWide = false;

  /**
   * @param {HTMLElement} place
   * @param {{ names: string[], format: () => string, onHover: (at: number | null) => void, onZoom: (isZoomed: boolean) => void }} options
   */
  constructor(place, options) {
    this.place = place;
    this.options = options;
    /** @type {{ suspensions: { from: number, to: number }[], handovers: { at: number, src: string }[], marks: Mark[] }} */
    this.beside = { suspensions: [], handovers: [], marks: [] };
    this.observer = new ResizeObserver(() => this.#plot?.setSize(this.#size()));
    this.observer.observe(place);
  }

  /** Draws these columns. @param {(number | null)[][]} columns @param {typeof this.beside} beside */
  draw(columns, beside) {
    this.beside = beside;
    const isWide = spread(columns) > WIDE;
    if (this.#plot === null || isWide !== this.#isWide) this.#make(columns, isWide);
    else this.#plot.setData(columns, !this.#isZoomed);
    if (this.#isZoomed) this.#plot.redraw();
  }

  /** Colours and words anew: the theme or the format is another one. */
  restyle() {
    if (this.#plot === null) return;
    const { data } = this.#plot;
    this.#make(data, this.#isWide);
  }

  /** @param {number} factor below 1 looks closer */
  zoom(factor) { this.#move((from, to) => { const half = ((to - from) * factor) / 2; const at = (from + to) / 2; return [at - half, at + half]; }); }

  /** @param {number} share of what is shown */
  pan(share) { this.#move((from, to) => [from + (to - from) * share, to + (to - from) * share]); }

  reset() {
    this.#setZoomed(false);
    this.#plot?.setData(this.#plot.data, true);
  }

  close() {
    this.observer.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  #move(change) {
    if (this.#plot === null) return;
    const { min, max } = this.#plot.scales.x;
    const [from, to] = change(min, max);
    this.#setZoomed(true);
    this.#plot.setScale("x", { min: from, max: to });
  }

  #setZoomed(isZoomed) {
    if (isZoomed === this.#isZoomed) return;
    this.#isZoomed = isZoomed;
    this.options.onZoom(isZoomed);
  }

  #size() { return { width: this.place.clientWidth, height: Math.max(HEIGHT_MIN, this.place.clientHeight) }; }

  #make(columns, isWide) {
    const before = this.#plot?.scales.x;
    this.#plot?.destroy();
    this.#isWide = isWide;
    this.#plot = new uPlot(this.#describe(isWide), columns, this.place);
    if (this.#isZoomed && before) this.#plot.setScale("x", { min: before.min, max: before.max });
  }

  #describe(isWide) {
    const colour = (name) => getComputedStyle(this.place).getPropertyValue(name).trim();
    const axis = { stroke: resolved(this.place, "--quiet"), grid: { stroke: resolved(this.place, "--edge"), width: 1 }, ticks: { show: false }, font: `12px ${colour("font-family") || "system-ui"}` };
    const stepped = uPlot.paths.stepped({ align: 1 });
    return {
      ...this.#size(),
      legend: { show: false },
      padding: [14, 26, 0, 0],
      scales: { x: { time: true, range: (_, min, max) => (this.#isZoomed ? [min, max] : [Math.min(min, max - LEAST_S), max]) }, y: isWide ? { distr: 3, log: 10, range: (_, __, max) => [1, max * 1.2] } : { distr: 1 } },
      axes: [{ ...axis, values: TIMES }, { ...axis, size: 64, values: (_, splits) => splits.map((value) => (value === null ? "" : priceAt(value, this.options.format()))) }],
      series: [{}, ...this.options.names.map((name, place) => ({
        label: name, paths: stepped, stroke: resolved(this.place, `--series-${place + 1}`), width: 2, points: { show: false },
        dash: place % 2 ? [6, 3] : undefined, spanGaps: false,
      }))],
      cursor: { drag: { x: true, y: false }, points: { size: 7 } },
      hooks: {
        drawClear: [(plot) => this.#shade(plot)],
        draw: [(plot) => this.#mark(plot)],
        setCursor: [(plot) => this.options.onHover(plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : null)],
        setSelect: [(plot) => { if (plot.select.width > 0) this.#setZoomed(true); }],
        ready: [(plot) => plot.over.addEventListener("dblclick", () => this.reset())],
      },
    };
  }

  #shade(plot) {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    ctx.save();
    ctx.fillStyle = resolved(this.place, "--warn-ground");
    for (const { from, to } of this.beside.suspensions) {
      const [x0, x1] = [from, to].map((at) => Math.min(left + width, Math.max(left, plot.valToPos(at, "x", true))));
      ctx.fillRect(x0, top, Math.max(1, x1 - x0), height);
    }
    ctx.restore();
  }

  #mark(plot) {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const isInside = (x) => x >= left && x <= left + width;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * scale}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.strokeStyle = ctx.fillStyle = resolved(this.place, "--quiet");
    ctx.setLineDash([2 * scale, 4 * scale]);
    for (const { at, src } of this.beside.handovers) {
      const x = plot.valToPos(at, "x", true);
      if (!isInside(x)) continue;
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      ctx.fillText(src, x + 4 * scale, top + 12 * scale);
    }
    ctx.setLineDash([]);
    for (const { at, place, price, name } of this.beside.marks) {
      const [x, y] = [plot.valToPos(at, "x", true), plot.valToPos(price, "y", true)];
      if (!isInside(x) || y < top || y > top + height) continue;
      ctx.fillStyle = resolved(this.place, `--series-${place + 1}`);
      ctx.beginPath();
      ctx.arc(x, y, 4 * scale, 0, 2 * Math.PI);
      ctx.fill();
      ctx.fillText(name, x + 6 * scale, y - 6 * scale);
    }
    ctx.restore();
  }
}

const TIMES = (_, splits, __, ___, step) => splits.map((at) => new Date(at * 1000).toLocaleTimeString([], step < 60
  ? { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }
  : step < 86_400 ? { hour: "2-digit", minute: "2-digit", hour12: false } : { weekday: "short", hour: "2-digit", hour12: false }));

/** How many times the lowest price the highest is. */
const spread = (columns) => {
  let [least, most] = [Infinity, 0];
  for (const column of columns.slice(1)) for (const value of column) if (value !== null) [least, most] = [Math.min(least, value), Math.max(most, value)];
  return most / least;
};

/** A token as a colour that a canvas understands: light-dark() is the page's, not the canvas'. */
const resolved = (place, name) => {
  const probe = place.ownerDocument.createElement("i");
  probe.hidden = true;
  probe.style.setProperty("color", `var(${name})`);
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
};
