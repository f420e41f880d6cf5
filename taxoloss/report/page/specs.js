// The charts' specs, which stand in the document, joined with their data, their values and the page's colours.
(() => {
"use strict";

/** Looks of marks that follow the theme; specs name them as styles. */
function styles(theme) {
  return {
    chosen: { fill: theme.ink, stroke: theme.ink, color: theme.ink },
    ring: { stroke: theme.ink },
    even: { stroke: theme.muted, color: theme.muted },
    counts: { fill: theme.line, color: theme.line },
  };
}

/**
 * A function of the theme that makes the spec of a chart: `data` holds rows by the name of their data set, `values`
 * what stands once (a value may be a function of the theme); more replaces parts of the spec.
 */
report.spec = (name, data, values = {}, more = {}) => (theme) => {
  const spec = { ...structuredClone(report.data.charts[name]), ...more };
  const told = spec.params || spec.signals || [];
  for (const one of told) {
    if (!Object.hasOwn(values, one.name)) continue;
    one.value = typeof values[one.name] === "function" ? values[one.name](theme) : values[one.name];
  }
  if (Array.isArray(spec.data)) {
    for (const set of spec.data) set.values = typeof data[set.name] === "function" ? data[set.name]() : data[set.name];
  } else {
    spec.datasets = {};
    for (const [set, rows] of Object.entries(data)) spec.datasets[set] = typeof rows === "function" ? rows() : rows;
  }
  spec.config = { style: styles(theme) };
  return spec;
};

/** Pixels that names beside an axis may take: a third of the chart, and no more than is read at a glance. */
report.nameLimit = (host) => Math.round(Math.max(112, Math.min(240, host.clientWidth / 3)));

/** An interval in words, "1.0 % to 2.0 %", or "at most 2.0 %"; nothing where it is not known. */
report.interval = (low, high, write = report.format.percent) => {
  const known = (end) => end !== null && end !== undefined;
  if (!known(high)) return report.format.none;
  return known(low) ? `${write(low)} to ${write(high)}` : `at most ${write(high)}`;
};
})();
