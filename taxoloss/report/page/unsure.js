// Section 5: how much can be said at which error; a slider of the accepted risk, and what was promised and delivered.
(() => {
"use strict";

const { data, format, make } = report;

/** A risk as a person writes it: 0.2 %, 12.5 %, 50 %. */
const asRisk = (risk) => `${Number((100 * risk).toFixed(3))} %`;

const levelWords = (level) => (level === "root" ? "nothing (the root)" : level);

/** Whether something more than the root is said of some row. */
const says = (promise) => !promise.shares || promise.shares[0] < 1 - 1e-9;

function verdict(promise) {
  if (promise.delivered === null) return "No row is left to check the promise.";
  if (!says(promise)) {
    return promise.log_odds === null ? "Nothing is answered: a promise this strict needs more rows."
      : "Nothing is answered: no row is sure enough for a promise this strict.";
  }
  if (promise.kept) return "✓ What was delivered does not contradict the promise.";
  return "✗ What was delivered contradicts the promise: more is wrong, beyond chance.";
}

// ---- the slider and what stands below it

function facts(promise) {
  const item = (term, id, value, hint) => make("div", { title: hint }, make("dt", {}, term), make("dd", { id }, value));
  const odds = promise.log_odds === null ? "" : ` (log-odds ${format.number(promise.log_odds, 3)})`;
  return make("dl", { class: "tiles" },
    item("promised, at most wrong", "unsure-risk", asRisk(promise.risk)),
    item("threshold", "unsure-threshold", format.number(promise.probability, 4),
      `A node is answered where its probability is above it${odds}`),
    item("delivered, wrong", "unsure-delivered", format.percent(promise.delivered, 2),
      `Of ${format.count(promise.rows)} rows that did not set the threshold`),
    item("95 % interval of it", "unsure-interval",
      report.interval(promise.delivered_low, promise.delivered_high, (share) => format.percent(share, 2))),
    item("true rate, 9 times in 10", "unsure-band",
      report.interval(promise.low, promise.high, (share) => format.percent(share, 2)),
      "Where the true rate of such a threshold lies 9 times in 10"),
    item("information of the answers", "unsure-information", format.percent(promise.information),
      "How much the answers say: 100 % where each is a class, 0 % where none says more than the root; an inner node "
        + "says the more, the fewer classes are below it"));
}

function sharesTable(promise) {
  const rows = data.unsure.levels.map((level, place) => [levelWords(level), bar(promise.shares[place])]);
  return report.plainTable([{ title: "Answered at" }, { title: "Share of the rows" }], rows);
}

function bar(share) {
  const piece = make("span", { class: "share-bar", "aria-hidden": "true" });
  piece.style.width = `${(100 * share).toFixed(2)}%`;
  return make("span", { class: "share" }, make("span", { class: "share-track" }, piece),
    make("span", { class: "share-text" }, format.percent(share)));
}

/** The risk that the report was made with, which need not be one of the slider's. */
function asked(host, chosen) {
  const ends = report.interval(chosen.delivered_low, chosen.delivered_high, (share) => format.percent(share, 2));
  host.append(make("p", { id: "unsure-asked" }, make("strong", {}, `Asked for: at most ${asRisk(chosen.risk)} wrong. `),
    `${chosen.sentence} Delivered on ${format.counted(chosen.rows, "row")}: ${format.percent(chosen.delivered, 2)}`
    + `${ends === format.none ? "" : ` (95 %: ${ends})`}. ${verdict(chosen)}`));
}

/** The place of the promise that is seen first: the risk that was asked for, else the first from 5 % that says something. */
function firstPlace(promises) {
  const saying = promises.find((promise) => promise.risk > 0.05 - 1e-9 && says(promise));
  const usual = saying ? saying.risk : 0.05;
  const wanted = data.unsure.chosen ? data.unsure.chosen.risk : usual;
  let best = 0;
  promises.forEach((promise, place) => {
    if (Math.abs(promise.risk - wanted) < Math.abs(promises[best].risk - wanted)) best = place;
  });
  return best;
}

function slider(host, promises, start, move) {
  const input = make("input", { type: "range", id: "risk", min: 0, max: promises.length - 1, step: 1, value: start });
  const label = make("label", { for: "risk" }, "Accepted risk: at most this share of wrong answers ");
  const value = make("output", { for: "risk", id: "risk-value" });
  const ends = make("div", { class: "slider-ends", "aria-hidden": "true" },
    make("span", {}, `${asRisk(promises[0].risk)}: says less`),
    make("span", {}, `${asRisk(promises[promises.length - 1].risk)}: dares more`));
  const tell = () => {
    const place = Number(input.value);
    value.textContent = asRisk(promises[place].risk);
    input.setAttribute("aria-valuetext", asRisk(promises[place].risk));
    move(place);
  };
  input.addEventListener("input", tell);
  host.append(make("div", { class: "slider" }, make("div", {}, label, value), input, ends));
  return tell;
}

// ---- charts

const TICKS = [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1];

function promiseRows(promises) {
  return promises.map((promise) => ({ ...promise, verdict: promise.kept ? "kept" : "broken" }));
}

function sharesRows(promises) {
  const found = [];
  const { levels } = data.unsure;
  promises.forEach((promise, place) => {
    let from = 0;
    promise.shares.forEach((share, level) => {
      const to = from + share;
      if (share > 0) {
        found.push({ place, risk: promise.risk, level, name: levelWords(levels[level]), share, from, to,
          middle: (from + to) / 2, label: share >= 0.09 ? format.percent(share, 0).replace(" %", "") : "",
          deep: level > levels.length / 2 });
      }
      from = to;
    });
  });
  return found;
}

function curveChart(host, state) {
  const { curve } = data.unsure;
  host.append(make("h3", {}, "How much is said at which error"));
  host.append(make("p", { class: "note" }, "Each point is a threshold. Down is safer, right says more; the large "
    + "point is the accepted risk, as it was delivered."));
  const rows = curve.map((point, place) => ({ ...point, place }));
  report.chart(host, report.spec("curve", { curve: rows, chosen: state.chosen }), {
    name: "unsure-curve",
    alt: "Share of wrong answers against the information of the answers, over all thresholds",
    numbers: { columns: ["Threshold", "Wrong", "Information"].map((title) => ({ title, number: true })),
      rows: curve.map((point) => [format.number(point.threshold, 4), format.percent(point.wrong, 2),
        format.percent(point.information)]) },
    ready: state.watch("curve", state.chosen),
  });
}

function promisesChart(host, state, promises) {
  host.append(make("h3", {}, "Promised against delivered"));
  host.append(make("p", { class: "note" }, "On the dashed line exactly as much is wrong as was promised. The shaded "
    + "band is where the true rate lies 9 times in 10; points are what the other rows delivered, with 95 % intervals; "
    + "a triangle is above what chance explains."));
  const number = (title) => ({ title, number: true });
  const known = promises.flatMap((one) => [one.risk, one.high, one.delivered, one.delivered_high])
    .filter((share) => share !== null);
  const [most, reach] = [Math.max(...known), promises[promises.length - 1].risk].map((one) => Math.min(1, 1.04 * one));
  const ticks = (end) => TICKS.filter((share) => share <= end);
  report.chart(host, report.spec("promises", { promises: promiseRows(promises), chosen: state.chosen },
    { colours: (theme) => [theme.good, theme.bad], most, reach,
      ticks: { most: ticks(most), reach: ticks(reach) } }), {
    name: "promises",
    alt: "The delivered share of wrong answers against the promised one",
    numbers: {
      columns: [number("Promised"), number("Delivered"), number("95 % interval"), number("True rate, 9 times in 10"), { title: "Contradicted" }],
      rows: promises.map((one) => [asRisk(one.risk), format.percent(one.delivered, 2),
        report.interval(one.delivered_low, one.delivered_high), report.interval(one.low, one.high),
        !says(one) ? "nothing is answered" : one.kept ? "no" : "yes"]),
    },
    ready: state.watch("promises", state.chosen),
  });
}

function sharesChart(host, state, promises) {
  const { levels } = data.unsure;
  host.append(make("h3", {}, "Where the answers stand"));
  const number = (title) => ({ title, number: true });
  report.chart(host, report.spec("shares", { shares: sharesRows(promises), chosen: state.row }, {
    names: promises.map((promise) => asRisk(promise.risk)),
    levels: levels.map(levelWords),
    columns: host.clientWidth < 500 ? 2 : 6,
  }, { height: 22 * promises.length }), {
    name: "answered-at",
    alt: "For each accepted risk the shares of the answers at each level of the tree",
    numbers: { columns: [number("Promised"), ...levels.map((level) => number(levelWords(level)))],
      rows: promises.map((one) => [asRisk(one.risk), ...one.shares.map((share) => format.percent(share))]) },
    ready: state.watch("shares", state.row),
  });
}

/** What the charts show of the chosen promise; they are told when it changes. */
function chosenState(promises, start) {
  const views = new Map();
  const state = {
    place: start,
    chosen: () => {
      const promise = promises[state.place];
      if (promise.delivered === null) return [];
      return [{ ...promise, wrong: promise.delivered, label: `at most ${asRisk(promise.risk)}` }];
    },
    row: () => [{ place: state.place, from: 0, to: 1 }],
    // A view is made anew when the colours change: the newest of each chart is told.
    watch: (chart, rows) => (view) => views.set(chart, { view, rows }),
    tell: () => views.forEach(({ view, rows }) => view.data("chosen", rows()).runAsync()),
  };
  return state;
}

report.section("unsure", "Answering when unsure", (host) => {
  if (data.unsure === null || data.unsure.why) {
    report.say(host, data.unsure === null ? "Thresholds need a number for each class." : data.unsure.why);
    return;
  }
  const { promises, calibration_rows: calibrating, scored_rows: scored } = data.unsure;
  host.append(make("p", {}, `${format.counted(calibrating, "row")} set the threshold of each promise; `
    + `${format.counted(scored, "other row")} show what it delivers.`));
  if (data.unsure.chosen) asked(host, data.unsure.chosen);
  const state = chosenState(promises, firstPlace(promises));
  const words = make("p", { class: "lead", id: "unsure-sentence" });
  const kept = make("p", { id: "unsure-verdict" });
  const left = make("div", {});
  const right = make("div", { class: "answered-at" });
  const told = make("div", { role: "status", "aria-live": "polite" }, words, kept);
  const tell = slider(host, promises, state.place, (place) => {
    state.place = place;
    const promise = promises[place];
    words.textContent = promise.sentence;
    kept.textContent = verdict(promise);
    left.replaceChildren(facts(promise));
    right.replaceChildren(sharesTable(promise));
    state.tell();
  });
  host.append(told, make("div", { class: "columns" }, left, right));
  tell();
  const charts = [make("div", {}), make("div", {}), make("div", {})];
  host.append(make("div", { class: "columns" }, charts[0], charts[1]), charts[2]);
  curveChart(charts[0], state);
  promisesChart(charts[1], state, promises);
  sharesChart(charts[2], state, promises);
});
})();
