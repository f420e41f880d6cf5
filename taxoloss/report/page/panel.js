// A node's own panel: its numbers, what it is taken for, what is taken for it, and its worst mistakes with pictures.
(() => {
"use strict";

const { data, format, make, link, tree } = report;
const columnsOf = data.tree;
const MOST_ROWS = 8;
const MOST_PICTURES = 12;

// ---- pairs, found by their truth and by their answer

const pairs = data.pairs;

/** Where each node's pairs begin, once pairs are ordered by a column. */
function starts(order, column) {
  const first = new Int32Array(tree.size + 1).fill(order.length);
  for (let i = order.length - 1; i >= 0; i -= 1) first[column[order[i]]] = i;
  for (let v = tree.size - 1; v >= 0; v -= 1) if (first[v] > first[v + 1]) first[v] = first[v + 1];
  return first;
}

function ordered(column) {
  const order = Int32Array.from(column.keys()).sort((a, b) => column[a] - column[b]);
  const first = starts(order, column);
  return (v) => order.subarray(first[v], first[tree.end(v)]);
}

let index = null;

/** The pairs whose truth, or whose answer, is a node or below it. */
function indexed() {
  if (index === null) index = { truth: ordered(pairs.truth), answer: ordered(pairs.answer) };
  return index;
}

/** Counts by the other node of the pairs of `v` that lead out of it, the largest first. */
function others(v, from, to) {
  const counts = new Map();
  for (const i of indexed()[from](v)) {
    const other = pairs[to][i];
    if (tree.under(v, other) || tree.under(other, v)) continue;
    counts.set(other, (counts.get(other) || 0) + pairs.count[i]);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

// ---- the panel's parts

function crumbs(v) {
  const line = v > 0 ? [0, ...tree.line(v).slice(0, -1)] : [];
  const also = tree.alsoUnder(v);
  return make("p", { class: "crumbs" }, line.map((above) => [link(above), " / "]).flat(),
    also.length > 0 ? " also below " : null, also.map((above) => [link(above), " "]).flat());
}

function fact(term, value, hint) {
  return make("div", { title: hint }, make("dt", {}, term), make("dd", {}, value));
}

function numbers(v) {
  const rows = columnsOf.rows[v];
  return make("dl", { class: "tiles" },
    fact("rows", format.count(rows), "Rows whose truth is this node or below it"),
    fact("right", format.percent(report.node.accuracy(v)), `${format.count(columnsOf.right[v])} rows`),
    tree.isLeaf(v) ? fact("right, 95 % interval", report.node.accuracyEnds(v),
      "Wilson's interval, for rows that are independent") : null,
    fact("wrong", format.count(columnsOf.wrong[v]), "Wrong answers of these rows"),
    fact("stays here", format.percent(rows > 0 ? columnsOf.within[v] / rows : null),
      "Of these rows, answers that are this node or below it"),
    tree.depth(v) > 1 ? fact("stays in the parent", format.percent(report.node.stays(v)),
      "Of these rows, answers within the node's parent") : null,
    fact("answered", format.count(columnsOf.answered[v]), "Answers that are this node or below it"),
    fact("precision", format.percent(report.node.row(v).precision), "Of these answers, how many are right"),
    fact("surer than right, points", format.points(report.node.calibration(v)),
      "Mean stated probability less the share that is right, in percentage points; above 0: too sure"),
    tree.isLeaf(v) ? null : fact("mistakes between its children", format.count(columnsOf.parted[v]),
      "Wrong answers in another child of this node than the truth"));
}

function list(title, none, counts, whole, of) {
  const part = make("div", {}, make("h4", {}, title));
  if (counts.length === 0) {
    report.say(part, none);
    return part;
  }
  const columns = [{ title: "Node" }, { title: "Rows", number: true }, { title: of, number: true }];
  part.append(report.plainTable(columns, counts.slice(0, MOST_ROWS).map(([other, count]) =>
    [link(other), format.count(count), format.percent(whole > 0 ? count / whole : null)])));
  const rest = counts.slice(MOST_ROWS).reduce((sum, [, count]) => sum + count, 0);
  if (rest > 0) {
    const more = format.counted(counts.length - MOST_ROWS, "more node");
    part.append(make("p", { class: "note" }, `and ${format.counted(rest, "row")} of ${more}`));
  }
  return part;
}

/** Chosen rows of wrong answers whose truth is the node or below it, the worst first. */
function worst(v) {
  const { truth, answer, height, probability, said } = data.samples;
  // What was said is kept of answers that are no node: they are wrong.
  const wrong = (i) => Object.hasOwn(said, String(i))
    || (!tree.under(truth[i], answer[i]) && !tree.under(answer[i], truth[i]));
  const found = [];
  for (let i = 0; i < truth.length; i += 1) if (tree.holds(v, truth[i]) && wrong(i)) found.push(i);
  const sure = (i) => (probability === null || probability[i] === null ? 0 : probability[i]);
  return found.sort((a, b) => height[b] - height[a] || sure(b) - sure(a) || a - b);
}

/** A picture by itself, as large as fits; Escape, the button, or a click beside it closes it. */
function enlarge(source, id) {
  const close = make("button", { type: "button" }, "Close");
  const dialog = make("dialog", { class: "larger", "aria-label": `Sample ${id}` },
    make("img", { src: source, alt: `Sample ${id}` }),
    make("div", { class: "toolbar" }, make("bdi", { class: "note", dir: "auto" }, id), close));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function picture(source, id) {
  const button = make("button", { type: "button", class: "picture", "aria-label": `Show larger: sample ${id}` },
    make("img", { src: source, alt: `Sample ${id}`, loading: "lazy" }));
  button.addEventListener("click", () => enlarge(source, id));
  return button;
}

/** What the page says of a sample: its picture where there is one, its name, its truth and its answer. */
function card(i) {
  const { samples, images } = data;
  const id = samples.id === null ? `row ${format.count(samples.row[i])}` : samples.id[i];
  const image = samples.image[i];
  const said = Object.hasOwn(samples.said, String(i)) ? samples.said[String(i)] : null;
  const sure = samples.probability === null ? null : samples.probability[i];
  return make("li", { class: "card" },
    image === null || image === undefined ? null : picture(images[image], id),
    make("div", { class: "card-id", title: id }, make("bdi", { dir: "auto" }, id)),
    make("div", {}, make("span", { class: "note" }, "truth"), link(samples.truth[i])),
    make("div", {}, make("span", { class: "note" }, "answer"),
      said === null ? link(samples.answer[i]) : make("bdi", { dir: "auto" }, said),
      sure === null ? null : make("span", { class: "note" }, `at ${format.percent(sure)}`)));
}

/** Why not all rows can be shown. */
report.chosenRows = "Up to 3 of each class, examples of the pairs listed and likely label errors stand in this page.";

/** A list of samples as cards; `total` is how many there are, of which only some may be shown. */
report.cards = (host, rows, total = rows.length, its = "", what = ["row"]) => {
  const list = make("ul", { class: "cards" }, rows.map(card));
  host.append(list);
  if (total > rows.length) {
    host.append(make("p", { class: "note cards-note" },
      `${format.count(rows.length)} of ${its}${format.counted(total, ...what)}. ${report.chosenRows}`));
  }
};

function pictures(v) {
  const part = make("div", { class: "panel-worst" }, make("h4", {}, "Its worst mistakes"));
  const found = worst(v);
  const all = columnsOf.wrong[v];
  if (all === 0) report.say(part, "None of its rows is answered wrongly.");
  else if (found.length === 0) {
    report.say(part, `None of its ${format.counted(all, "mistake")} was chosen to stand in this page. ${report.chosenRows}`);
  } else report.cards(part, found.slice(0, MOST_PICTURES), Math.max(all, found.length), "its ", ["mistake"]);
  return part;
}

function draw(host, v) {
  const level = tree.level(v);
  const title = make("h3", {}, report.named(v), level ? make("span", { class: "note" }, ` ${level}`) : null);
  const aside = make("button", { type: "button" }, "Show in the confusion");
  aside.addEventListener("click", () => report.confuse(v));
  const out = others(v, "truth", "answer");
  const into = others(v, "answer", "truth");
  host.replaceChildren(crumbs(v), make("div", { class: "panel-title" }, title, aside), numbers(v),
    make("div", { class: "columns" },
      list("It is taken for", "No answer leaves it.", out, columnsOf.rows[v], "of its rows"),
      list("Taken for it", "Nothing else is answered as it.", into, columnsOf.answered[v], "of these answers")),
    pictures(v));
  if (pairs.folded > 0) {
    host.append(make("p", { class: "note" }, `Pairs of ${format.counted(pairs.folded, "row")} are counted at nodes `
      + "above theirs, the rarest first, to keep this page small."));
  }
}

report.part("panel", (host) => {
  host.classList.add("panel");
  report.onSelect((v) => draw(host, v));
  draw(host, report.chosen() === null ? 0 : report.chosen());
});
})();
