// What each metric is, in a sentence.
(() => {
"use strict";

const UP = "Higher is better.";
const DOWN = "Lower is better.";

const MEANINGS = {
  accuracy: `The share of rows that are right at this level. ${UP}`,
  full_path_accuracy: `The share of rows where nothing is wrong on any level. ${UP}`,
  severity: `Of mistakes alone: how many edges up the tree answer and truth agree, on average; 1 is the least. ${DOWN}`,
  distance: `The edges up until answer and truth agree, on average over all rows; 0 where an answer is right. ${DOWN}`,
  tree_induced_error: `The steps along the tree from the answer to the truth, up and down, on average. ${DOWN}`,
  precision: `Of the nodes on the paths of the answers, the share that are on the truth’s path too. ${UP}`,
  recall: `Of the nodes on the paths of the truths, the share that are on the answer’s path too. ${UP}`,
  f1: `Precision and recall in one number, their harmonic mean. ${UP}`,
  calibration_error: "How far stated probabilities are from the share that is right at this level, on average over bins. "
    + DOWN,
  hops: `Whether the whole ranking of classes follows the tree: 1 where nearer classes always come first. ${UP}`,
  aurc: "The area below the share of wrong answers over how much they say, where thresholds let answers stop early. "
    + DOWN,
  average_correct: "The share of answers on one path with the truth, on average over how much of the truth is to be said. "
    + UP,
  average_precision: "How much of what is said is true, on average over how much of the truth is to be said. "
    + UP,
};

const RECALL = /^recall_at_(\d+)_correct$/;
const TOP = /^top_(\d+)_(.+)$/;

/** What a metric is, by its key in the scores; nothing of those that are not known. */
report.meaning = (metric) => {
  const name = metric.split("/", 1)[0];
  const recall = RECALL.exec(name);
  if (recall) {
    return `The largest share of the truth that can be said while ${recall[1]} % of the answers are on one path with it. ${UP}`;
  }
  const top = TOP.exec(name);
  if (top && Object.hasOwn(MEANINGS, top[2])) return `Of the ${top[1]} best classes. ${MEANINGS[top[2]]}`;
  return Object.hasOwn(MEANINGS, name) ? MEANINGS[name] : "";
};

/** Why precision, recall and f1 are one number, where they are. */
report.alike = (metrics) => {
  const values = ["precision", "recall", "f1"].map((name) => (metrics[name] ? metrics[name].value : null));
  if (values.includes(null) || values.some((value) => Math.abs(value - values[0]) > 1e-9)) return null;
  return "Precision, recall and f1 are one number here, because the answers say as much as the truths: their paths are "
    + "of equal length in all.";
};
})();
