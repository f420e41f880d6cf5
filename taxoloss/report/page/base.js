// What every part of the page shares: the document, the tree, formats, elements, sections, the chosen node.
(() => {
"use strict";

const data = JSON.parse(document.getElementById("document").textContent);
const NONE = "–";

// ---- pairs stand as small numbers: a truth as its step from the one before, an answer as its distance from its truth

let last = 0;
data.pairs.truth = data.pairs.truth_step.map((step) => (last += step));
data.pairs.answer = data.pairs.answer_from_truth.map((away, i) => data.pairs.truth[i] + away);

// ---- the tree: nodes are numbers in depth-first order, so what lies below a node is a contiguous range

const { name: names, parent: parents, level: levels } = data.tree;
const size = names.length;
const depths = new Int32Array(size);
const ends = new Int32Array(size);
const families = Array.from({ length: size }, () => []);
for (let v = 1; v < size; v += 1) {
  depths[v] = depths[parents[v]] + 1;
  families[parents[v]].push(v);
}
for (let v = size - 1; v >= 0; v -= 1) {
  ends[v] = Math.max(ends[v], v + 1);
  if (v > 0) ends[parents[v]] = Math.max(ends[parents[v]], ends[v]);
}

/** Of a node with several parents those beside its home. */
const beside = new Map();
for (const [v, parent] of data.tree.also_under) beside.set(v, [...(beside.get(v) || []), parent]);

const lines = new Map();

/** A node and all that is above it, by whichever parents; each is visited once, however many ways lead to it. */
function above(w) {
  if (!lines.has(w)) {
    const found = new Set();
    const wanted = [w];
    while (wanted.length > 0) {
      for (let node = wanted.pop(); node > 0 && !found.has(node); node = parents[node]) {
        found.add(node);
        wanted.push(...(beside.get(node) || []));
      }
    }
    lines.set(w, found);
  }
  return lines.get(w);
}

/** Whether `w` is `v` or below it, by whichever parents. */
function under(v, w) {
  if (v <= w && w < ends[v]) return true;
  return beside.size > 0 && above(w).has(v);
}

function ancestors(v) {
  const line = [];
  for (let node = v; node > 0; node = parents[node]) line.push(node);
  return line.reverse();
}

const described = data.tree.description || {};
const sameName = new Map();
for (const name of names) sameName.set(name, (sameName.get(name) || 0) + 1);

const tree = {
  size,
  /** The root has a name only where its file gives it one. */
  name: (v) => (v === 0 && blank(names[0]) ? "all classes" : names[v]),
  /** The name, or where nothing of it could be seen a word for that. */
  label: (v) => (blank(tree.name(v)) ? "(blank name)" : tree.name(v)),
  /** Whether another node has the name too. */
  shared: (v) => sameName.get(tree.name(v)) > 1,
  /** What the tree's file says of a node beside its name, which is often a code. */
  told: (v) => described[v] || "",
  /** The label, with what is told of the node. */
  called: (v) => {
    const parts = [tree.label(v), tree.shared(v) && v > 0 ? `in ${tree.label(parents[v])}` : "", tree.told(v)];
    return parts.filter((part) => part !== "").join(" · ");
  },
  parent: (v) => (v > 0 ? parents[v] : null),
  children: (v) => families[v],
  end: (v) => ends[v],
  depth: (v) => depths[v],
  level: (v) => (levels[v] > 0 ? data.taxonomy.levels[levels[v] - 1] || "" : ""),
  isLeaf: (v) => families[v].length === 0,
  /** The nodes from the first below the root down to `v`; none for the root. */
  line: ancestors,
  path: (v) => ancestors(v).map((node) => names[node]),
  text: (v) => (v > 0 ? ancestors(v).map((node) => names[node]).join(" / ") : tree.label(0)),
  /** Whether `w` is `v` or has its home below it. */
  holds: (v, w) => v <= w && w < ends[v],
  under,
  /** The parents of a node beside its home. */
  alsoUnder: (v) => beside.get(v) || [],
};

// ---- numbers as text

const formats = new Map();

function fixed(value, digits) {
  if (!formats.has(digits)) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    formats.set(digits, new Intl.NumberFormat("en-US", options));
  }
  const text = formats.get(digits).format(value).replace("-", "−");
  return /^−[0.,]*$/.test(text) ? text.slice(1) : text;
}

const missing = (value) => value === null || value === undefined || Number.isNaN(value);

const format = {
  none: NONE,
  count: (value) => (missing(value) ? NONE : fixed(value, 0)),
  /** Shares come rounded to float32, or as quotients of counts: those that are one number are to look so. */
  percent: (value, digits = 1) => (missing(value) ? NONE : `${fixed(100 * value + 1e-5 * Math.sign(value), digits)} %`),
  number: (value, digits = 3) => (missing(value) ? NONE : fixed(value, digits)),
  signed: (value, digits = 3) => {
    if (missing(value)) return NONE;
    const text = fixed(value, digits);
    return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
  },
  /** A difference of two shares, in percentage points. */
  points: (value, digits = 1) => format.signed(missing(value) ? null : 100 * value, digits),
  /** "1 row", "2 rows". */
  counted: (value, one, many = `${one}s`) => `${format.count(value)} ${value === 1 ? one : many}`,
};

// ---- elements: text reaches them only as text nodes

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** Nothing that can be seen: spaces, and characters without a shape. */
const blank = (text) => /^[\s\p{C}\p{Z}]*$/u.test(text);

/** A node's name, with its path as a tip; a name of which nothing can be seen says so. */
function named(v) {
  const kind = blank(tree.name(v)) ? "name blank" : "name";
  const where = tree.shared(v) && v > 0 ? `in ${tree.label(parents[v])}` : "";
  const told = [where, tree.told(v)].filter((part) => part !== "").join(" · ");
  return make("bdi", { class: kind, dir: "auto", title: told ? `${tree.text(v)} · ${told}` : tree.text(v) },
    tree.label(v), told ? make("span", { class: "told", dir: "auto" }, ` ${told}`) : null);
}

/** A node's name that chooses the node, and shows its panel. */
function link(v) {
  const button = make("button", { type: "button", class: "link" }, named(v));
  button.addEventListener("click", () => select(v, true));
  return button;
}

/** A row of choices of which one holds; `choose(value)` is told. */
function choices(label, options, value, choose) {
  const group = make("div", { class: "choices", role: "group", "aria-label": label });
  const buttons = options.map(([key, text]) => {
    const button = make("button", { type: "button", "aria-pressed": String(key === value) }, text);
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      choose(key);
    });
    return button;
  });
  group.append(make("span", { class: "choices-label" }, label), ...buttons);
  return group;
}

/** A sentence in place of what is not there. */
function say(host, sentence) {
  host.append(make("p", { class: "why-none" }, sentence));
}

// ---- boxes that scroll sideways fade where they are cut

const cut = new WeakMap();

/** Marks what is shown by where its box is cut. */
function look(box) {
  const left = Math.abs(box.scrollLeft);
  const shown = cut.get(box);
  shown.classList.toggle("cut-start", left > 1);
  shown.classList.toggle("cut-end", left + box.clientWidth < box.scrollWidth - 1);
}

const sizes = new ResizeObserver((seen) => {
  for (const { target } of seen) look(target);
});

/** Keeps a box that scrolls marked, or what is around it; where its content is drawn anew, call what is returned. */
function edges(box, shown = box) {
  cut.set(box, shown);
  box.addEventListener("scroll", () => look(box), { passive: true });
  sizes.observe(box);
  return () => look(box);
}

/** A small table of rows of texts and elements; columns: {title, number, hint}. */
function plainTable(columns, rows, caption) {
  const head = columns.map((column) =>
    make("th", { scope: "col", class: column.number ? "number" : null, title: column.hint }, column.title));
  const body = rows.map((row) => make("tr", {}, row.map((cell, index) => {
    const tag = index === 0 ? "th" : "td";
    const scope = index === 0 ? "row" : null;
    return make(tag, { scope, class: columns[index].number ? "number" : null }, cell);
  })));
  const box = make("div", { class: "scrolling" }, make("table", { class: "plain" },
    caption ? make("caption", {}, caption) : null,
    make("thead", {}, make("tr", {}, head)), make("tbody", {}, body)));
  edges(box);
  return box;
}

// ---- files that a reader saves

function save(name, content, type) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const anchor = make("a", { href: address, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** A text that a spreadsheet would compute, "=1+1", begins with an apostrophe; a number stays one. */
const formula = (value) => typeof value === "string" && /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value));

function csvCell(value) {
  if (missing(value)) return "";
  const text = formula(value) ? `'${value}` : String(value);
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/** Saves rows of values, numbers as they are, as `NAME.csv`. */
function saveCsv(name, titles, rows) {
  const lines = [titles, ...rows].map((row) => row.map(csvCell).join(","));
  save(`${name}.csv`, `\ufeff${lines.join("\r\n")}\r\n`, "text/csv;charset=utf-8");
}

// ---- sections: built when they come near the window

const sections = [];
const parts = new Map();

function section(id, title, build) {
  sections.push({ id, title, build, host: null, built: false });
}

/** Registers what another section has a place for: the icicle and the panel beside the tree's table. */
function part(id, build) {
  parts.set(id, build);
}

/** Builds a registered part in its place. */
function place(id, host) {
  host.id = id;
  if (parts.has(id)) parts.get(id)(host);
}

const printers = [];

/** Runs what was asked for before the page is printed. */
function printing() {
  for (const printer of printers) printer();
}

// ---- the chosen node

const listeners = [];
let chosen = null;

function select(v, show = false) {
  if (!(v >= 0 && v < size)) return;
  chosen = v;
  for (const listener of listeners) listener(v);
  if (!show) return;
  report.reveal("tree");
  const panel = document.getElementById("panel");
  if (panel) {
    panel.focus({ preventScroll: true });
    report.hold(panel, "nearest");
  }
}

const report = {
  data, tree, format, make, named, link, choices, say, edges, plainTable, save, saveCsv,
  sections, section, part, place, select, printing,
  beforePrint: (printer) => printers.push(printer),
  onSelect: (listener) => listeners.push(listener),
  chosen: () => chosen,
};
window.report = report;
})();
