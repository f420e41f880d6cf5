// Tables that sort, filter, fold and are saved as CSV: Tabulator over rows whose cells are plain text.
(() => {
"use strict";

const { make, format } = report;

const MOST_PRINTED = 60;
const WRITTEN = {
  text: (value) => (value === null || value === undefined ? format.none : String(value)),
  count: (value) => format.count(value),
  percent: (value, digits) => format.percent(value, digits),
  points: (value, digits) => format.points(value, digits),
  number: (value, digits) => format.number(value, digits),
  signed: (value, digits) => format.signed(value, digits),
};

/** What Tabulator sees of a row: the text of each cell, made once when it is first asked for. */
function viewOf(columns, children) {
  class View {
    constructor(raw) {
      this.raw = raw;
      this.texts = new Array(columns.length);
    }
  }
  columns.forEach((column, index) => {
    const write = column.write || WRITTEN[column.kind || "text"];
    Object.defineProperty(View.prototype, column.field, {
      get() {
        if (this.texts[index] === undefined) this.texts[index] = write(this.raw[column.field], column.digits);
        return this.texts[index];
      },
      set() {},
    });
  });
  if (children) {
    // Children are made when their parent is shown, not before: a tree of 10,000 classes opens at once.
    Object.defineProperty(View.prototype, "_children", {
      get() {
        if (this.below === undefined) this.below = (children(this.raw) || []).map((raw) => new View(raw));
        return this.below.length > 0 ? this.below : null;
      },
    });
  }
  return View;
}

const empty = (value) => value === null || value === undefined || value === "" || Number.isNaN(value);

/** Orders two values; what is missing stands last in both directions. */
function compare(a, b, direction) {
  if (empty(a) || empty(b)) {
    if (empty(a) && empty(b)) return 0;
    return (empty(a) ? 1 : -1) * (direction === "desc" ? -1 : 1);
  }
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function definition(column) {
  const numeric = (column.kind || "text") !== "text";
  return {
    field: column.field,
    title: column.title,
    formatter: "plaintext",
    titleFormatter: "plaintext", // two columns are called as the models are
    hozAlign: numeric ? "right" : "left",
    headerHozAlign: numeric ? "right" : "left",
    cssClass: numeric ? "number" : `words${column.wraps ? ` wraps ${column.wraps}` : ""}`,
    width: column.width,
    minWidth: column.minWidth || (numeric ? 96 : 130),
    widthGrow: column.grow || (numeric ? 1 : 3),
    headerWordWrap: true,
    frozen: Boolean(column.frozen),
    headerSort: column.sort !== false,
    headerSortStartingDir: numeric ? "desc" : "asc",
    sorter: (a, b, rowA, rowB, _column, direction) =>
      compare(rowA.getData().raw[column.field], rowB.getData().raw[column.field], direction),
  };
}

/** Arrow keys move between rows, Enter and Space choose, left and right fold; headers sort by Enter and Space. */
function keyboard(table, box, onRow, tree) {
  let current = null;
  let held = false;
  const settle = () => {
    const element = current.getElement();
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
  };
  const focus = (row) => {
    if (!row) return;
    current = row;
    held = true;
    table.scrollToRow(row, "nearest", false).then(settle, settle);
  };
  // Rows are drawn anew when the table's height changes: the row that had the focus gets it back.
  table.on("renderComplete", () => {
    if (held && document.activeElement === document.body && table.getRows("display").includes(current)) settle();
  });
  box.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !box.contains(relatedTarget)) held = false;
  });
  document.addEventListener("pointerdown", () => { held = false; });
  const beside = (step) => {
    const rows = table.getRows("display");
    const at = rows.indexOf(current);
    return at < 0 ? rows[0] : rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  };
  const fold = (open) => {
    if (!tree || !table.getRows("display").includes(current) || !current.getData()._children) return;
    if (open) current.treeExpand();
    else current.treeCollapse();
    focus(current);
  };
  const keys = {
    ArrowDown: () => focus(beside(1)),
    ArrowUp: () => focus(beside(-1)),
    PageDown: () => focus(beside(10)),
    PageUp: () => focus(beside(-10)),
    Home: () => focus(table.getRows("display")[0]),
    End: () => focus(table.getRows("display").slice(-1)[0]),
    ArrowRight: () => fold(true),
    ArrowLeft: () => fold(false),
    Enter: () => current && onRow && onRow(current.getData().raw),
    " ": () => keys.Enter(),
  };
  box.addEventListener("keydown", (event) => {
    const header = event.target.closest(".tabulator-col");
    if (header && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      header.click();
    } else if (!header && Object.hasOwn(keys, event.key)) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  return (row) => { current = row; };
}

function dress(table, box, label) {
  const grid = box.querySelector(".tabulator");
  grid.setAttribute("aria-label", `${label}: arrow keys move between rows`);
  grid.tabIndex = 0;
  box.querySelector(".tabulator-tableholder").tabIndex = -1;
  for (const header of box.querySelectorAll(".tabulator-col.tabulator-sortable")) header.tabIndex = 0;
}

/** Rows get their heights before columns get their last widths: those in view whose words are cut are measured again. */
function heighten(table) {
  const measured = new WeakSet();
  const settle = () => {
    for (const row of table.getRows("visible")) {
      const element = row.getElement();
      const cells = [...element.querySelectorAll(".wraps")];
      if (measured.has(element) || cells.every((cell) => cell.scrollHeight <= cell.clientHeight + 2)) continue;
      measured.add(element);
      row.normalizeHeight();
    }
  };
  table.on("renderComplete", settle);
  table.on("scrollVertical", settle);
  requestAnimationFrame(settle);
}

function tips(columns) {
  const hints = new Map(columns.filter((column) => column.hint).map((column) => [column.field, column.hint]));
  return (table) => {
    for (const column of table.getColumns()) {
      const hint = hints.get(column.getField());
      if (hint) column.getElement().title = hint;
    }
  };
}

/**
 * A table: columns {field, title, kind, digits, hint, width, minWidth, grow, frozen, wraps ("twice" or "whole")}; kind is
 * text, count, percent, points, number or signed. rows hold values by field. Options: name (of the file that is saved), label, height,
 * sort [{field, dir}], onRow(row), children(row) for a table that folds, open(row), filter (false: no box),
 * saved() -> {titles, rows} in place of the rows as they are, note,
 * dress(row, values) after a row is drawn, bar (where its buttons go, if not in one of its own),
 * depth(row) where rows stand below others.
 */
report.table = (host, options) => {
  const { columns, rows, name, label = name, height, sort = [], onRow, children = null } = options;
  const bar = options.bar || make("div");
  const View = viewOf(columns, children);
  const texts = columns.filter((column) => (column.kind || "text") === "text").map((column) => column.field);
  const box = make("div", { class: "table-box" });
  const grid = make("div");
  box.append(grid);
  bar.classList.add("toolbar");
  host.append(bar, box);

  let remember = () => {};
  const table = new Tabulator(grid, {
    data: rows.map((row) => new View(row)),
    columns: columns.map(definition),
    layout: "fitColumns",
    // Only the rows in view are elements where the height is bounded.
    maxHeight: height || 420,
    nestedFieldSeparator: false,
    columnHeaderSortMulti: false,
    headerSortClickElement: "header",
    placeholder: "Nothing to show.",
    initialSort: [...sort].reverse().map(({ field, dir }) => ({ column: field, dir: dir || "desc" })),
    dataTree: Boolean(children),
    dataTreeBranchElement: false,
    dataTreeChildIndent: 16,
    dataTreeExpandElement: make("span", { class: "fold", role: "img", "aria-label": "folded" }, "▸"),
    dataTreeCollapseElement: make("span", { class: "fold", role: "img", "aria-label": "unfolded" }, "▾"),
    dataTreeStartExpanded: (row) => Boolean(options.open && options.open(row.getData().raw)),
    rowFormatter: (row) => {
      const view = row.getData();
      const element = row.getElement();
      for (const field of texts) row.getCell(field).getElement().title = view[field];
      element.classList.toggle("clickable", Boolean(onRow));
      if (options.dress) options.dress(row, view.raw);
    },
  });
  table.View = View;
  table.on("tableBuilt", () => {
    dress(table, box, label);
    tips(columns)(table);
    if (columns.some((column) => column.wraps)) heighten(table);
    table.on("renderComplete", report.edges(box.querySelector(".tabulator-tableholder"), grid));
  });
  remember = keyboard(table, box, onRow, Boolean(children));
  if (onRow) {
    table.on("rowClick", (_event, row) => {
      remember(row);
      onRow(row.getData().raw);
    });
  }
  tools(table, bar, { ...options, texts, label });
  box.append(printed(table, options, rows.map((row) => new View(row))));
  return table;
};

/** What is printed in place of the table, which draws only the rows in view: its first rows as they stand. */
function printed(table, { columns, depth = () => 0 }, views) {
  const host = make("div", { class: "printed" });
  report.beforePrint(() => {
    const standing = table.initialized ? table.getRows("display").map((row) => row.getData()) : views;
    const titles = columns.map((column) => ({ title: column.title, number: (column.kind || "text") !== "text" }));
    host.replaceChildren(report.plainTable(titles, standing.slice(0, MOST_PRINTED).map((view) => {
      const cells = columns.map((column) => make("bdi", { dir: "auto" }, view[column.field]));
      cells[0].style.display = "block";
      cells[0].style.marginInlineStart = `${depth(view.raw)}em`;
      return cells;
    })));
    if (standing.length > MOST_PRINTED) {
      host.append(make("p", { class: "note" }, `The first ${MOST_PRINTED} of ${format.count(standing.length)} rows.`));
    }
  });
  return host;
}

function tools(table, bar, { columns, rows, name, label, texts, filter = true, saved, note }) {
  if (note) bar.append(make("span", { class: "note" }, note));
  if (filter) {
    const field = make("input", { type: "search", placeholder: "Filter", "aria-label": `Filter: ${label}` });
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      if (!wanted) table.clearFilter();
      else table.setFilter((view) => texts.some((one) => view[one].toLowerCase().includes(wanted)));
    });
    bar.append(field);
  }
  const button = make("button", { type: "button" }, "Download CSV");
  button.setAttribute("aria-label", `Download CSV: ${label}`);
  button.addEventListener("click", () => {
    if (saved) {
      const all = saved();
      report.saveCsv(name, all.titles, all.rows);
    } else {
      report.saveCsv(name, columns.map((one) => one.title), rows.map((row) => columns.map((one) => row[one.field])));
    }
  });
  bar.append(button);
}
})();
