// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * How long a stage took, over time: a column of STEP_MS each, a row for each bucket, the darker the more. Drawn on a
 * canvas; a table beside it says the same in numbers.
 */
import { clock } from "../odds.js";
import { Component, createRef, html } from "../view.js";

export const COLUMNS = 300;
const ROW = 9;
const AXIS = 58;
const LEGEND = 16;
const TOP = 4;

/** @typedef {{ at_ms: number, counts: number[] }} Column */

export class Heat extends Component {
  canvas = createRef();
  state = { hovered: null };

  componentDidMount() {
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.canvas.current);
    this.end = this.props.desk.preferences.onChange(() => requestAnimationFrame(() => this.draw()));
    this.draw();
  }

  componentDidUpdate() { this.draw(); }

  componentWillUnmount() {
    this.observer.disconnect();
    this.end();
  }

  render({ title, says, columns, bounds }, { hovered }) {
    const last = columns.at(-1);
    const shown = hovered ?? last;
    const quick = summary(columns.slice(-30), bounds);
    return html`<figure class="heat"><figcaption><b>${title}</b> <span class="quiet">${says}</span>
        <span class="reading">${hovered ? clock(hovered.at_ms) : "last minute"} <b>p50 ${hovered ? summary([shown], bounds).p50 : quick.p50}</b> <b>p99 ${hovered ? summary([shown], bounds).p99 : quick.p99}</b></span></figcaption>
      <canvas ref=${this.canvas} height=${TOP + (bounds.length + 1) * ROW + LEGEND} role="img" aria-label=${`${title}: p50 ${quick.p50}, p99 ${quick.p99} of the last minute`}
        onMouseMove=${(event) => this.hover(event)} onMouseLeave=${() => this.setState({ hovered: null })}></canvas></figure>`;
  }

  hover({ offsetX }) {
    const width = this.canvas.current.clientWidth - AXIS;
    const place = Math.floor(((offsetX - AXIS) / width) * COLUMNS);
    const at = this.from + place * this.props.stepMs;
    const hovered = this.props.columns.find(({ at_ms }) => at_ms >= at && at_ms < at + this.props.stepMs) ?? null;
    if (hovered !== this.state.hovered) this.setState({ hovered });
  }

  get from() {
    const now = this.props.now;
    return Math.floor(now / this.props.stepMs) * this.props.stepMs - (COLUMNS - 1) * this.props.stepMs;
  }

  draw() {
    const canvas = this.canvas.current;
    const { columns, bounds, stepMs } = this.props;
    const rows = bounds.length + 1;
    const width = canvas.clientWidth;
    const ratio = devicePixelRatio;
    if (width === 0) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round((TOP + rows * ROW + LEGEND) * ratio);
    const style = getComputedStyle(canvas);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.translate(0, TOP);
    pen.font = `10px ${style.fontFamily}`;
    pen.fillStyle = style.color;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    bounds.forEach((bound, row) => { if (row % 2 === 0) pen.fillText(`${label(bound)}`, AXIS - 8, (rows - row - 1) * ROW + ROW / 2); });
    pen.fillText(`> ${label(bounds.at(-1))}`, AXIS - 8, ROW / 2);
    const cell = (width - AXIS) / COLUMNS;
    const from = this.from;
    pen.fillStyle = style.columnRuleColor; // colours of the theme, in properties that are computed (operations.css)
    pen.fillRect(AXIS, 0, width - AXIS, rows * ROW);
    for (const { at_ms, counts } of columns) {
      const place = Math.round((at_ms - from) / stepMs);
      if (place < 0 || place >= COLUMNS) continue;
      const total = counts.reduce((sum, count) => sum + count, 0);
      counts.forEach((count, row) => {
        if (count === 0) return;
        const isLate = bounds[row - 1] >= LATE_MS;
        pen.globalAlpha = 0.25 + 0.75 * Math.sqrt(count / total);
        pen.fillStyle = isLate ? style.textDecorationColor : style.outlineColor;
        pen.fillRect(AXIS + place * cell, (rows - row - 1) * ROW, Math.max(1, cell), ROW - 1);
      });
    }
    pen.globalAlpha = 1;
    pen.fillStyle = style.color;
    pen.textAlign = "left";
    for (const minutes of [10, 8, 6, 4, 2]) pen.fillText(`${minutes} min ago`, AXIS + (1 - (minutes * 60_000) / (COLUMNS * stepMs)) * (width - AXIS), rows * ROW + LEGEND / 2);
    pen.textAlign = "right";
    pen.fillText("now", width - 2, rows * ROW + LEGEND / 2);
  }
}

/** From here on the 200 ms that are promised are gone. */
const LATE_MS = 200;

const label = (ms) => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`);

/** Quantiles of some columns, as the bucket that they are in. @param {Column[]} columns @param {number[]} bounds */
export const summary = (columns, bounds) => {
  const sums = bounds.map(() => 0).concat(0);
  for (const { counts } of columns) counts.forEach((count, row) => { sums[row] += count; });
  const total = sums.reduce((sum, count) => sum + count, 0);
  const at = (share) => {
    if (total === 0) return "\u2013";
    let seen = 0;
    const row = sums.findIndex((count) => { seen += count; return seen >= total * share; });
    return row < bounds.length ? `\u2264 ${label(bounds[row])}` : `> ${label(bounds.at(-1))}`;
  };
  return { p50: at(0.5), p99: at(0.99), total };
};
