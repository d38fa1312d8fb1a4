// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** The map: states as they are drawn, the point, the disc of its accuracy, and how much farther a border has to be. */
import { Component, createRef, html } from "../view.js";
import { M_PER_DEG, Projection } from "./projection.js";

const WIDTH = 62;
const CLOSEST = 0.01;
const STEP = 1.6;
/** A border that is farther need not be seen at once. */
const BORDER_M_MAX = 60_000;
const HOME = { lat: 38.5, lon: -96, width: WIDTH };

export class PlaceMap extends Component {
  state = { looking: HOME };
  svg = createRef();

  /** The point that was gone to is looked at as soon as it is judged. */ isGoing = true;

  componentWillReceiveProps({ spot, goTo, verdict }) {
    if (goTo !== this.props.goTo) this.isGoing = true;
    if (!this.isGoing || !spot || !verdict || verdict === this.props.verdict) return;
    this.isGoing = false;
    this.lookAt(spot, verdict);
  }

  /** So close that the disc and the nearest border are both seen. */
  lookAt({ lat, lon, accuracy_m }, verdict) {
    const m = Math.max((accuracy_m + (verdict?.buffer_m ?? 0)) * 6, Math.min(verdict?.border_m ?? 0, BORDER_M_MAX) * 2.8);
    this.setState({ looking: { lat, lon, width: m / M_PER_DEG } });
  }

  render({ borders, fine, spot, verdict }, { looking }) {
    const projection = new Projection(looking.lat);
    const [x, y] = projection.to(looking.lon, looking.lat);
    const { width } = looking;
    const height = width * 0.62;
    const unit = width / 700;
    const at = spot ? projection.to(spot.lon, spot.lat) : null;
    const held = verdict?.state;
    return html`<div class="map"><svg ref=${this.svg} viewBox=${`${x - width / 2} ${y - height / 2} ${width} ${height}`} preserveAspectRatio="xMidYMid slice" role="img"
        aria-label=${spot ? `Map at ${spot.lat}, ${spot.lon}${held ? ` in ${held}` : ""}` : "Map of the states"}
        onClick=${(event) => this.clicked(event, projection)} onWheel=${(event) => { event.preventDefault(); this.zoom(event.deltaY > 0 ? STEP : 1 / STEP); }}>
      ${borders.map(({ state, offered, rings }) => html`<path key=${state} class="state-shape" data-offered=${offered} data-held=${state === held} d=${projection.path(rings)} stroke-width=${unit}><title>${state}${offered ? "" : ", not offered"}</title></path>`)}
      ${fine ? html`<path class="border" d=${projection.path(fine)} stroke-width=${unit * 1.6} />` : null}
      ${at ? html`<g data-accepted=${verdict?.accepted}>
        ${verdict ? html`<circle class="buffer" cx=${at[0]} cy=${at[1]} r=${projection.length(spot.accuracy_m + verdict.buffer_m)} stroke-width=${unit} stroke-dasharray=${`${unit * 4} ${unit * 3}`} />` : null}
        <circle class="disc" cx=${at[0]} cy=${at[1]} r=${projection.length(spot.accuracy_m)} stroke-width=${unit} />
        <path class="cross" d=${`M${at[0] - unit * 9},${at[1]}h${unit * 18}M${at[0]},${at[1] - unit * 9}v${unit * 18}`} stroke-width=${unit * 1.5} />
        <circle class="point" cx=${at[0]} cy=${at[1]} r=${unit * 4} /></g>` : null}
    </svg>
    <p class="zoom"><button aria-label="Closer" onClick=${() => this.zoom(1 / STEP)}>+</button><button aria-label="Farther" onClick=${() => this.zoom(STEP)}>\u2212</button>
      <button onClick=${() => this.setState({ looking: HOME })}>All</button>${spot ? html`<button onClick=${() => this.lookAt(spot, verdict)}>Point</button>` : null}</p>
    <p class="scale">${scale(width)}</p></div>`;
  }

  zoom(by) {
    const { looking } = this.state;
    this.setState({ looking: { ...looking, width: Math.min(WIDTH * 2, Math.max(CLOSEST, looking.width * by)) } });
  }

  clicked({ clientX, clientY }, projection) {
    const svg = this.svg.current;
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
    this.props.onPick(projection.from(x, y));
  }
}

const scale = (width) => {
  const km = (width * M_PER_DEG) / 1000;
  return km > 20 ? `${Math.round(km)} km across` : `${km.toFixed(1)} km across`;
};
