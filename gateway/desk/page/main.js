// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Where the page begins. */
import { Shell } from "./shell.js";
import { Desk } from "./desk.js";
import { html, render } from "./view.js";

const desk = new Desk();
const place = document.getElementById("desk");
place.replaceChildren();
render(html`<${Shell} desk=${desk} />`, place);
desk.start();
