// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * Every view, in the order of the menu. Adding one is one line here: address, menu and key follow it.
 *
 * A view's module has a component as its default export. It is given `desk` (desk.js: api, odds, preferences, router,
 * session) and `path`, what follows its address: `football.nfl` of `/desk/board/football.nfl`. It is mounted when its
 * address is opened and unmounted when another is; a new `path` is only a new property. `isOpen`: odds alone, so whoever
 * may have those may see it; of every other view somebody has to be signed in.
 *
 * @typedef {{ name: string, title: string, key: string, isOpen?: boolean, load: () => Promise<{ default: any }> }} View
 */

/** @type {View[]} */
export const VIEWS = [
  { name: "board", title: "Board", key: "1", isOpen: true, load: () => import("./board/view.js") },
  { name: "line", title: "Line", key: "2", isOpen: true, load: () => import("./line/view.js") },
  { name: "controls", title: "Controls", key: "3", load: () => import("./controls/view.js") },
  { name: "results", title: "Results", key: "4", load: () => import("./results/view.js") },
  { name: "operations", title: "Operations", key: "5", load: () => import("./operations/view.js") },
  { name: "location", title: "Location", key: "6", load: () => import("./location/view.js") },
];
