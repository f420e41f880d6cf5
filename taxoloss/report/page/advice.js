// Section 6: what the answers suggest of the tree; offered, and never done.
(() => {
"use strict";

const { data, format, make, link } = report;

function mergeCard(one) {
  const cell = (value, right) => make("td", { class: `number${right ? " right" : ""}` }, format.count(value));
  const head = (content, scope) => make("th", { scope }, content);
  return make("li", { class: "offer" }, make("p", {}, one.text),
    make("div", { class: "scrolling" }, make("table", { class: "plain" },
      make("caption", {}, "Rows by their truth, and what they are answered"),
      make("thead", {}, make("tr", {}, head("truth", "col"), head(link(one.a), "col"), head(link(one.b), "col"))),
      make("tbody", {},
        make("tr", {}, head(link(one.a), "row"), cell(one.a_right, true), cell(one.a_as_b, false)),
        make("tr", {}, head(link(one.b), "row"), cell(one.b_as_a, false), cell(one.b_right, true))))));
}

function moveCard(one) {
  return make("li", { class: "offer" }, make("p", {}, one.text),
    report.plainTable([{ title: "Where its rows are answered" }, { title: "Rows", number: true }], [
      ["anywhere", format.count(one.rows)],
      ["as its own siblings", format.count(one.home)],
      [make("span", {}, "inside ", link(one.to)), format.count(one.away)],
    ], ["Rows of ", link(one.node)]));
}

function offers(host, title, none, found, card) {
  host.append(make("h3", {}, title));
  if (found.length === 0) report.say(host, none);
  else host.append(make("ul", { class: "offers" }, found.map(card)));
}

report.section("advice", "Advice on the tree", (host) => {
  const { looked_at: looked, merge, move } = data.advice;
  host.append(make("p", {}, "The answers suggest this; whether the tree should change is for a person who knows the "
    + "classes. These are suggestions; nothing was changed."));
  if (data.advice.why) {
    report.say(host, data.advice.why);
    return;
  }
  host.append(make("p", { class: "note" }, `${format.counted(looked, "pair of nodes was", "pairs of nodes were")} `
    + "looked at; only what chance does not explain is listed."));
  offers(host, "Siblings that are confused more than told apart", "There are none.", merge, mergeCard);
  offers(host, "Nodes nearer to a foreign branch", "There are none.", move, moveCard);
});
})();
