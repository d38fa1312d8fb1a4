// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** The map in the plane: longitudes are shrunk by the cosine of one latitude, so a disc stays round where it is looked at. Pure. */

/** Of latitude. */
export const M_PER_DEG = 111_195;

/** @typedef {{ lat: number, lon: number, width: number }} Looking  its middle, and its width in degrees of latitude */

export class Projection {
  /** @param {number} lat at which it is true */
  constructor(lat) { this.shrink = Math.cos((lat * Math.PI) / 180); }

  /** @param {number} lon @param {number} lat @returns {[number, number]} */
  to(lon, lat) { return [lon * this.shrink, -lat]; }

  /** @param {number} x @param {number} y */
  from(x, y) { return { lon: x / this.shrink, lat: -y }; }

  /** Metres as units of the map. @param {number} m */
  length(m) { return m / M_PER_DEG; }

  /** Rings as the path of an SVG. @param {[number, number][][]} rings */
  path(rings) {
    return rings.map((ring) => `M${ring.map(([lon, lat]) => this.to(lon, lat).map((value) => value.toFixed(4)).join(",")).join("L")}Z`).join("");
  }
}
