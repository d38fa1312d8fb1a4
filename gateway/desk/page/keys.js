// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * The keyboard: single keys, told by whoever has something to do by them, the newest first. They rest while something is
 * being typed or a dialog is open.
 *
 * @typedef {{ key: string, words: string, act: (event: KeyboardEvent) => void }} Key  `key` as KeyboardEvent.key has it
 */

/** @type {Set<Key[]>} */
const told = new Set();

/** @param {Key[]} keys @returns {() => void} takes them back */
export const useKeys = (keys) => {
  told.add(keys);
  return () => told.delete(keys);
};

/** What can be done by a key just now. @returns {Key[]} */
export const keysOfNow = () => [...told].flat();

const isTyping = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]") !== null || (isTyping(event.target) && event.key !== "Escape")) return;
  const found = [...told].reverse().flat().find(({ key }) => key === event.key);
  if (found === undefined) return;
  event.preventDefault();
  found.act(event);
});
