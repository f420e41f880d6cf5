// What is confused most often: pairs of wrong answers by their number of rows, wherever in the tree they lie.
(() => {
"use strict";

const { data, tree } = report;

/** Whether neither of two nodes is at or below the other: an answer that is neither right nor above the truth. */
const apart = (a, b) => !tree.under(a, b) && !tree.under(b, a);

/** The deepest node above both by their homes. */
function above(a, b) {
  let node = a;
  while (!tree.holds(node, b)) node = tree.parent(node);
  return node;
}

/** Rows whose truth is a node itself. */
function ofTruths() {
  const of = new Map();
  data.pairs.truth.forEach((truth, i) => of.set(truth, (of.get(truth) || 0) + data.pairs.count[i]));
  // A class has no rows but its own, also where some of its pairs were folded or left out.
  return (v) => (tree.isLeaf(v) ? data.tree.rows[v] : of.get(v) || 0);
}

/** The pairs of wrong answers with the most rows, as those of the mistakes are: `edges` is not known of all. */
report.frequent = (most) => {
  const { truth, answer, count } = data.pairs;
  const places = Array.from(truth.keys()).filter((i) => apart(truth[i], answer[i]))
    .sort((a, b) => count[b] - count[a] || a - b).slice(0, most);
  const key = (a, b) => a * tree.size + b;
  const counts = new Map(places.length > 0 ? Array.from(truth, (a, i) => [key(a, answer[i]), count[i]]) : []);
  const known = new Map(data.mistakes.pairs.map((pair) => [key(pair.truth, pair.answer), pair]));
  const of = ofTruths();
  return places.map((i) => {
    const [a, b] = [truth[i], answer[i]];
    return known.get(key(a, b)) || { truth: a, answer: b, shared: above(a, b), edges: null, count: count[i],
      of: of(a), back: counts.get(key(b, a)) || 0 };
  });
};
})();
