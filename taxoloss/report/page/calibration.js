// Section 7: whether stated probabilities are right as often as they say, at each level.
(() => {
"use strict";

const { data, format, make } = report;

function bins(levels) {
  return levels.flatMap((level, place) => {
    const all = level.bins.reduce((sum, bin) => sum + bin.count, 0);
    return level.bins.filter((bin) => bin.count > 0 && bin.stated !== null && bin.right !== null)
      .map((bin) => ({ ...bin, place, share: bin.count / all }));
  });
}

function drift(level) {
  let over = 0;
  let all = 0;
  for (const bin of level.bins) {
    if (bin.count === 0) continue;
    over += bin.count * (bin.stated - bin.right);
    all += bin.count;
  }
  if (all === 0) return null;
  return over / all;
}

function tendency(level) {
  const gap = drift(level);
  if (gap === null) return format.none;
  if (Math.abs(gap) < 0.005) return "about right";
  return gap > 0 ? `too sure by ${format.percent(gap)}` : `not sure enough by ${format.percent(-gap)}`;
}

function summary(host, levels) {
  host.append(report.plainTable([
    { title: "Level" },
    { title: "Answers", number: true },
    { title: "Calibration error", number: true, hint: "The mean distance of stated and right, over the bins" },
    { title: "On the whole", number: true },
  ], levels.map((level) => [make("bdi", { dir: "auto" }, level.level),
    format.count(level.bins.reduce((sum, bin) => sum + bin.count, 0)), format.percent(level.error, 2),
    tendency(level)])));
}

report.section("calibration", "Calibration", (host) => {
  if (data.calibration === null || data.calibration.why) {
    report.say(host, data.calibration === null ? "There are no stated probabilities." : data.calibration.why);
    return;
  }
  const { levels } = data.calibration;
  host.append(make("p", {}, "Answers that state 80 % should be right 80 times in 100: points below the dashed line are "
    + "too sure, above it not sure enough. The grey bars are the share of answers in each bin."));
  summary(host, levels);
  const plot = make("div", {});
  host.append(plot);
  const rows = bins(levels);
  if (rows.length === 0) {
    report.say(plot, "There are no answers to draw.");
    return;
  }
  const number = (title) => ({ title, number: true });
  // Small charts beside each other as far as they fit; each takes its axis and a gap besides its own width.
  const columns = Math.max(1, Math.min(levels.length, Math.floor((plot.clientWidth - 50) / 250)));
  const width = Math.floor(Math.max(180, Math.min(330, (plot.clientWidth - 70) / columns - 34)));
  const spec = { ...data.charts.reliability.spec, width, height: Math.round(0.85 * width) };
  report.chart(plot, report.spec("reliability", { bins: rows }, { names: levels.map((level) => level.level) },
    { columns, spec }), {
    name: "calibration",
    alt: "Stated probability against the share that is right, for each level",
    numbers: {
      columns: [{ title: "Level" }, number("Stated"), number("Right"), number("95 % interval"), number("Answers")],
      rows: rows.map((bin) => [levels[bin.place].level, format.percent(bin.stated), format.percent(bin.right),
        report.interval(bin.low, bin.high), format.count(bin.count)]),
    },
  });
});
})();
