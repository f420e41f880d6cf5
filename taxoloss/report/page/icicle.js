// The icicle beside the tree's table: what lies below a node, as high as it has rows, with the share that is right.
(() => {
"use strict";

const { data, format, make, tree } = report;
const { rows, right } = data.tree;
const DEPTH = 3;
const MOST = 400;
const HEIGHT = 440;
/** Cells lower than this are shown together as "and 12 more". */
const LOWEST = 3;

const share = (v) => (rows[v] > 0 ? right[v] / rows[v] : null);

/** The nodes up to DEPTH below `top` that are high enough to be seen, the largest where there are too many. */
function seen(top) {
  const least = Math.max(1, (rows[top] * LOWEST) / HEIGHT);
  const found = [];
  const walk = (v, depth) => {
    for (const child of tree.children(v)) {
      if (rows[child] < least) continue;
      found.push(child);
      if (depth + 1 < DEPTH) walk(child, depth + 1);
    }
  };
  walk(top, 0);
  // A node has at least the rows of each child and a smaller number: no child is kept without its parent.
  return new Set(found.sort((a, b) => rows[b] - rows[a] || a - b).slice(0, MOST - 1));
}

function tip(v) {
  return { Node: tree.text(v), Rows: format.count(rows[v]), Right: format.percent(share(v)),
    Wrong: format.count(data.tree.wrong[v]) };
}

/** What is not shown of a node's children, as one cell; nothing where all are shown. */
function rest(v, hidden, place) {
  const of = hidden.reduce((sum, child) => sum + rows[child], 0);
  if (of === 0) return null;
  const part = hidden.reduce((sum, child) => sum + right[child], 0) / of;
  const name = `and ${format.counted(hidden.filter((child) => rows[child] > 0).length, "more node")}`;
  return { ...place, node: v, name, share: part, chosen: false,
    tip: { Node: `${tree.text(v)}: ${name}`, Rows: format.count(of), Right: format.percent(part) } };
}

/** Cells with their places between 0 and 1: columns from left to right, rows downwards in tree order. */
function cells(top) {
  const kept = seen(top);
  const found = [];
  let columns = tree.isLeaf(top) ? 1 : 2;
  for (const v of kept) columns = Math.max(columns, 1 + tree.depth(v) - tree.depth(top));
  const put = (v, above, column) => {
    const place = (y, count) => ({ left: column / columns, right: (column + 1) / columns, top: y,
      bottom: y + (rows[top] > 0 ? count / rows[top] : 1) });
    found.push({ ...place(above, rows[v]), node: v, name: tree.called(v), share: share(v), tip: tip(v),
      chosen: v === report.chosen() });
    column += 1;
    let y = above;
    if (column >= columns) return;
    for (const child of tree.children(v)) {
      if (!kept.has(child)) continue;
      put(child, y, column);
      y += rows[child] / rows[top];
    }
    const hidden = tree.children(v).filter((child) => !kept.has(child));
    const more = rest(v, hidden, place(y, hidden.reduce((sum, child) => sum + rows[child], 0)));
    if (more !== null) found.push(more);
  };
  put(top, 0, 0);
  return found;
}

function colours() {
  return {
    low: (theme) => theme.bad,
    middle: (theme) => (theme.dark ? "#3a424c" : "#e9ebee"),
    high: (theme) => theme.good,
    paper: (theme) => theme.paper,
    edge: (theme) => theme.ink,
  };
}

/** The way up, as buttons, and the way down for readers who do not point. */
function ways(top, go) {
  const up = top > 0 ? [0, ...tree.line(top).slice(0, -1)] : [];
  const trail = make("span", { class: "icicle-trail" }, up.map((v) => {
    const button = make("button", { type: "button", class: "link", "aria-label": `Up to ${tree.name(v)}` },
      report.named(v));
    button.addEventListener("click", () => go(v));
    return [button, " / "];
  }).flat(), make("strong", {}, report.named(top)));
  const inner = tree.children(top).filter((v) => !tree.isLeaf(v) && rows[v] > 0).slice(0, 500);
  if (inner.length === 0) return [trail];
  const choice = make("select", { "aria-label": "Go down to a node" }, make("option", { value: "" }, "Go down to …"),
    inner.map((v) => make("option", { value: v }, tree.called(v))));
  choice.addEventListener("change", () => choice.value !== "" && go(Number(choice.value)));
  return [trail, choice];
}

function build(host) {
  let top = 0;
  let view = null;
  const bar = make("div", { class: "icicle-bar" });
  const plot = make("div", {});
  host.append(make("h3", {}, "Where the rows are, and how right"), bar, plot, make("p", { class: "note" },
    "A cell is as high as its node has rows; colour, number and the bar along its foot say how many are right. "
    + "Choose a cell to go deeper, the first column to go back."));
  const go = (v) => report.select(v);
  const dress = () => bar.replaceChildren(...ways(top, go));
  const draw = () => view && view.data("cells", cells(top)).runAsync();
  if (rows[0] === 0) {
    report.say(plot, "There are no rows to show.");
    return;
  }
  dress();
  report.onSelect((v) => {
    const next = tree.isLeaf(v) ? tree.parent(v) : v;
    if (next !== null && rows[next] > 0) top = next;
    dress();
    draw();
  });
  report.chart(plot, report.spec("icicle", { cells: () => cells(top) }, colours()), {
    name: "icicle",
    alt: "The tree as nested cells with the share of right answers; the table of the tree holds the same numbers",
    ready: (made) => {
      view = made;
      made.addEventListener("click", (_event, item) => {
        if (!item || !item.datum || item.datum.node === undefined) return;
        const { node } = item.datum;
        // The first column is where the reader stands: a click there leads up.
        go(node === top && item.datum.left === 0 && node > 0 ? tree.parent(node) : node);
      });
    },
  });
}

report.part("icicle", build);
})();
