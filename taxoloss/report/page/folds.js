// What stands in the confusion: which branches are unfolded, what fits in 40 rows, and the counts of its cells.
(() => {
"use strict";

const { data, tree } = report;
const { truth, answer, count } = data.pairs;
const MOST = 40;
const LEAST = 20; // of the children of the branch that was unfolded last

// Items stand on both sides: folded branches, classes, and what is left of an unfolded branch.

/** How much happens at a node: rows of its truth and answers of it. */
const weight = (v) => data.tree.rows[v] + data.tree.answered[v];

/** The unfolded branches that still stand, each below unfolded ones only; the root always does. */
function standing(open) {
  const stands = new Set([0]);
  for (const v of [...open].sort((a, b) => a - b)) {
    if (v > 0 && !tree.isLeaf(v) && stands.has(tree.parent(v))) stands.add(v);
  }
  return stands;
}

/** The folded nodes below unfolded ones. */
function folded(open) {
  const nodes = [];
  for (const v of open) for (const child of tree.children(v)) if (!open.has(child)) nodes.push(child);
  return nodes;
}

/** Each unfolded branch can have a row of its own for what is left. */
const height = (open) => folded(open).length + open.size;

/** Of the folded nodes those that are left out, so that at most MOST rows stand: the least happens at them. */
function leftOut(open, last) {
  const nodes = folded(open);
  const rank = (v) => (tree.parent(v) === last ? 1 : 0);
  const by = (a, b) => weight(a) - weight(b) || b - a;
  const out = new Set();
  const own = nodes.filter((v) => rank(v) === 1).sort(by);
  const foreign = nodes.filter((v) => rank(v) === 0).sort(by);
  let over = nodes.length + open.size - MOST;
  const drop = (list, keep) => {
    for (let i = 0; over > 0 && i < list.length - keep; i += 1, over -= 1) out.add(list[i]);
  };
  drop(own, LEAST);
  drop(foreign, 0);
  drop(own, 0);
  return out;
}

/** The items of both sides in tree order: {node, rest, inside: the unfolded branches around it}. */
function layout(open, last) {
  const out = leftOut(open, last);
  const items = [];
  const where = new Int32Array(tree.size).fill(-1);
  const walk = (v, inside) => {
    const hidden = [];
    for (const child of tree.children(v)) {
      if (open.has(child)) walk(child, [...inside, child]);
      else if (out.has(child)) hidden.push(child);
      else {
        where.fill(items.length, child, tree.end(child));
        items.push({ node: child, rest: false, inside });
      }
    }
    where[v] = items.length;
    for (const child of hidden) where.fill(items.length, child, tree.end(child));
    items.push({ node: v, rest: true, inside, hidden: hidden.length });
  };
  walk(0, []);
  return { items, where };
}

/** Counts of each row and column; what is left of a branch stands only where something is. */
function counted(open, last) {
  const { items, where } = layout(open, last);
  const size = items.length;
  const all = new Float64Array(size * size);
  const right = new Float64Array(size);
  const used = new Uint8Array(size);
  for (let i = 0; i < truth.length; i += 1) {
    const row = where[truth[i]];
    const column = where[answer[i]];
    all[row * size + column] += count[i];
    if (row === column && tree.under(truth[i], answer[i])) right[row] += count[i];
    used[row] = used[column] = 1;
  }
  const keep = [];
  items.forEach((item, index) => { if (!item.rest || used[index]) keep.push(index); });
  return {
    items: keep.map((index) => items[index]),
    right: keep.map((index) => right[index]),
    cells: keep.map((row) => keep.map((column) => all[row * size + column])),
  };
}

/** The branches that are unfolded at first: whole levels from the root down, as many as fit. */
function atFirst() {
  const open = new Set([0]);
  let level = [0];
  while (level.length > 0) {
    const next = level.flatMap((v) => tree.children(v).filter((child) => !tree.isLeaf(child)));
    const trial = new Set([...open, ...next]);
    if (next.length === 0 || height(trial) > MOST) break;
    next.forEach((v) => open.add(v));
    level = next;
  }
  return open;
}

/** The branches that are unfolded, the last one last. */
class Folds {
  constructor() {
    this.open = atFirst();
    this.order = [...this.open];
    this.last = 0;
  }

  settle() {
    this.open = standing(this.open);
    this.order = this.order.filter((one) => this.open.has(one));
  }

  /** Unfolds down to a branch; where too many rows would stand, branches that were unfolded earlier fold again. */
  unfold(v) {
    if (tree.isLeaf(v)) return;
    for (const above of tree.line(v)) {
      this.open.add(above);
      this.order = [...this.order.filter((one) => one !== above), above];
    }
    this.last = v;
    this.open = standing(this.open);
    for (const old of [...this.order]) {
      if (height(this.open) <= MOST) break;
      if (old === 0 || tree.holds(old, v)) continue;
      this.open.delete(old);
      this.settle();
    }
    this.settle();
  }

  fold(v) {
    if (v === 0) return;
    this.open.delete(v);
    this.settle();
    this.last = tree.parent(v);
  }

  foldAll() {
    this.open = new Set([0]);
    this.settle();
    this.last = 0;
  }

  counted() {
    return counted(this.open, this.last);
  }
}

report.Folds = Folds;
})();
