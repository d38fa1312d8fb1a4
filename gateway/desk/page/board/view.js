// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/**
 * The live board. Its path is a topic: nothing for all events, `football`, `football.nfl`, an event, or futures:
 * `:future`, `football.nfl:future`. Of every sport the main lines are followed, of an open event everything.
 */
import { useKeys } from "../keys.js";
import { address } from "../router.js";
import { Component, createRef, html } from "../view.js";
import { Cells } from "./cells.js";
import { EventBoard } from "./event.js";
import { Futures } from "./futures.js";
import { Inspector } from "./inspector.js";
import { Overview } from "./overview.js";
import { Rows } from "./row.js";
import { Tree } from "./tree.js";

export default class Board extends Component {
  state = { picked: null, liveOnly: false, tree: false };
  place = createRef();

  constructor(props) {
    super(props);
    this.cells = new Cells(props.desk);
    this.rows = new Rows(props.desk.odds);
    this.follow(props);
  }

  componentDidMount() {
    const { desk } = this.props;
    this.ends = [
      desk.odds.onChange(() => this.follow(this.props)),
      useKeys([
        { key: "v", words: "Only live events", act: () => this.setState({ liveOnly: !this.state.liveOnly }) },
        { key: "l", words: "Line movement of the picked market", act: () => this.openLine() },
        ...["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight"].map((key) => ({ key, words: "Move over the board", act: () => this.move(key) })),
      ]),
    ];
  }

  componentWillReceiveProps(props) { this.follow(props); }

  componentWillUnmount() {
    for (const end of [...this.ends, this.letGo]) end();
    this.cells.close();
    this.rows.close();
  }

  /** Wants the topics of this path, and lets go of those before. */
  follow({ desk, path }) {
    const [scope, cls] = path.split(":");
    const topics = desk.odds.sports.flatMap((sport) => (cls === "future" ? [`${sport}:main`, `${sport}:future`] : [`${sport}:main`]));
    if (isEvent(scope)) topics.push(scope);
    const wanted = topics.join();
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    const before = this.letGo;
    this.letGo = desk.odds.want(topics);
    before?.();
  }

  render({ desk, path }, { picked, liveOnly, tree }) {
    const [scope, cls] = path.split(":");
    const shared = { desk, scope, cells: this.cells, rows: this.rows };
    return html`<div class="desk-board" data-tree=${tree} data-picked=${picked !== null}>
      <${Tree} desk=${desk} path=${path} />
      <section class="place" ref=${this.place} onClick=${(event) => this.clicked(event)} aria-label="Board">
        <div class="tools">
          <button class="tree-button" aria-expanded=${tree} onClick=${() => this.setState({ tree: !tree })}>Events</button>
          ${isEvent(scope) || cls ? null : html`<label><input type="checkbox" checked=${liveOnly} onChange=${({ target }) => this.setState({ liveOnly: target.checked })} /> Live only</label>`}
          ${scope && !cls && !isEvent(scope) ? html`<a href=${address("board", `${scope.split(".").slice(0, 2).join(".")}:future`)}>Futures</a>` : null}
        </div>
        ${cls === "future" ? html`<${Futures} ...${shared} />`
          : isEvent(scope) ? html`<${EventBoard} key=${scope} ...${shared} event=${scope.split(".")[2]} />`
          : html`<${Overview} ...${shared} liveOnly=${liveOnly} />`}
      </section>
      ${picked === null ? null : html`<${Inspector} desk=${desk} market=${picked} onClose=${() => this.pick(null)}
        acts=${(market) => html`<a href=${address("controls", `${market.topic}.${market.id}`)}>Suspend, price, limit</a>`} />`}
    </div>`;
  }

  clicked(event) {
    const cell = event.target.closest(".px");
    if (cell !== null) this.pick(cell);
    if (event.target.closest("a")) this.setState({ tree: false });
  }

  pick(cell) {
    this.pickedCell?.removeAttribute("aria-pressed");
    this.pickedCell = cell;
    cell?.setAttribute("aria-pressed", "true");
    this.setState({ picked: cell?.dataset.market ?? null });
  }

  openLine() {
    const id = document.activeElement?.dataset.market ?? this.state.picked;
    if (id) this.props.desk.router.go(address("line", id));
  }

  /** Up and down within a column of prices, left and right within a row of them. */
  move(key) {
    const place = this.place.current;
    const from = document.activeElement;
    const all = [...place.querySelectorAll("[data-col]")];
    if (!all.includes(from)) return all[0]?.focus();
    const isAcross = key === "ArrowLeft" || key === "ArrowRight";
    const row = from.closest(".row, .line, .field");
    const among = isAcross ? [...(row ?? place).querySelectorAll("[data-col]")] : all.filter(({ dataset }) => dataset.col === from.dataset.col);
    const step = key === "ArrowDown" || key === "ArrowRight" ? 1 : -1;
    const next = among[among.indexOf(from) + step];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }
}

const isEvent = (scope) => scope.split(".").length === 3;
