// Sphinx puts this behind its search: chapters come before the library, and what is found is shown without TeX.
Scorer.score = ([page, , , , score]) => score - (page === "intro" || (page.startsWith("chapters/") && !page.startsWith("chapters/api")) ? 0 : 1000);

const LETTERS = { alpha: "α", beta: "β", delta: "δ", gamma: "γ", kappa: "κ", lambda: "λ", mu: "μ", nu: "ν", phi: "φ", psi: "ψ",
  rho: "ρ", sigma: "σ", tau: "τ", theta: "θ", Lambda: "Λ", Sigma: "Σ", given: "|", mid: "|", sim: "~", top: "ᵀ", log: "log",
  le: "≤", ge: "≥", times: "×", E: "E", Var: "Var", Cov: "Cov", tr: "tr", N: "N" };
const words = (formula) => formula.replace(/\\([A-Za-z]+|.)/g, (_, name) => LETTERS[name] ?? " ").replace(/[{}^_&]/g, "");
const htmlToText = Search.htmlToText;
Search.htmlToText = (html, anchor) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  page.querySelectorAll("div.math").forEach((formula) => formula.replaceWith(" … "));
  page.querySelectorAll("span.math").forEach((formula) => formula.replaceWith(words(formula.textContent)));
  return htmlToText(page.documentElement.outerHTML, anchor);
};
