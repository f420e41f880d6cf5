// Runs last: lays out the registered sections, and builds each when it comes near the window.
(() => {
"use strict";

const { make, sections, data } = report;

function build(entry) {
  if (entry.built) return;
  entry.built = true;
  entry.host.replaceChildren();
  try {
    entry.build(entry.host);
  } catch (error) {
    entry.host.append(make("p", { class: "why-none" }, `This section could not be drawn: ${error.message}`));
    console.error(error);
  }
}

/** What a reader moves the page with. */
const MOVES = ["wheel", "touchmove", "keydown", "pointerdown"];
const SETTLED = 1000;
const LONGEST = 8000;

let holding = null;
for (const move of MOVES) window.addEventListener(move, () => { holding = null; }, { capture: true, passive: true });

/**
 * Scrolls to an element, and again while what stands above it is still being drawn: until it has stood still for a
 * second, or the reader moves.
 */
report.hold = (element, block = "start") => {
  const begun = performance.now();
  let [moved, at] = [begun, null];
  const own = () => {
    if (holding !== own) return;
    const now = performance.now();
    if (at === null || Math.abs(element.getBoundingClientRect().top - at) > 1) {
      element.scrollIntoView({ block, inline: "nearest", behavior: "instant" });
      at = element.getBoundingClientRect().top;
      moved = now;
    }
    if (now - moved < SETTLED && now - begun < LONGEST) requestAnimationFrame(own);
  };
  holding = own;
  own();
};

/** Builds a section now, with all above it, which would push it down later; scrolls to it where asked. */
report.reveal = (id, scroll = false) => {
  const place = sections.findIndex((one) => one.id === id);
  if (place < 0 || !sections[place].host) return;
  sections.slice(0, place + 1).forEach(build);
  if (scroll) report.hold(sections[place].element);
};

function lay(entry, number) {
  const heading = make("h2", { id: `${entry.id}-title` }, entry.title);
  entry.host = make("div", { class: "host" });
  entry.element = make("section", { id: entry.id, "aria-labelledby": `${entry.id}-title` }, heading, entry.host);
  document.getElementById("content").append(entry.element);
  entry.anchor = make("a", { href: `#${entry.id}` }, make("span", { class: "step" }, String(number)), entry.title);
  // The address alone says nothing where it has the section's name already.
  entry.anchor.addEventListener("click", () => report.reveal(entry.id, true));
  document.getElementById("contents").append(entry.anchor);
}

function watch() {
  const near = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      build(sections.find((entry) => entry.element === target));
    }
  }, { rootMargin: "300px 0px" });
  const read = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      const entry = sections.find((one) => one.element === target);
      if (isIntersecting) entry.anchor.setAttribute("aria-current", "true");
      else entry.anchor.removeAttribute("aria-current");
    }
  }, { rootMargin: "-30% 0px -65% 0px" });
  for (const entry of sections) {
    near.observe(entry.element);
    read.observe(entry.element);
  }
}

function follow() {
  const id = window.location.hash.slice(1);
  if (sections.some((entry) => entry.id === id)) report.reveal(id, true);
}

sections.forEach((entry, index) => lay(entry, index + 1));
report.edges(document.getElementById("contents"));
watch();
follow();
window.addEventListener("hashchange", follow);
window.addEventListener("beforeprint", () => {
  sections.forEach(build);
  report.printing();
});

const { made } = data;
document.getElementById("colophon").prepend(make("p", {},
  `Made on ${made.at} by taxoloss ${made.taxoloss} with torch ${made.torch} and Python ${made.python}. `
  + "The page loads nothing: its numbers stand in it as JSON, in the element with the id “document”."));
})();
