// Section 1, in words first: what was measured, how right it is at each level, where mistakes stay, what to look at.
(() => {
"use strict";

const { data, format, make, link, tree } = report;

// ---- accuracy at each level

function at(element, share) {
  element.style.left = `${100 * Math.min(1, Math.max(0, share))}%`;
  return element;
}

/** An axis from 0 to 100 % with the interval, the accuracy, and the marks of the baselines. */
function strip(level) {
  const words = `accuracy ${format.percent(level.accuracy)}, chance ${format.percent(level.chance)}, `
    + `the commonest ${format.percent(level.majority)}`;
  const axis = make("span", { class: "strip", role: "img", "aria-label": words, title: words });
  if (level.low !== null && level.high !== null) {
    const interval = at(make("span", { class: "strip-interval" }), level.low);
    interval.style.width = `${100 * Math.max(0, level.high - level.low)}%`;
    axis.append(interval);
  }
  if (level.chance !== null) axis.append(at(make("span", { class: "strip-chance" }), level.chance));
  if (level.majority !== null) axis.append(at(make("span", { class: "strip-majority" }), level.majority));
  if (level.accuracy !== null) axis.append(at(make("span", { class: "strip-dot" }), level.accuracy));
  return axis;
}

function interval(low, high, digits = 1) {
  if (low === null || high === null) return format.none;
  return `${format.percent(low, digits).replace(" %", "")} to ${format.percent(high, digits)}`;
}

function levelTable(host) {
  const { levels } = data.first;
  host.append(make("h3", {}, "How often it is right at each level"));
  const columns = [
    { title: "Level" },
    { title: "Rows", number: true, hint: "Rows whose truth says something at this level" },
    { title: "Accuracy", number: true },
    { title: "95 % interval", number: true },
    { title: "By chance", number: true, hint: "A class drawn at random, read at this level" },
    { title: "Always the commonest", number: true, hint: "The accuracy of always answering the commonest node" },
    { title: "0 to 100 %" },
  ];
  host.append(report.plainTable(columns, levels.map((level) => [
    make("bdi", { dir: "auto" }, level.level),
    format.count(level.rows),
    make("strong", {}, format.percent(level.accuracy)),
    interval(level.low, level.high),
    format.percent(level.chance),
    make("span", { title: level.majority_name === null ? null : `always “${level.majority_name}”` },
      format.percent(level.majority)),
    strip(level),
  ])));
  host.append(make("p", { class: "note legend" },
    make("span", { class: "key key-dot" }), "accuracy with its interval ",
    make("span", { class: "key key-chance" }), "by chance ",
    make("span", { class: "key key-majority" }), "always the commonest"));
  if (data.evaluate.decision === null && data.evaluate.reading.includes("levels by summed probabilities")) {
    host.append(make("p", { class: "note", id: "summed" }, "The accuracy at a level is of the node whose classes have the "
      + "largest probability together. It may differ from the level of the best class, which all counts of mistakes use."));
  }
}

// ---- where mistakes stay

function stackedBar(label, parts) {
  const whole = parts.reduce((sum, one) => sum + one.count, 0);
  const bar = make("div", { class: "stack", role: "img", "aria-label": label });
  const legend = make("ul", { class: "stack-legend" });
  parts.forEach((one, index) => {
    const share = whole > 0 ? one.count / whole : 0;
    const kind = one.kind || `step-${Math.min(6, index)}`;
    if (one.count > 0) {
      const piece = make("span", { class: `stack-piece ${kind}`, title: `${one.text}: ${format.count(one.count)}` },
        share > 0.07 ? format.percent(share, 0) : "");
      piece.style.flexGrow = String(share);
      bar.append(piece);
    }
    legend.append(make("li", {}, make("span", { class: `swatch ${kind}` }), make("span", {}, one.text),
      make("strong", {}, format.count(one.count)), make("span", { class: "note" }, format.percent(share))));
  });
  return make("div", { class: "stacked" }, bar, legend);
}

function mistakes(host) {
  const { rows, right, unspecific, wrong, shared } = data.first.mistakes;
  host.append(make("h3", {}, "Right, nearly right, wrong"));
  host.append(stackedBar(`Of ${rows} answers ${right} are right, ${unspecific} true but unspecific, ${wrong} wrong`, [
    { text: "right", count: right, kind: "is-right" },
    { text: "true, but says less than the truth", count: unspecific, kind: "is-unspecific" },
    { text: "wrong", count: wrong, kind: "is-wrong" },
  ]));
  host.append(make("h3", {}, "Where the mistakes stay"));
  if (wrong === 0) {
    report.say(host, "There are no mistakes.");
    return;
  }
  host.append(stackedBar("Wrong answers by the level of what they share with the truth", shared.map((one) => ({
    text: one.level === null ? "share no level with the truth" : `stay in the same ${one.level}`,
    count: one.count,
  }))));
}

const MOST_PAIRS = 5;

/** The pairs that account for most mistakes, wherever in the tree they lie. */
function frequent(host) {
  const found = report.frequent(MOST_PAIRS);
  if (found.length === 0) return;
  host.append(make("h3", {}, "Most frequent confusions"));
  const columns = [{ title: "Truth" }, { title: "Taken for" }, { title: "Rows", number: true },
    { title: "Of the truth’s rows", number: true }];
  host.append(make("div", { id: "frequent" }, report.plainTable(columns, found.map((pair) => [link(pair.truth),
    link(pair.answer), format.count(pair.count), format.percent(pair.of > 0 ? pair.count / pair.of : null)]))));
}

// ---- warnings

/** The nodes of a warning: the document holds the first 200 of them. `count` may be of rows: then all are there. */
function nodeList(nodes, count) {
  if (!nodes || nodes.length === 0) return null;
  const shown = nodes.slice(0, 200);
  const all = shown.length < 200 ? shown.length : Math.max(count, shown.length);
  const rest = all - shown.length;
  const list = make("span", { class: "node-list" }, shown.map((v) => make("span", {}, link(v))),
    rest > 0 ? make("span", { class: "note" }, `and ${format.count(rest)} more`) : null);
  if (shown.length <= 6) return list;
  return make("details", {}, make("summary", {}, `Which: ${format.counted(all, "node")}`), list);
}

function warnings(host) {
  host.append(make("h3", {}, "What to look at first"));
  if (data.first.warnings.length === 0) {
    host.append(make("p", {}, "None of what is looked for stands out: classes that are never answered or have few rows, "
      + "labels that stop early, an order of classes that seems shifted, answers no better than chance."));
    return;
  }
  host.append(make("ul", { class: "warnings" }, data.first.warnings.map((one) =>
    make("li", {}, make("span", { class: "badge" }, make("span", { "aria-hidden": "true" }, "⚠ "), one.kind.replaceAll("_", " ")),
      make("span", { class: "warning-text" }, one.text), nodeList(one.nodes, one.count)))));
}

// ---- what was measured

function facts(pairs) {
  const list = make("dl", { class: "facts" });
  for (const [term, value] of pairs) {
    if (value === null || value === undefined || value === "") continue;
    list.append(make("div", {}, make("dt", {}, term),
      make("dd", {}, value instanceof Node ? value : make("bdi", { dir: "auto" }, String(value)))));
  }
  return list;
}

function measured(host) {
  const { taxonomy, file, evaluate, made } = data;
  const left = [[evaluate.rows_left_out, "left out"], [evaluate.rows_without_a_known_node, "without a known node"],
    [evaluate.calibration_rows, "used to set the threshold"]].filter(([count]) => count > 0)
    .map(([count, words]) => `${format.count(count)} ${words}`);
  host.append(make("h3", {}, "What was measured"));
  host.append(facts([
    ["Predictions", file.name],
    ["Compared with", file.versus],
    ["Samples", [`${format.counted(evaluate.rows, "row")} scored`, ...left].join("; ")],
    ["Drawn by", file.group ? `whole groups: ${format.count(file.groups)} of “${file.group}”` : null],
    ["Tree", taxonomy.name],
    ["Classes", `${format.count(taxonomy.classes)} classes, ${format.count(taxonomy.nodes)} nodes`],
    ["Levels", taxonomy.levels.join(" › ")],
    ["Form", taxonomy.is_tree ? null : "Some nodes have several parents; each is shown once, below its first."],
    ["How it was read", evaluate.reading],
    ["Decision", evaluate.decision || (data.unsure && evaluate.reading.includes("largest number")
      ? "the class with the largest number" : "as the file answers")],
    ["Threshold", evaluate.threshold === null ? null : evaluate.threshold.sentence],
    ["Made", `${made.at}, taxoloss ${made.taxoloss}, torch ${made.torch}, Python ${made.python}`],
  ]));
  const digests = make("summary", {}, "Digests: whether a tree is the same one");
  host.append(make("details", { class: "digests" }, digests, facts([
    ["Of the tree", make("code", {}, taxonomy.digest)],
    ["With the class order", make("code", {}, taxonomy.binding_digest)],
  ])));
  if (evaluate.notes && evaluate.notes.length > 0) {
    host.append(make("ul", { class: "notes" }, evaluate.notes.map((note) => make("li", {}, note))));
  }
}

function scores(host) {
  const rows = Object.entries(data.evaluate.metrics).map(([metric, score]) =>
    ({ metric, ...score, meaning: report.meaning(metric) }));
  host.append(make("h3", {}, "All metrics"));
  report.table(host, {
    name: "metrics",
    label: "All metrics with 95 % intervals",
    columns: [
      { field: "metric", title: "Metric", grow: 4, minWidth: 180 },
      { field: "value", title: "Value", kind: "number", digits: 4 },
      { field: "low", title: "95 % from", kind: "number", digits: 4 },
      { field: "high", title: "to", kind: "number", digits: 4 },
      { field: "meaning", title: "What it is", grow: 9, minWidth: 280, wraps: "whole", sort: false },
    ],
    rows,
    height: 640,
  });
  const alike = report.alike(data.evaluate.metrics);
  if (alike) host.append(make("p", { class: "note legend", id: "alike" }, alike));
}

report.section("first", "In words", (host) => {
  for (const sentence of data.first.sentences) host.append(make("p", { class: "lead" }, sentence));
  const left = make("div", {});
  const right = make("div", {});
  levelTable(left);
  mistakes(left);
  frequent(left);
  warnings(right);
  measured(right);
  host.append(make("div", { class: "columns wide" }, left, right));
  scores(host);
});

document.getElementById("subtitle").append(
  make("bdi", { dir: "auto" }, data.file.name), data.file.versus === null ? "" : " against ",
  make("bdi", { dir: "auto" }, data.file.versus || ""),
  ` · ${format.counted(data.evaluate.rows, "row")} · ${format.counted(tree.size, "node")} · `,
  make("bdi", { dir: "auto" }, data.taxonomy.name));
})();
