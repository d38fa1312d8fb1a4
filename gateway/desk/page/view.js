// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * What every view is made with: preact's components, and `html`, which writes elements as templates:
 *
 *     class Greeting extends Component {
 *       render({ name }) { return html`<p class="quiet">Good evening, ${name}.</p>`; }
 *     }
 *
 * No style attribute in a template: the page's policy forbids it. Numbers that move many times a second are not
 * rendered; they are written into their elements once a frame (board/cells.js).
 */
import htm from "./vendor/htm.js";
import { Component, Fragment, createRef, h, render } from "./vendor/preact.js";

export const html = htm.bind(h);
export { Component, Fragment, createRef, render };
