// Section 4: pairs that are taken for each other, how far mistakes lead, and labels that may be wrong.
(() => {
"use strict";

const { data, format, make, tree, link } = report;

/** The deepest level that two nodes share, in words. */
const stays = (v) => (v === 0 ? "no level" : `${tree.level(v) || "inside"}: ${tree.called(v)}`);

// ---- pairs

const COLUMNS = [
  { field: "truth_name", title: "Truth", grow: 4, minWidth: 150 },
  { field: "answer_name", title: "Answer", grow: 4, minWidth: 150 },
  { field: "stays", title: "Both are in", grow: 3, minWidth: 130, hint: "The deepest node above both" },
  { field: "count", title: "Rows", kind: "count", minWidth: 76 },
  { field: "share", title: "Of the truth’s rows", kind: "percent", minWidth: 100,
    hint: "Of all rows with this truth" },
  { field: "back", title: "The other way", kind: "count", minWidth: 92,
    hint: "Rows of the answer’s node that are taken for the truth’s" },
  { field: "edges", title: "Edges up", kind: "count", minWidth: 80,
    hint: "How far up the tree one has to go from the truth to meet the answer" },
];

function pairRows(order) {
  const { pairs } = data.mistakes;
  const found = order === "branch" ? pairs : report.frequent(pairs.length);
  return found.map((pair, place) => ({
    ...pair,
    place,
    truth_name: tree.called(pair.truth),
    answer_name: tree.called(pair.answer),
    stays: stays(pair.shared),
    share: pair.of > 0 ? pair.count / pair.of : null,
  }));
}

const SAVED = [
  ["Truth", (pair) => tree.text(pair.truth)], ["Answer", (pair) => tree.text(pair.answer)],
  ["Both are in", (pair) => tree.text(pair.shared)], ["Rows", (pair) => pair.count],
  ["Rows of the truth", (pair) => pair.of], ["The other way", (pair) => pair.back],
  ["Edges up", (pair) => pair.edges],
];

/** The samples of a pair that stand in the page. */
function shown(pair) {
  const { truth, answer } = data.samples;
  const found = [];
  for (let i = 0; i < truth.length; i += 1) {
    if (truth[i] === pair.truth && answer[i] === pair.answer) found.push(i);
  }
  return found;
}

function detail(host, pair) {
  const found = shown(pair);
  host.replaceChildren(
    make("h4", {}, link(pair.truth), " taken for ", link(pair.answer)),
    make("p", {}, `${format.counted(pair.count, "row")} of ${format.count(pair.of)} (${format.percent(pair.share)}); `
      + `the other way ${format.count(pair.back)}. `,
      pair.shared === 0 ? "The two share no level of the tree." : "Both are in ",
      pair.shared === 0 ? null : link(pair.shared), pair.shared === 0 ? null : "."));
  if (found.length === 0) report.say(host, `None of its rows was chosen to stand in this page. ${report.chosenRows}`);
  else report.cards(host, found, pair.count);
}

const ORDERS = {
  branch: "Pairs that share least of the tree come first, and among them the most frequent.",
  count: "Pairs with the most rows come first, wherever in the tree they lie.",
};

function pairs(host) {
  host.append(make("h3", {}, "What is taken for what"));
  let order = "branch";
  const rows = pairRows(order);
  if (rows.length === 0) {
    report.say(host, "There are no mistakes.");
    return;
  }
  const said = make("p", { class: "note" });
  const tell = () => {
    const cut = data.mistakes.total > rows.length
      ? ` ${format.count(rows.length)} of ${format.count(data.mistakes.total)} pairs are listed.` : "";
    said.textContent = `${ORDERS[order]}${cut} Choose a row to see its samples.`;
  };
  tell();
  host.append(said, report.choices("Order", [["branch", "across branches first"], ["count", "most frequent first"]],
    order, (value) => {
      order = value;
      tell();
      const found = pairRows(order);
      chosen = 0;
      table.clearSort();
      table.setData(found.map((pair) => new table.View(pair)));
      detail(below, found[0]);
    }));
  const below = make("div", { id: "pair", class: "detail", role: "region", "aria-live": "polite",
    "aria-label": "The chosen pair" });
  let chosen = rows[0].place;
  const table = report.table(host, {
    name: "pairs",
    label: "Pairs of mistakes",
    columns: COLUMNS,
    rows,
    onRow: (pair) => {
      chosen = pair.place;
      for (const row of table.getRows("visible")) mark(row, row.getData().raw);
      detail(below, pair);
    },
    dress: (row, pair) => mark(row, pair),
    saved: () => ({ titles: SAVED.map(([title]) => title),
      rows: pairRows(order).map((pair) => SAVED.map(([, read]) => read(pair))) }),
  });
  const mark = (row, pair) => row.getElement().classList.toggle("chosen", pair.place === chosen);
  host.append(below);
  detail(below, rows[0]);
}

// ---- severity

/** "stay in the same genus" for a level, and for none. */
const where = (level) => (level === null ? "no level in common" : `same ${level}`);

function severityRows() {
  const found = [];
  const { shared } = data.mistakes.severity;
  const [own, second] = data.file.names || ["this model", "the other model"];
  const series = [[own, "share"], [second, "other"], ["chance", "chance"]];
  shared.forEach((one, place) => series.forEach(([of, field], number) => {
    if (one[field] === null || one[field] === undefined) return;
    const short = of.length > 18 ? `${of.slice(0, 17)}…` : of;
    found.push({ place, series: number, of, share: one[field], where: where(one.level), hollow: field === "chance",
      label: `${format.percent(one[field])} ${short}` });
  }));
  return found;
}

function severityWords() {
  const { mean, chance, other } = data.mistakes.severity;
  if (mean === null || mean === undefined) return null;
  const said = [`On average a mistake lies ${format.number(mean, 2)} edges up from the truth`];
  if (other !== null && other !== undefined) said.push(`those of ${data.file.names[1]} ${format.number(other, 2)}`);
  if (chance !== null && chance !== undefined) said.push(`a wrong class drawn at random ${format.number(chance, 2)}`);
  return `${said.join("; ")}.`;
}

function severity(host) {
  host.append(make("h3", {}, "How far mistakes lead, against chance"));
  const rows = severityRows();
  const words = severityWords();
  if (words) host.append(make("p", {}, words));
  if (rows.length === 0 || data.first.mistakes.wrong === 0) {
    report.say(host, "There are no mistakes to measure.");
    return;
  }
  const { shared } = data.mistakes.severity;
  const most = Math.max(...rows.map((row) => row.share));
  const plot = make("div", { class: "chart-narrow" });
  host.append(plot);
  const columns = [{ title: "What both share" }, { title: "Rows", number: true }, { title: "Share", number: true },
    { title: "By chance", number: true }, ...(data.file.names ? [{ title: data.file.names[1], number: true }] : [])];
  report.chart(plot, report.spec("severity", { severity: rows }, {
    names: shared.map((one) => where(one.level)),
    limit: report.nameLimit(plot),
    // Room on the right for the words at the end of the longest bar.
    most: most * (plot.clientWidth < 500 ? 2.2 : 1.4),
    // Of shares, which end at 1, in steps that leave about five.
    ticks: Array.from({ length: 6 }, (_, step) => step * (most > 0.5 ? 0.2 : 0.1)).filter((one) => one <= most + 0.05),
  }, { height: 20 * rows.length + 8 * shared.length }), {
    name: "severity",
    alt: "Shares of the mistakes by what answer and truth share, beside the shares of chance",
    numbers: { columns, rows: shared.map((one) => [where(one.level), format.count(one.count), format.percent(one.share),
      format.percent(one.chance), ...(data.file.names ? [format.percent(one.other)] : [])]) },
  });
}

// ---- labels

function labelRows() {
  const { samples } = data;
  return data.mistakes.labels.rows.map((i) => ({
    sample: i,
    row: samples.row[i],
    id: samples.id === null ? null : samples.id[i],
    truth: tree.called(samples.truth[i]),
    answer: Object.hasOwn(samples.said, String(i)) ? samples.said[String(i)] : tree.called(samples.answer[i]),
    probability: samples.probability === null ? null : samples.probability[i],
  }));
}

function labels(host) {
  host.append(make("h3", {}, "Labels that may be wrong"));
  const { why_none: why, total } = data.mistakes.labels;
  const rows = labelRows();
  if (rows.length === 0) {
    report.say(host, why || "No answer is sure enough in another branch to doubt its label.");
    return;
  }
  host.append(make("p", { class: "note" }, "Confident answers in another branch than the label, the surest first: "
    + "worth a look by a person, and never changed here."));
  const below = make("div", { class: "detail", "aria-live": "polite" });
  report.table(host, {
    name: "labels",
    label: "Labels that may be wrong",
    columns: [
      { field: "row", title: "Row", kind: "count", minWidth: 70 },
      ...(data.samples.id === null ? [] : [{ field: "id", title: "Sample", grow: 3, minWidth: 140 }]),
      { field: "truth", title: "Label", grow: 3, minWidth: 140 },
      { field: "answer", title: "Answer", grow: 3, minWidth: 140 },
      { field: "probability", title: "Stated", kind: "percent", minWidth: 84 },
    ],
    rows,
    note: total > rows.length ? `the surest ${format.count(rows.length)} of ${format.count(total)}` : null,
    onRow: (row) => {
      below.replaceChildren();
      report.cards(below, [row.sample]);
    },
  });
  host.append(below);
}

report.section("mistakes", "Mistakes", (host) => {
  pairs(host);
  severity(host);
  labels(host);
});
})();
