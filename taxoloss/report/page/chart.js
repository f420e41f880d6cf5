// Charts: Vega-Lite specs drawn as SVG, in the colours of the page, with a table of the numbers beside them.
(() => {
"use strict";

const { make } = report;
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** The page's colours as they are now; series are told apart by colour-blind readers too. */
report.theme = () => ({
  paper: colour("paper"),
  ink: colour("ink"),
  muted: colour("muted"),
  line: colour("line"),
  accent: colour("accent"),
  series: [1, 2, 3, 4, 5, 6, 7].map((number) => colour(`series-${number}`)),
  good: colour("good"),
  bad: colour("bad"),
  dark: dark.matches,
});

function config() {
  const theme = report.theme();
  const words = { labelColor: theme.muted, titleColor: theme.ink, labelFont: "system-ui, sans-serif",
    titleFont: "system-ui, sans-serif", titleFontWeight: 500, labelFontSize: 12, titleFontSize: 12 };
  return {
    background: theme.paper,
    font: "system-ui, sans-serif",
    axis: { ...words, gridColor: theme.line, domainColor: theme.line, tickColor: theme.line, titlePadding: 8 },
    legend: { ...words, symbolStrokeWidth: 2, labelLimit: 220 },
    header: words,
    title: { color: theme.ink, fontWeight: 600, fontSize: 13, anchor: "start" },
    view: { stroke: null },
    range: { category: theme.series },
    text: { color: theme.ink, fontSize: 12 },
    mark: { color: theme.series[0] },
    rule: { color: theme.muted },
  };
}

/** A tip at the pointer: a line for each value, as text. */
const tip = make("div", { class: "tip", role: "status", hidden: true });
document.body.append(tip);
report.tip = (event, lines) => {
  tip.hidden = !lines || lines.length === 0;
  if (tip.hidden) return;
  tip.replaceChildren(...lines.map((line) => make("div", { dir: "auto" }, line)));
  const { clientX = 0, clientY = 0 } = event;
  tip.style.left = `${Math.max(4, Math.min(clientX + 14, window.innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.max(4, Math.min(clientY + 14, window.innerHeight - tip.offsetHeight - 8))}px`;
};

function handler(_handler, event, _item, value) {
  if (value === null || value === undefined || value === "") report.tip(event, null);
  else if (typeof value === "object") report.tip(event, Object.entries(value).map(([key, one]) => `${key}: ${one}`));
  else report.tip(event, [String(value)]);
}

async function download(view, name, kind) {
  if (kind === "svg") report.save(`${name}.svg`, await view.toSVG(), "image/svg+xml;charset=utf-8");
  else {
    const canvas = await view.toCanvas(2);
    canvas.toBlob((blob) => report.save(`${name}.png`, blob, "image/png"), "image/png");
  }
}

/**
 * Draws a spec; `spec` may be a function of the theme. Options: name (of the files that are saved), alt (what the
 * chart says, in a sentence), numbers {columns, rows} as plainTable takes them, ready(view) after each drawing.
 */
report.chart = async (host, spec, { name, alt, numbers = null, ready = null }) => {
  const plot = make("div", { class: "plot", role: "img", "aria-label": alt });
  const figure = make("figure", { class: "chart" }, plot);
  let drawn = null;
  const bar = make("div", { class: "toolbar" });
  for (const kind of ["svg", "png"]) {
    const button = make("button", { type: "button", "aria-label": `Save ${kind.toUpperCase()}: ${alt}` },
      `Save ${kind.toUpperCase()}`);
    button.addEventListener("click", () => drawn && download(drawn.view, name, kind));
    bar.append(button);
  }
  figure.append(bar);
  if (numbers) {
    figure.append(make("details", {}, make("summary", {}, "The numbers as a table"),
      report.plainTable(numbers.columns, numbers.rows, alt)));
  }
  host.append(figure);
  const draw = async () => {
    if (drawn) drawn.finalize();
    drawn = await vegaEmbed(plot, typeof spec === "function" ? spec(report.theme()) : spec, {
      ast: true, renderer: "svg", actions: false, tooltip: handler, config: config(), loader: { http: false },
    });
    plot.classList.remove("vega-embed");
    // Vega gives it another role and another name.
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", alt);
    if (ready) ready(drawn.view);
    return drawn.view;
  };
  dark.addEventListener("change", draw);
  return draw();
};
})();
