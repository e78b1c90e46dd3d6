// What is wider than a narrow screen: code breaks, formulas scroll, and both say so.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const narrow = window.matchMedia("(max-width: 600px)");
  document.querySelectorAll("div.highlight pre").forEach((code) => {
    // Each line becomes an element, so that what goes on from it can be told from a new line.
    // Pygments closes and opens its own elements at the end of each line, so that lines can be cut out.
    code.innerHTML = code.innerHTML.replace(/[^\n]+\n?|\n/g, (line) => `<span class="line">${line}</span>`);
  });
  const isTall = (line) => line.getBoundingClientRect().height > 1.5 * parseFloat(getComputedStyle(line).lineHeight);
  const markCode = () => document.querySelectorAll("div.highlight pre span.line").forEach((line) => {
    line.classList.toggle("broken", narrow.matches && isTall(line));
  });
  const markFormula = (formula) => {
    const left = formula.scrollWidth - formula.clientWidth - formula.scrollLeft;
    formula.classList.toggle("goes-on", left > 2);
  };
  const formulas = () => document.querySelectorAll('mjx-container[display="true"]');
  const mark = () => { markCode(); formulas().forEach(markFormula); };
  markCode();
  window.addEventListener("resize", mark);
  window.addEventListener("load", () => window.MathJax?.startup?.promise.then(() => formulas().forEach((formula) => {
    markFormula(formula);
    formula.addEventListener("scroll", () => markFormula(formula));
  })));
});
