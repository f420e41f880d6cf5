// Section 3, confusion in tree order: branches fold on both sides, and never more than 40 rows stand at once.
(() => {
"use strict";

const { data, format, make, tree } = report;
const { truth, answer, count } = data.pairs;
const MOST = 40;
const LEAST = 20; // of the children of the branch that was unfolded last

// ---- what stands on both sides: folded branches, classes, and what is left of an unfolded branch

/** How much happens at a node: rows of its truth and answers of it. */
const weight = (v) => data.tree.rows[v] + data.tree.answered[v];

/** The unfolded branches that still stand, each below unfolded ones only; the root always does. */
function standing(open) {
  const stands = new Set([0]);
  for (const v of [...open].sort((a, b) => a - b)) {
    if (v > 0 && !tree.isLeaf(v) && stands.has(tree.parent(v))) stands.add(v);
  }
  return stands;
}

/** The folded nodes below unfolded ones. */
function folded(open) {
  const nodes = [];
  for (const v of open) for (const child of tree.children(v)) if (!open.has(child)) nodes.push(child);
  return nodes;
}

/** Each unfolded branch can have a row of its own for what is left. */
const height = (open) => folded(open).length + open.size;

/** Of the folded nodes those that are left out, so that at most MOST rows stand: the least happens at them. */
function leftOut(open, last) {
  const nodes = folded(open);
  const rank = (v) => (tree.parent(v) === last ? 1 : 0);
  const by = (a, b) => weight(a) - weight(b) || b - a;
  const out = new Set();
  const own = nodes.filter((v) => rank(v) === 1).sort(by);
  const foreign = nodes.filter((v) => rank(v) === 0).sort(by);
  let over = nodes.length + open.size - MOST;
  const drop = (list, keep) => {
    for (let i = 0; over > 0 && i < list.length - keep; i += 1, over -= 1) out.add(list[i]);
  };
  drop(own, LEAST);
  drop(foreign, 0);
  drop(own, 0);
  return out;
}

/** The items of both sides in tree order: {node, rest, inside: the unfolded branches around it}. */
function layout(open, last) {
  const out = leftOut(open, last);
  const items = [];
  const where = new Int32Array(tree.size).fill(-1);
  const walk = (v, inside) => {
    const hidden = [];
    for (const child of tree.children(v)) {
      if (open.has(child)) walk(child, [...inside, child]);
      else if (out.has(child)) hidden.push(child);
      else {
        where.fill(items.length, child, tree.end(child));
        items.push({ node: child, rest: false, inside });
      }
    }
    where[v] = items.length;
    for (const child of hidden) where.fill(items.length, child, tree.end(child));
    items.push({ node: v, rest: true, inside, hidden: hidden.length });
  };
  walk(0, []);
  return { items, where };
}

/** Counts of each row and column; what is left of a branch stands only where something is. */
function counted(open, last) {
  const { items, where } = layout(open, last);
  const size = items.length;
  const all = new Float64Array(size * size);
  const right = new Float64Array(size);
  const used = new Uint8Array(size);
  for (let i = 0; i < truth.length; i += 1) {
    const row = where[truth[i]];
    const column = where[answer[i]];
    all[row * size + column] += count[i];
    if (row === column && tree.holds(truth[i], answer[i])) right[row] += count[i];
    used[row] = used[column] = 1;
  }
  const keep = [];
  items.forEach((item, index) => { if (!item.rest || used[index]) keep.push(index); });
  return {
    items: keep.map((index) => items[index]),
    right: keep.map((index) => right[index]),
    cells: keep.map((row) => keep.map((column) => all[row * size + column])),
  };
}

/** The branches that are unfolded at first: whole levels from the root down, as many as fit. */
function atFirst() {
  const open = new Set([0]);
  let level = [0];
  while (level.length > 0) {
    const next = level.flatMap((v) => tree.children(v).filter((child) => !tree.isLeaf(child)));
    const trial = new Set([...open, ...next]);
    if (next.length === 0 || height(trial) > MOST) break;
    next.forEach((v) => open.add(v));
    level = next;
  }
  return open;
}

// ---- state

const state = { open: null, opened: [0], last: 0, by: "row", at: [0, 0], view: null };

/** Unfolds a branch; where too many rows would stand, branches that were unfolded earlier fold again. */
function unfold(v) {
  if (tree.isLeaf(v)) return;
  for (const above of [...tree.line(v)]) {
    if (tree.isLeaf(above)) continue;
    state.open.add(above);
    state.opened = [...state.opened.filter((one) => one !== above), above];
  }
  state.last = v;
  state.open = standing(state.open);
  for (const old of state.opened) {
    if (height(state.open) <= MOST) break;
    if (old === 0 || tree.holds(old, v)) continue;
    state.open.delete(old);
    state.open = standing(state.open);
  }
  state.opened = state.opened.filter((one) => state.open.has(one));
}

function fold(v) {
  if (v === 0) return;
  state.open.delete(v);
  state.open = standing(state.open);
  state.opened = state.opened.filter((one) => state.open.has(one));
  state.last = tree.parent(v);
}

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
    focus.addEventListener("click", () => redraw(() => unfold(item.node), item.node, side));
    tag.append(focus);
  }
  tag.title = item.rest ? `${words(item)}: what is answered or meant at ${tree.name(item.node)} itself`
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
  button.addEventListener("click", () => redraw(() => fold(node), node, side));
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
        line.append(border(cell, view, index, "column"));
      }
    } else {
      view.items.forEach((item, index) => line.append(border(head(item, index, "column"), view, index, "column")));
    }
    if (depth === 0) {
      line.append(make("th", { class: "head head-column total", rowspan: deepest + 1, scope: "col" },
        make("span", { class: "head-text" }, "rows")));
    }
    lines.push(line);
  }
  return make("thead", {}, lines);
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

function cell(view, r, c) {
  const text = shown(view, r, c);
  const element = make("td", { role: "gridcell", class: r === c ? "cell diagonal" : "cell" }, text);
  if (text !== "") {
    // Shares are small where there are many columns: their square root keeps the small ones visible.
    const heat = Math.round(100 * Math.sqrt(shareOf(view, r, c)));
    element.style.setProperty("--heat", `${heat}%`);
    if (heat > 62) element.classList.add("hot");
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
      line.append(border(element, view, r, "row"));
    }
    line.append(border(head(item, r, "row"), view, r, "row"));
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

function draw() {
  const view = counted(state.open, state.last);
  view.sums = sums(view);
  view.most = Math.max(1, ...view.cells.flat());
  state.view = view;
  places.clear();
  const deepest = Math.max(0, ...view.items.map((item) => item.inside.length));
  const table = make("table", { role: "grid", class: "matrix", "aria-label":
    `Confusion in tree order: ${view.items.length} rows of the truth, as many columns of answers`,
    "aria-rowcount": view.items.length + deepest + 2, "aria-colcount": view.items.length + deepest + 2 });
  table.append(heads(view, deepest), body(view, deepest));
  stage.box.replaceChildren(table);
  const [r, c] = state.at;
  const first = places.get(`${r},${c}`) || places.get("0,0");
  if (first) first.tabIndex = 0;
}

/** Draws again after a change, and keeps the keyboard where it was. */
function redraw(change, node, side) {
  const held = stage.box.contains(document.activeElement);
  change();
  draw();
  if (node === undefined) return;
  const item = state.view.items.findIndex((one) => tree.holds(node, one.node));
  if (item >= 0) go(...(side === "row" ? [item, -1] : [-1, item]), held);
  stage.live.textContent = `${tree.name(node)} is ${state.open.has(node) ? "unfolded" : "folded"}: `
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
  for (let i = 0; i < MOST + 20; i += 1) {
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
    if (cell) go(...cell);
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
  const by = report.choices("Shares of", [["row", "row"], ["column", "column"], ["none", "none: counts"]], state.by,
    (value) => {
      state.by = value;
      draw();
    });
  const less = make("button", { type: "button" }, "Fold all");
  less.addEventListener("click", () => redraw(() => {
    Object.assign(state, { open: new Set([0]), opened: [0], last: 0 });
  }));
  const csv = make("button", { type: "button", "aria-label": "Download CSV: confusion" }, "Download CSV");
  csv.addEventListener("click", save);
  return make("div", { class: "toolbar" }, by, less, csv);
}

/** Unfolds down to a node, and goes there. */
report.confuse = (v) => {
  report.reveal("confusion", true);
  redraw(() => unfold(tree.isLeaf(v) ? tree.parent(v) : v));
  const item = state.view.items.findIndex((one) => !one.rest && tree.holds(v, one.node));
  if (item >= 0) go(item, -1);
};

report.section("confusion", "Confusion in tree order", (host) => {
  if (truth.length === 0) {
    report.say(host, "No row was scored, so nothing is confused with anything.");
    return;
  }
  state.open = atFirst();
  state.opened = [...state.open];
  stage = { box: make("div", { class: "matrix-box" }),
    live: make("p", { class: "note matrix-live", "aria-live": "polite" }, "Choose a cell for its numbers.") };
  host.append(make("p", { class: "note" }, "Rows are the truth, columns the answers, both in the order of the tree. "
    + "▸ unfolds a branch, ▾ and ◂ fold it. On the diagonal, blue: answers that stay in their branch; off it, orange: "
    + "answers that leave it."), toolbar(), stage.box, stage.live);
  if (data.pairs.folded > 0) {
    host.append(make("p", { class: "note" }, `${format.counted(data.pairs.folded, "row")} of the rarest pairs are `
      + "counted at nodes above theirs: they stand in (other)."));
  }
  listen(stage.box);
  draw();
});
})();
