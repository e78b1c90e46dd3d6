// On a narrow screen code breaks: each line becomes an element, so that what goes on from it can be told from a new line.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const narrow = window.matchMedia("(max-width: 600px)");
  document.querySelectorAll("div.highlight pre").forEach((code) => {
    // Pygments closes and opens its elements at the end of each line, so that lines can be cut out.
    code.innerHTML = code.innerHTML.replace(/[^\n]+\n?|\n/g, (line) => `<span class="line">${line}</span>`);
  });
  const mark = () => document.querySelectorAll("div.highlight pre span.line").forEach((line) => {
    const height = parseFloat(getComputedStyle(line).lineHeight);
    line.classList.toggle("broken", narrow.matches && line.getBoundingClientRect().height > 1.5 * height);
  });
  mark();
  window.addEventListener("resize", mark);
});
