// Section 2: the tree as a table that folds, with a search that unfolds to what it finds.
(() => {
"use strict";

const { data, format, make, tree } = report;
const columnsOf = data.tree;
const MOST_FOUND = 200;
const MOST_AT_FIRST = 60;

const share = (count, of) => (of > 0 ? count / of : null);

// ---- numbers of a node

/**
 * For each node the rows of its truth whose answer stays within its parent; null below the root, where all do, and
 * where pairs were folded above the node or left out, so that not all of its rows are known there.
 */
function withinParents() {
  const { truth, answer, count } = data.pairs;
  const stays = new Float64Array(tree.size);
  const known = new Float64Array(tree.size);
  for (let i = 0; i < truth.length; i += 1) {
    for (let v = truth[i]; v > 0; v = tree.parent(v)) {
      known[v] += count[i];
      if (tree.under(tree.parent(v), answer[i])) stays[v] += count[i];
    }
  }
  return Array.from(stays, (value, v) => (tree.depth(v) > 1 && known[v] === columnsOf.rows[v] ? value : null));
}

const stays = withinParents();

const accuracy = (v) => share(columnsOf.right[v], columnsOf.rows[v]);

const Z = 1.959964; // of a normal deviate: 95 % lie within it on both sides

/**
 * The ends of Wilson's 95 % interval of the accuracy, in words: the shares q with |p - q| <= z sqrt(q (1 - q) / n) are
 * those between the roots of (1 + z^2 / n) q^2 - (2 p + z^2 / n) q + p^2.
 */
function accuracyEnds(v) {
  const n = columnsOf.rows[v];
  if (n === 0) return format.none;
  const p = accuracy(v);
  const middle = (p + Z ** 2 / (2 * n)) / (1 + Z ** 2 / n);
  const half = (Z / (1 + Z ** 2 / n)) * Math.sqrt((p * (1 - p)) / n + Z ** 2 / (4 * n ** 2));
  return report.interval(Math.max(0, middle - half), Math.min(1, middle + half));
}

/** The stated probability less the share that is right, over the answers at the node or below it. */
function calibration(v) {
  const answers = columnsOf.answered[v];
  if (!columnsOf.stated || answers === 0) return null;
  return (columnsOf.stated[v] - columnsOf.answered_right[v]) / answers;
}

/** The child with the lowest accuracy; among equal ones that with the most rows. */
function worstChild(v) {
  let worst = null;
  for (const child of tree.children(v)) {
    if (columnsOf.rows[child] === 0) continue;
    const less = worst === null ? 1 : accuracy(worst) - accuracy(child);
    if (less > 0 || (less === 0 && columnsOf.rows[child] > columnsOf.rows[worst])) worst = child;
  }
  return worst;
}

/** The nodes that are unfolded at first: whole levels from the root down, while few rows stand. */
function atFirst() {
  const open = new Set();
  let level = [0];
  let rows = 1;
  while (level.length > 0) {
    const next = level.flatMap((v) => tree.children(v));
    rows += next.length;
    if (open.size > 0 && rows > MOST_AT_FIRST) break;
    level.forEach((v) => open.add(v));
    level = next.filter((v) => !tree.isLeaf(v));
  }
  return open;
}

const made = new Map();

/** What the table shows of a node; made when it is first shown. */
function rowOf(v) {
  if (!made.has(v)) {
    const worst = worstChild(v);
    made.set(v, {
      node: v,
      name: tree.called(v),
      level: tree.level(v),
      rows: columnsOf.rows[v],
      accuracy: accuracy(v),
      precision: share(columnsOf.answered_right[v], columnsOf.answered[v]),
      stays: stays[v] === null ? null : share(stays[v], columnsOf.rows[v]),
      calibration: calibration(v),
      // The signs around the name keep its direction to itself.
      worst: worst === null ? null : `\u2068${tree.called(worst)}\u2069 (${format.percent(accuracy(worst), 0)})`,
      parted: columnsOf.parted[v],
      wrong: columnsOf.wrong[v],
      path: tree.text(v),
    });
  }
  return made.get(v);
}

report.node = { accuracy, accuracyEnds, calibration, stays: (v) => rowOf(v).stays, row: rowOf };

/** Names are read first: they take two lines before they are cut. */
const NAME_WIDTH = 224;
const NAME_WIDTH_ON_PHONES = 150;

const COLUMNS = [
  { field: "name", title: "Name", grow: 5, minWidth: window.innerWidth < 640 ? NAME_WIDTH_ON_PHONES : NAME_WIDTH,
    frozen: true, wraps: "twice" },
  { field: "rows", title: "Rows", kind: "count", minWidth: 62,
    hint: "Rows whose truth is the node or below it" },
  { field: "accuracy", title: "Accuracy", kind: "percent", minWidth: 86,
    hint: "Of these rows, how many are answered right" },
  { field: "precision", title: "Precision", kind: "percent", minWidth: 86,
    hint: "Of the rows answered as the node or below it, how many are right" },
  { field: "parted", title: "Mistakes explained", kind: "count", minWidth: 100,
    hint: "Mistakes between its children: the truth lies in one, the answer in another. Summed over all nodes these "
      + "are all mistakes" },
  { field: "wrong", title: "Wrong", kind: "count", minWidth: 68,
    hint: "Wrong answers of all rows of the node" },
  { field: "stays", title: "Within parent", kind: "percent", minWidth: 84,
    hint: "Of these rows, how many answers stay within the node's parent" },
  { field: "calibration", title: "Surer than right, points", kind: "points", minWidth: 80,
    hint: "How much surer the model is than it is right, in percentage points: the mean stated probability of the "
      + "answers here less the share of them that is right. Above 0: too sure; below 0: not sure enough" },
  { field: "worst", title: "Worst child", grow: 3, minWidth: 106,
    hint: "The child with the lowest accuracy" },
];
/** Numbers are saved as they are: of a difference the share, not the points. */
const SAVED = [["path", "Path"], ["level", "Level"],
  ...COLUMNS.map((column) => [column.field, column.title.replace(", points", "")])];

// ---- search

const spelled = Array.from({ length: tree.size }, (_, v) => tree.called(v).toLowerCase());

/** The nodes whose name, or what is told of them, holds the words, the nearest to the root first, and how many there are in all. */
function find(words) {
  const found = [];
  let total = 0;
  for (let v = 0; v < tree.size; v += 1) {
    if (!spelled[v].includes(words)) continue;
    total += 1;
    if (found.length < MOST_FOUND) found.push(v);
  }
  return { found, total };
}

/** What stands on the lines to the nodes that were found, so that the table can unfold to them. */
function kept(found) {
  const nodes = new Set([0]);
  for (const v of found) for (const above of tree.line(v)) nodes.add(above);
  return nodes;
}

// ---- the table

function mark(element, chosen) {
  element.classList.toggle("chosen", chosen);
  element.setAttribute("aria-selected", String(chosen));
}

function foldable(host, bar, state) {
  const table = report.table(host, {
    name: "tree",
    label: "The tree",
    columns: COLUMNS,
    rows: [rowOf(0)],
    height: 560,
    filter: false,
    bar,
    sort: [{ field: "parted", dir: "desc" }],
    children: ({ node }) => {
      const below = tree.children(node);
      return (state.only === null ? below : below.filter((v) => state.only.has(v))).map(rowOf);
    },
    open: ({ node }) => state.open.has(node),
    onRow: ({ node }) => report.select(node),
    depth: ({ node }) => tree.depth(node),
    dress: (row, { node }) => {
      const element = row.getElement();
      element.dataset.node = node;
      if (tree.isLeaf(node)) row.getCell("accuracy").getElement().title = `95 %: ${accuracyEnds(node)}`;
      mark(element, node === report.chosen());
      element.classList.toggle("found", state.found.has(node));
      element.setAttribute("aria-level", tree.depth(node) + 1);
    },
    saved: () => ({
      titles: SAVED.map(([, title]) => title),
      rows: Array.from({ length: tree.size }, (_, v) => SAVED.map(([field]) => rowOf(v)[field])),
    }),
  });
  table.on("dataTreeRowExpanded", (row) => state.open.add(row.getData().raw.node));
  table.on("dataTreeRowCollapsed", (row) => state.open.delete(row.getData().raw.node));
  return table;
}

function show(table) {
  return table.setData([new table.View(rowOf(0))]);
}

/** Unfolds to a node, and brings its row into view. */
async function reach(table, state, v) {
  const line = tree.line(v);
  if (state.only !== null && !line.every((node) => state.only.has(node))) {
    state.only = null;
    state.found.clear();
  }
  for (const node of line.slice(0, -1)) state.open.add(node);
  await show(table);
  const row = table.getRows("display").find((one) => one.getData().raw.node === v);
  if (row) table.scrollToRow(row, "nearest", false).catch(() => {});
}

function search(bar, table, state) {
  const field = make("input", { type: "search", placeholder: "Find a name", "aria-label": "Find a name in the tree" });
  const status = make("span", { class: "note", role: "status" });
  const fold = make("button", { type: "button" }, "Fold all");
  bar.prepend(field, status, fold);
  field.addEventListener("input", () => {
    const words = field.value.trim().toLowerCase();
    const { found, total } = words ? find(words) : { found: [], total: 0 };
    state.only = words ? kept(found) : null;
    state.found = new Set(found);
    state.open = words ? new Set([0, ...found.flatMap((v) => tree.line(v).slice(0, -1))]) : atFirst();
    const cut = total > found.length ? `, the first ${MOST_FOUND} shown` : "";
    status.textContent = words ? `${format.count(total)} found${cut}` : "";
    show(table);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && state.found.size > 0) report.select([...state.found][0]);
  });
  fold.addEventListener("click", () => {
    state.open = new Set([0]);
    show(table);
  });
}

report.section("tree", "The tree", (host) => {
  host.append(make("p", { class: "note" }, "Sorted by the mistakes between a node's children: "
    + "where they top those of its siblings, the model loses its way there. Choose a row to see its own panel."));
  const state = { only: null, open: atFirst(), found: new Set() };
  const left = make("div", { class: "tree-table" });
  const icicle = make("div");
  const panel = make("div", { tabindex: "-1", role: "region", "aria-label": "The chosen node" });
  host.append(make("div", { class: "tree-beside" }, left, icicle), panel);
  const bar = make("div", { class: "toolbar" });
  const table = foldable(left, bar, state);
  search(bar, table, state);
  table.on("tableBuilt", () => {
    report.onSelect((v) => {
      for (const element of left.querySelectorAll(".tabulator-row")) {
        mark(element, Number(element.dataset.node) === v);
      }
      if (!left.querySelector(".tabulator-row.chosen")) reach(table, state, v);
    });
  });
  report.place("icicle", icicle);
  report.place("panel", panel);
});
})();
