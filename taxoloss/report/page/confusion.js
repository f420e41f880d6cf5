// Section 3, confusion in tree order: branches fold on both sides, and never more than 40 rows stand at once.
(() => {
"use strict";

const { data, format, make, tree } = report;

// ---- state

const state = { folds: null, by: "row", at: [0, 0], view: null };

// ---- words

const rest = (item) => (item.node > 0 ? `${tree.text(item.node)} / (other)` : "(other)");
const words = (item) => (item.rest ? rest(item) : tree.text(item.node));
const sum = (values) => values.reduce((total, value) => total + value, 0);

function sums(view) {
  const rows = view.cells.map(sum);
  const columns = view.items.map((_, column) => sum(view.cells.map((row) => row[column])));
  return { rows, columns, all: sum(rows) };
}

function shareOf(view, r, c) {
  const value = view.cells[r][c];
  const whole = { row: view.sums.rows[r], column: view.sums.columns[c], none: view.most }[state.by];
  return whole > 0 ? value / whole : 0;
}

function short(value) {
  if (value < 10000) return String(value);
  return value < 999500 ? `${Math.round(value / 1000)}k` : `${(value / 1e6).toFixed(1)}M`;
}

/** What a cell shows: its count, or whole hundredths of its row or column; never 0 or 100 where it is neither. */
function shown(view, r, c) {
  const value = view.cells[r][c];
  if (value === 0) return "";
  if (state.by === "none") return short(value);
  const hundredths = 100 * shareOf(view, r, c);
  if (hundredths < 1) return "<1";
  return hundredths > 99 && hundredths < 100 ? "99" : String(Math.round(hundredths));
}

function lines(view, r, c) {
  const value = view.cells[r][c];
  const [row, column] = [view.items[r], view.items[c]];
  const said = [
    `truth: ${words(row)}`,
    `answer: ${words(column)}`,
    `${format.counted(value, "row")}: ${format.percent(view.sums.rows[r] ? value / view.sums.rows[r] : null)} of `
      + `the truth's, ${format.percent(view.sums.columns[c] ? value / view.sums.columns[c] : null)} of the answer's`,
  ];
  if (r === c && !(tree.isLeaf(row.node) && !row.rest)) said.push(`${format.count(view.right[r])} of them right`);
  return said;
}

// ---- drawing

const places = new Map(); // "row,column" -> element; -1 are the heads, below it the branches around them

function place(r, c, element) {
  places.set(`${r},${c}`, element);
  if (element.dataset.r !== undefined) return;
  element.dataset.r = r;
  element.dataset.c = c;
  element.tabIndex = -1;
}

function head(item, index, side) {
  const tag = make("th", { scope: side === "row" ? "row" : "col", class: `head head-${side}${item.rest ? " rest" : ""}`,
    role: side === "row" ? "rowheader" : "columnheader" });
  const name = item.rest ? "(other)" : null;
  const text = make("span", { class: "head-text" }, name || report.named(item.node));
  const [r, c] = side === "row" ? [index, -1] : [-1, index];
  let focus = tag;
  if (item.rest || tree.isLeaf(item.node)) tag.append(text);
  else {
    focus = make("button", { type: "button", "aria-expanded": "false", "data-node": item.node },
      make("span", { class: "fold", "aria-hidden": "true" }, "▸"), text);
    focus.addEventListener("click", () => redraw(() => state.folds.unfold(item.node), item.node, side));
    tag.append(focus);
  }
  tag.title = item.rest ? `${words(item)}: what is answered or meant at ${tree.label(item.node)} itself`
    + `${item.hidden ? `, and ${format.counted(item.hidden, "node")} with few rows` : ""}` : words(item);
  place(r, c, focus);
  return tag;
}

/** The unfolded branches around a run of items, at a depth: [first, how many, node]. */
function runs(items, depth) {
  const found = [];
  items.forEach((item, index) => {
    const node = item.inside.length > depth ? item.inside[depth] : null;
    const before = found[found.length - 1];
    if (before && before[2] === node && node !== null) before[1] += 1;
    else found.push([index, 1, node]);
  });
  return found;
}

function strip(node, span, side) {
  const cell = make("th", { class: `strip-${side}`, [side === "row" ? "rowspan" : "colspan"]: span,
    scope: side === "row" ? "rowgroup" : "colgroup" });
  if (node === null) return [cell, cell];
  const button = make("button", { type: "button", "aria-expanded": "true", "data-node": node, title: tree.text(node) },
    make("span", { class: "fold", "aria-hidden": "true" }, side === "row" ? "◂" : "▾"),
    make("span", { class: "head-text" }, report.named(node)));
  button.addEventListener("click", () => redraw(() => state.folds.fold(node), node, side));
  cell.append(button);
  return [cell, button];
}

function put(element, index, count, depth, side) {
  for (let i = index; i < index + count; i += 1) {
    if (side === "row") place(i, -2 - depth, element);
    else place(-2 - depth, i, element);
  }
}

function heads(view, deepest) {
  const corner = make("td", { class: "corner", colspan: deepest + 1, rowspan: deepest + 1 },
    make("span", {}, "truth ↓"), make("span", {}, "answer →"));
  const lines = [];
  for (let depth = 0; depth <= deepest; depth += 1) {
    const line = make("tr", {}, depth === 0 ? corner : null);
    if (depth < deepest) {
      for (const [index, span, node] of runs(view.items, depth)) {
        const [cell, focus] = strip(node, span, "column");
        if (node !== null) put(focus, index, span, deepest - 1 - depth, "column");
        line.append(border(pinned(cell, depth), view, index, "column"));
      }
    } else {
      view.items.forEach((item, index) =>
        line.append(border(pinned(head(item, index, "column"), depth), view, index, "column")));
    }
    if (depth === 0) {
      line.append(make("th", { class: "head head-column total", rowspan: deepest + 1, scope: "col" },
        make("span", { class: "head-text" }, "rows")));
    }
    lines.push(line);
  }
  return make("thead", {}, lines);
}

/** Heads stay in view while cells scroll; each behind `place` strips of branches. */
function pinned(element, place) {
  element.style.setProperty("--place", place);
  return element;
}

/** A line where another branch begins: thicker the nearer to the root it parts. */
function border(element, view, index, side) {
  if (index === 0) return element;
  const [a, b] = [view.items[index - 1], view.items[index]];
  let same = 0;
  while (same < a.inside.length && same < b.inside.length && a.inside[same] === b.inside[same]) same += 1;
  if (same < a.inside.length || same < b.inside.length) element.classList.add(`part-${side}`);
  if (same === 0 && (a.inside.length || b.inside.length)) element.classList.add(`part-${side}-top`);
  return element;
}

/** "(other)" holds labels and answers at a branch itself: with what is below the branch they may be right. */
function open(view, r, c) {
  const [truth, answer] = [view.items[r], view.items[c]];
  const within = (rest, item) => rest.rest && r !== c && tree.holds(rest.node, item.node);
  return within(truth, answer) || within(answer, truth) ? " open" : "";
}

function cell(view, r, c) {
  const text = shown(view, r, c);
  const element = make("td", { role: "gridcell", class: `cell${r === c ? " diagonal" : ""}${open(view, r, c)}` }, text);
  if (text !== "") {
    // Shares are small where there are many columns: their square root keeps the small ones visible.
    const heat = Math.round(100 * Math.sqrt(shareOf(view, r, c)));
    element.style.setProperty("--heat", `${heat}%`);
  }
  place(r, c, element);
  return element;
}

function body(view, deepest) {
  const begins = new Map();
  for (let depth = 0; depth < deepest; depth += 1) {
    for (const [index, span, node] of runs(view.items, depth)) begins.set(`${index},${depth}`, [span, node]);
  }
  const lines = view.items.map((item, r) => {
    const line = make("tr", {});
    for (let depth = 0; depth < deepest; depth += 1) {
      if (!begins.has(`${r},${depth}`)) continue;
      const [span, node] = begins.get(`${r},${depth}`);
      const [element, focus] = strip(node, span, "row");
      if (node !== null) put(focus, r, span, deepest - 1 - depth, "row");
      line.append(border(pinned(element, depth), view, r, "row"));
    }
    line.append(border(pinned(head(item, r, "row"), deepest), view, r, "row"));
    view.items.forEach((_, c) => line.append(border(border(cell(view, r, c), view, r, "row"), view, c, "column")));
    line.append(border(make("td", { class: "total" }, format.count(view.sums.rows[r])), view, r, "row"));
    return line;
  });
  const foot = make("tr", { class: "totals" },
    make("th", { class: "head head-row total", colspan: deepest + 1, scope: "row" }, "answers"),
    view.sums.columns.map((value) => make("td", { class: "total" }, make("span", {}, short(value)))),
    make("td", { class: "total" }, format.count(view.sums.all)));
  return make("tbody", {}, lines, foot);
}

let stage = null;

// ---- the samples of a cell

const MOST_SAMPLES = 12;

/** The place of each node's row and column: its own, that of a folded branch above it, or what is left of an open one. */
function finder(items) {
  const own = new Map();
  const rests = new Map();
  items.forEach((item, index) => (item.rest ? rests : own).set(item.node, index));
  return (v) => {
    for (let node = v; ; node = tree.parent(node)) {
      if (own.has(node)) return own.get(node);
      if (state.folds.open.has(node)) return rests.get(node);
    }
  };
}

const called = (item) => (item.rest ? make("span", {}, report.link(item.node), " (other)") : report.link(item.node));

/** Below the matrix: both nodes of a cell, and those of its rows that stand in the page. */
function detail(r, c) {
  const { items, cells } = state.view;
  const { truth, answer } = data.samples;
  const at = finder(items);
  const found = Array.from(truth.keys()).filter((i) => at(truth[i]) === r && at(answer[i]) === c);
  const all = cells[r][c];
  stage.detail.replaceChildren(make("h4", {}, "Truth ", called(items[r]), ", answer ", called(items[c])),
    make("p", {}, `${lines(state.view, r, c).slice(2).join("; ")}.`));
  if (all === 0) return;
  if (found.length === 0) report.say(stage.detail, `None of its rows was chosen to stand in this page. ${report.chosenRows}`);
  else report.cards(stage.detail, found.slice(0, MOST_SAMPLES), Math.max(all, found.length));
}

// ---- the matrix in its box

function draw() {
  const view = state.folds.counted();
  view.sums = sums(view);
  view.most = Math.max(1, ...view.cells.flat());
  state.view = view;
  places.clear();
  const deepest = Math.max(0, ...view.items.map((item) => item.inside.length));
  const table = make("table", { role: "grid", class: view.items.length > 28 ? "matrix dense" : "matrix", "aria-label":
    `Confusion in tree order: ${view.items.length} rows of the truth, as many columns of answers`,
    "aria-rowcount": view.items.length + deepest + 2, "aria-colcount": view.items.length + deepest + 2 });
  table.append(heads(view, deepest), body(view, deepest));
  stage.box.replaceChildren(table);
  stage.look();
  const [r, c] = state.at;
  const first = places.get(`${r},${c}`) || places.get("0,0");
  if (first) first.tabIndex = 0;
}

/** Draws again after a change, and keeps the keyboard where it was. */
function redraw(change, node, side) {
  const held = stage.box.contains(document.activeElement);
  change();
  draw();
  stage.detail.replaceChildren();
  if (node === undefined) return;
  const item = state.view.items.findIndex((one) => tree.holds(node, one.node));
  if (item >= 0) go(...(side === "row" ? [item, -1] : [-1, item]), held);
  stage.live.textContent = `${tree.label(node)} is ${state.folds.open.has(node) ? "unfolded" : "folded"}: `
    + `${state.view.items.length} rows and columns.`;
}

function go(r, c, focus = true) {
  const element = places.get(`${r},${c}`);
  if (!element) return false;
  for (const other of places.values()) other.tabIndex = -1;
  element.tabIndex = 0;
  state.at = [r, c];
  if (focus) element.focus();
  return true;
}

// ---- what the reader does

function step(dr, dc) {
  let [r, c] = state.at;
  const from = places.get(`${r},${c}`);
  // An unfolded branch spans several places: step until another element stands there.
  for (let i = 0; i < places.size; i += 1) {
    [r, c] = [r + dr, c + dc];
    const element = places.get(`${r},${c}`);
    if (!element) return;
    if (element !== from) {
      go(r, c);
      return;
    }
  }
}

const KEYS = {
  ArrowRight: () => step(0, 1),
  ArrowLeft: () => step(0, -1),
  ArrowDown: () => step(1, 0),
  ArrowUp: () => step(-1, 0),
  Home: () => go(state.at[0], state.at[0] < 0 ? 0 : -1),
  End: () => go(state.at[0], state.view.items.length - 1),
};

/** The row and column of the cell at or around an element; null outside of cells. */
function cellAt(element) {
  const found = element instanceof Element ? element.closest("td.cell") : null;
  return found ? [Number(found.dataset.r), Number(found.dataset.c)] : null;
}

function listen(box) {
  box.addEventListener("keydown", (event) => {
    const chosen = event.key === "Enter" || event.key === " " ? cellAt(event.target) : null;
    if (chosen) {
      event.preventDefault();
      detail(...chosen);
    }
    if (!Object.hasOwn(KEYS, event.key)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  box.addEventListener("focusin", ({ target }) => {
    if (target.dataset.r === undefined) return;
    const at = state.at;
    if (places.get(`${at[0]},${at[1]}`) !== target) go(Number(target.dataset.r), Number(target.dataset.c), false);
    const cell = cellAt(target);
    if (cell) stage.live.textContent = lines(state.view, ...cell).join("; ");
  });
  box.addEventListener("click", ({ target }) => {
    const cell = cellAt(target);
    if (!cell) return;
    go(...cell);
    detail(...cell);
  });
  box.addEventListener("mousemove", (event) => {
    const cell = cellAt(event.target);
    report.tip(event, cell ? lines(state.view, ...cell) : null);
  });
  box.addEventListener("mouseleave", (event) => report.tip(event, null));
}

function save() {
  const { items, cells } = state.view;
  report.saveCsv("confusion", ["truth \\ answer", ...items.map(words)],
    items.map((item, r) => [words(item), ...cells[r]]));
}

function toolbar() {
  const by = report.choices("Normalise by", [["row", "row"], ["column", "column"], ["none", "none"]], state.by,
    (value) => {
      state.by = value;
      draw();
    });
  const less = make("button", { type: "button" }, "Fold all");
  less.addEventListener("click", () => redraw(() => state.folds.foldAll()));
  const csv = make("button", { type: "button", "aria-label": "Download CSV: confusion" }, "Download CSV");
  csv.addEventListener("click", save);
  return make("div", { class: "toolbar" }, by, less, csv);
}

/** Brings the row and the column of an item to the middle of the box, whose heads stay in view. */
function centre(item) {
  const { box } = stage;
  const frame = box.getBoundingClientRect();
  const row = places.get(`${item},-1`).getBoundingClientRect();
  const column = places.get(`-1,${item}`).getBoundingClientRect();
  box.scrollTop += row.top - frame.top - frame.height / 2;
  box.scrollLeft += column.left - frame.left - frame.width / 2;
}

/** Unfolds down to a node, and goes there. */
report.confuse = (v) => {
  report.reveal("confusion");
  if (stage === null) return;
  redraw(() => state.folds.unfold(tree.isLeaf(v) ? tree.parent(v) : v));
  const item = state.view.items.findIndex((one) => !one.rest && tree.holds(v, one.node));
  if (item >= 0) {
    go(item, -1, false);
    places.get(`${item},-1`).focus({ preventScroll: true });
    centre(item);
  }
  report.hold(stage.box);
};

report.section("confusion", "Confusion in tree order", (host) => {
  if (data.pairs.truth.length === 0) {
    report.say(host, "No row was scored, so nothing is confused with anything.");
    return;
  }
  state.folds = new report.Folds();
  stage = { box: make("div", { class: "matrix-box" }),
    live: make("p", { class: "note matrix-live", "aria-live": "polite" }, "Choose a cell for its numbers and samples."),
    detail: make("div", { id: "cell", class: "detail", role: "region", "aria-label": "The chosen cell" }) };
  stage.look = report.edges(stage.box);
  host.append(make("p", { class: "note" }, "Rows are the truth, columns the answers, both in the order of the tree. "
    + "▸ unfolds a branch, ▾ and ◂ fold it. On the diagonal, blue: answers that stay in their branch; off it, orange: "
    + "answers that leave it. Grey: labels or answers that stop at the branch itself, in “(other)”, which say less "
    + "and may be right."), toolbar(), stage.box, stage.live, stage.detail);
  if (data.pairs.folded > 0) {
    host.append(make("p", { class: "note" }, `${format.counted(data.pairs.folded, "row")} of the rarest pairs are `
      + "counted at nodes above theirs: they stand in (other)."));
  }
  if (data.pairs.left_out > 0) {
    host.append(make("p", { class: "note" }, `${format.counted(data.pairs.left_out, "row")} of the rarest pairs are `
      + "left out, to keep this page small."));
  }
  listen(stage.box);
  draw();
});
})();
