// Section 8: two models on the same samples: every number with its paired difference, and the nodes that changed most.
(() => {
"use strict";

const { data, format, make, tree, link } = report;
const MOST = 15;

const known = (value) => value !== null && value !== undefined;

/** What an interval says of a difference, in words. */
function verdict({ difference, low, high, higher_is_better: higher }) {
  if (!known(low) || !known(high) || !known(difference)) return "not known";
  if (low <= 0 && high >= 0) return "may be chance";
  return (difference > 0) === (higher !== false) ? "▲ better" : "▼ worse";
}

function metrics(host, names) {
  host.append(make("h3", {}, "Every number"));
  const rows = Object.entries(data.compare.metrics).map(([metric, score]) =>
    ({ metric, ...score, verdict: verdict(score) }));
  report.table(host, {
    name: "differences",
    label: "Every number of both models, and their paired differences",
    columns: [
      { field: "metric", title: "Metric", grow: 4, minWidth: 170 },
      { field: "a", title: names[0], kind: "number", digits: 4, minWidth: 120 },
      { field: "b", title: names[1], kind: "number", digits: 4, minWidth: 120 },
      { field: "difference", title: "Difference", kind: "signed", digits: 4, minWidth: 116,
        hint: "The second less the first" },
      { field: "low", title: "95 % from", kind: "signed", digits: 4 },
      { field: "high", title: "to", kind: "signed", digits: 4 },
      { field: "verdict", title: "The second is", grow: 2, minWidth: 120 },
    ],
    rows,
  });
}

const CHANGES = [
  ["both", "both are right"], ["gained", "only the second is right"], ["lost", "only the first is right"],
  ["other", "neither is right, and the answers differ"], ["same", "neither is right, with the same answer"],
];

function changes(host) {
  const counts = data.compare.changes;
  const all = CHANGES.reduce((sum, [key]) => sum + counts[key], 0);
  host.append(make("h3", {}, "Answers that changed"));
  host.append(report.plainTable([{ title: "" }, { title: "Rows", number: true }, { title: "Share", number: true }],
    CHANGES.map(([key, words]) =>
      [words, format.count(counts[key]), format.percent(all > 0 ? counts[key] / all : null)])));
}

// ---- nodes

const AT_ONCE = "The intervals hold for all nodes at once in 95 % of cases: they are wider than a 95 % interval of one.";

const points = (share) => (known(share) ? 100 * share : null);

function nodeVerdict(one) {
  if (one.may_be_chance) return "may be chance";
  return one.difference > 0 ? "▲ better" : "▼ worse";
}

/** The nodes that were looked at, a row each: they stand in the document as columns. */
function nodesOf(versus) {
  if (!versus) return [];
  const columns = Object.entries(versus.nodes);
  return versus.nodes.node.map((_, i) => Object.fromEntries(columns.map(([key, values]) => [key, values[i]])));
}

/** The nodes that gained and lost most, those that chance does not explain first. */
function most(nodes) {
  const order = (sign) => nodes.filter((one) => sign * one.difference > 0)
    .sort((a, b) => Number(a.may_be_chance) - Number(b.may_be_chance)
      || sign * (b.difference - a.difference) || a.node - b.node).slice(0, MOST);
  return [...order(1), ...order(-1).reverse()];
}

function chart(host, nodes) {
  const shown = most(nodes);
  if (shown.length === 0) return;
  const plot = make("div", {});
  host.append(plot);
  const rows = shown.map((one, place) => ({ place, name: tree.text(one.node), rows: one.rows,
    difference: points(one.difference), low: points(one.low), high: points(one.high),
    verdict: nodeVerdict(one).replace(/^. /, "") }));
  const number = (title) => ({ title, number: true });
  report.chart(plot, report.spec("differences", { differences: rows }, {
    names: shown.map((one) => tree.called(one.node)),
    limit: report.nameLimit(plot),
    colours: (theme) => [theme.good, theme.bad, theme.muted],
  }, { height: 22 * shown.length }), {
    name: "gained-and-lost",
    alt: "Differences in accuracy of the nodes that gained and lost most, with their intervals",
    numbers: {
      columns: [{ title: "Node" }, number("Rows"), number("Difference"), number("Interval, all nodes at once"), { title: "This" }],
      rows: shown.map((one) => [link(one.node), format.count(one.rows), format.points(one.difference),
        report.interval(one.low, one.high, format.points), nodeVerdict(one)]),
    },
  });
}

function table(host, nodes) {
  host.append(make("h3", {}, nodes.length < data.versus.total
    ? `The ${format.counted(nodes.length, "node")} of ${format.count(data.versus.total)} that differ most surely`
    : `All ${format.counted(nodes.length, "node")} that were looked at`));
  report.table(host, {
    name: "nodes-of-both",
    label: "Accuracy of both models at each node",
    columns: [
      { field: "name", title: "Node", grow: 4, minWidth: 160 },
      { field: "level", title: "Level", grow: 2, minWidth: 100 },
      { field: "rows", title: "Rows", kind: "count" },
      { field: "a", title: data.compare.a.name, kind: "percent", minWidth: 120 },
      { field: "b", title: data.compare.b.name, kind: "percent", minWidth: 120 },
      { field: "difference", title: "Difference", kind: "points", minWidth: 116,
        hint: "The second less the first, in percentage points" },
      { field: "low", title: "All at once: from", kind: "points", minWidth: 110, hint: AT_ONCE },
      { field: "high", title: "to", kind: "points", hint: AT_ONCE },
      { field: "verdict", title: "The second is", grow: 2, minWidth: 120 },
    ],
    rows: nodes.map((one) => ({ ...one, name: tree.called(one.node), level: tree.level(one.node),
      verdict: nodeVerdict(one) })),
    sort: [{ field: "difference", dir: "desc" }],
    onRow: ({ node }) => report.select(node, true),
  });
}

report.section("versus", "Two models", (host) => {
  if (data.compare === null) {
    report.say(host, "One model was given. “taxoloss report … --versus OTHER” shows a second one beside it.");
    return;
  }
  const names = [data.compare.a.name, data.compare.b.name];
  host.append(make("p", {}, "The first is ", make("strong", {}, make("bdi", { dir: "auto" }, names[0])),
    ", the second ", make("strong", {}, make("bdi", { dir: "auto" }, names[1])),
    `; both answered the same ${format.counted(data.compare.rows, "row")}.`));
  for (const sentence of data.compare.sentences) host.append(make("p", {}, sentence));
  for (const note of data.compare.notes || []) host.append(make("p", { class: "note" }, note));
  changes(host);
  metrics(host, names);
  host.append(make("h3", {}, "Nodes that gained and lost most"));
  const nodes = nodesOf(data.versus);
  if (nodes.length === 0) {
    report.say(host, "No node has enough rows to compare.");
    return;
  }
  host.append(make("p", { class: "note" }, "The difference in accuracy, the second model less the first, in "
    + `percentage points. A grey dot may be chance; a triangle points where the second model went. ${AT_ONCE}`));
  chart(host, nodes);
  table(host, nodes);
});
})();
