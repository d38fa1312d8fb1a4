// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** Sports, their leagues, their events: a tree for the keyboard, and a search that takes its place while it has words. */
import { useKeys } from "../keys.js";
import { words } from "../odds.js";
import { address } from "../router.js";
import { Component, createRef, html } from "../view.js";
import { search } from "./search.js";

const EVERY_MS = 500;

export class Tree extends Component {
  state = { open: new Set(), asked: "" };
  input = createRef();
  list = createRef();
  waits = false;
  count = 0;

  componentDidMount() {
    const { desk } = this.props;
    this.ends = [
      desk.odds.follow(({ events, all }) => { if (all || events.size) this.later(); }),
      useKeys([
        { key: "/", words: "Search", act: () => this.input.current.focus() },
        { key: "Escape", words: "Leave the search, or go up", act: () => this.leave() },
      ]),
    ];
  }

  componentWillUnmount() {
    clearTimeout(this.timer);
    for (const end of this.ends) end();
  }

  /** Scores come all the time; a tree that is half a second old is good enough, an empty one is not. */
  later() {
    if (this.waits) return;
    if (this.count === 0) return this.forceUpdate();
    this.waits = true;
    this.timer = setTimeout(() => { this.waits = false; this.forceUpdate(); }, EVERY_MS);
  }

  render({ desk, path }, { asked }) {
    return html`<nav class="tree panel" aria-label="Events">
      <input type="search" ref=${this.input} value=${asked} placeholder="Search (/)" aria-label="Search events, teams and leagues"
        onInput=${({ target }) => this.setState({ asked: target.value })} onKeyDown=${(event) => this.typed(event)} />
      ${asked.trim() ? this.found(desk, asked) : this.tree(desk, path)}
    </nav>`;
  }

  found(desk, asked) {
    const { hits, more } = search(desk.odds.events.values(), asked);
    return html`<ul class="hits" ref=${this.list} onKeyDown=${(event) => this.moved(event)} aria-label="Found">
      ${hits.map(({ topic, title, note }) => html`<li key=${topic}><a href=${address("board", topic)} onClick=${() => this.setState({ asked: "" })}>${title}<span>${note}</span></a></li>`)}
      ${hits.length === 0 ? html`<li class="quiet">Nothing by these words.</li>` : more ? html`<li class="quiet">${more} more</li>` : null}
    </ul>`;
  }

  tree(desk, path) {
    const nodes = this.nodes(desk, path);
    const active = nodes.some((node) => node.path === path) ? path : "";
    return html`<ul role="tree" aria-label="Sports, leagues, events" ref=${this.list} onKeyDown=${(event) => this.moved(event)}>
      ${nodes.map((node) => html`<li role="none" key=${node.path}><a role="treeitem" href=${address("board", node.path)} data-level=${node.level}
        aria-level=${node.level} aria-expanded=${node.isOpen} aria-selected=${node.path === path} aria-current=${node.path === path ? "page" : undefined}
        tabindex=${node.path === active ? 0 : -1} data-path=${node.path}
        onClick=${() => node.isOpen !== undefined && this.toggle(node.path, node.path === path ? !node.isOpen : true)}>
        <span class="twist" aria-hidden="true">${node.isOpen === undefined ? "" : node.isOpen ? "\u25be" : "\u25b8"}</span><span class="name">${node.title}</span>
        ${node.note ? html`<span class="note" data-live=${node.isLive}>${node.note}</span>` : null}</a></li>`)}
    </ul>`;
  }

  nodes(desk, path) {
    const leagues = byLeague(desk.odds.events.values());
    const sports = Map.groupBy(leagues.keys(), (league) => league.split(".")[0]);
    const all = [...leagues.values()].flat();
    this.count = all.length;
    const nodes = [{ path: "", title: "All events", level: 1, ...(all.length ? counted(all) : {}) }, { path: ":future", title: "Futures", level: 1 }];
    for (const [sport, those] of [...sports].sort()) {
      const isOpen = this.isOpen(sport, path);
      nodes.push({ path: sport, title: words(sport), level: 1, isOpen, ...counted(those.flatMap((league) => leagues.get(league))) });
      if (!isOpen) continue;
      for (const league of those.sort()) {
        const events = leagues.get(league);
        const isLeagueOpen = this.isOpen(league, path);
        nodes.push({ path: league, title: words(league.split(".")[1]), level: 2, isOpen: isLeagueOpen, ...counted(events) });
        if (!isLeagueOpen) continue;
        for (const event of events.sort(byTime)) nodes.push({ path: event.topic, title: event.name, level: 3, ...told(event) });
      }
    }
    return nodes;
  }

  /** What leads to where one is, is open unless it was closed. */
  isOpen(topic, path) {
    const { open } = this.state;
    return open.has(topic) || (!open.has(`-${topic}`) && `${path}.`.startsWith(`${topic}.`));
  }

  toggle(topic, isOpen) {
    const open = new Set(this.state.open);
    open.delete(isOpen ? `-${topic}` : topic);
    open.add(isOpen ? topic : `-${topic}`);
    this.setState({ open });
  }

  typed(event) {
    if (event.key === "ArrowDown") this.focus(0);
    else if (event.key === "Enter") {
      this.list.current?.querySelector("a")?.click();
      event.target.blur();
    } else return;
    event.preventDefault();
  }

  moved(event) {
    const items = [...this.list.current.querySelectorAll("a")];
    const place = items.indexOf(document.activeElement);
    const item = items[place];
    const isOpen = item?.getAttribute("aria-expanded");
    switch (event.key) {
      case "ArrowDown": this.focus(place + 1); break;
      case "ArrowUp": if (place > 0) this.focus(place - 1); else this.input.current.focus(); break;
      case "Home": this.focus(0); break;
      case "End": this.focus(items.length - 1); break;
      case "ArrowRight": if (isOpen === "false") this.toggle(item.dataset.path, true); else this.focus(place + 1); break;
      case "ArrowLeft":
        if (isOpen === "true") this.toggle(item.dataset.path, false);
        else this.focus(items.slice(0, place).findLastIndex((other) => other.dataset.level < item.dataset.level));
        break;
      default: return;
    }
    event.preventDefault();
  }

  focus(place) { this.list.current?.querySelectorAll("a")[place]?.focus(); }

  leave() {
    if (this.state.asked || document.activeElement === this.input.current) {
      this.setState({ asked: "" });
      this.input.current.blur();
      return;
    }
    const { desk, path } = this.props;
    desk.router.go(address("board", path.includes(":") ? "" : path.split(".").slice(0, -1).join(".")));
  }
}

const byLeague = (events) => Map.groupBy([...events].filter(({ kind, state }) => kind !== "outright" && state !== "ended"),
  ({ topic }) => topic.split(".").slice(0, 2).join("."));

const byTime = (a, b) => (a.state === b.state ? a.start.localeCompare(b.start) : a.state === "live" ? -1 : 1);

const counted = (events) => {
  const live = events.filter(({ state }) => state === "live").length;
  return { note: live ? `${live} live` : String(events.length), isLive: live > 0 };
};

const told = (event) => event.state === "live"
  ? { note: event.score ? `${event.score.home}:${event.score.away}` : "live", isLive: true }
  : { note: new Date(event.start).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false }) };
