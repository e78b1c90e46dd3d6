// The figure of chapters/explore.md, computed from the closed forms of that page; sigma = 1, log densities in nats.
"use strict";

/** The page's formulas for K groups of m rows; known and fresh are less the log density that knowing u would give. */
function balanced(m, K, ratio) {
  const psi = ratio ** 2, kappa = m * psi;
  const known = -0.5 * Math.log((1 + kappa) / (1 + kappa - psi)), fresh = -Math.log1p(kappa) / (2 * m);
  return {
    kappa, known, fresh, shrinkage: kappa / (1 + kappa), offset: (K / 2) * Math.log1p(kappa),
    gap: known - fresh, total: m * K * (known - fresh),
    sdConditional: Math.sqrt(1 / m), sdMarginal: Math.sqrt((1 + kappa) / m),
  };
}

document.addEventListener("DOMContentLoaded", () => {
  const part = (name) => document.getElementById(`explore-${name}`);
  const sliders = ["m", "K", "ratio"].map(part);
  const number = (x, digits) => x.toFixed(digits).replace("-", "\u2212");
  const steps = (n) => Array.from({ length: n + 1 }, (_, i) => i / n);

  /** A panel of 340 by 230 units: axes for the ranges, then the marks; x and y map values to units. */
  function draw(svg, [left, right], [bottom, top], xTicks, yTicks, marks) {
    const x = (v) => 44 + (288 * (v - left)) / (right - left), y = (v) => 192 - (172 * (v - bottom)) / (top - bottom);
    const line = (kind, points) => `<path class="${kind}" d="M${points.map(([a, b]) => `${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("L")}"/>`;
    svg.querySelector("g").innerHTML = marks(line)
      + xTicks.map(([v, label]) => `<text x="${x(v)}" y="208" text-anchor="${v === right ? "end" : "middle"}">${label}</text>`).join("")
      + yTicks.map(([v, label]) => `<text x="40" y="${y(v) + 4}" text-anchor="end">${label}</text>`).join("")
      + line("axis", [[left, bottom], [right, bottom]]);
  }

  function update() {
    const [m, K, ratio] = sliders.map((slider) => Number(slider.value));
    const found = balanced(m, K, ratio), reach = 3 * found.sdMarginal, floor = -0.55 * Math.log1p(Math.max(ratio, 0.1) ** 2);
    sliders.forEach((slider) => { part(`${slider.id.slice(8)}-value`).textContent = slider.value; });

    // Curves of equal area, in units of the conditional peak; the effects stand at the K quantiles of their distribution.
    const curve = (mean, sd) => steps(160).map((s) => mean + sd * (8 * s - 4)).filter((v) => Math.abs(v) <= reach)
      .map((v) => [v, (found.sdConditional / sd) * Math.exp(-0.5 * ((v - mean) / sd) ** 2)]);
    const effects = steps(K - 1).map((s) => ratio * quantile((s * (K - 1) + 0.5) / K));
    const unit = 10 ** Math.floor(Math.log10(reach)), tick = unit * (reach / unit < 2 ? 0.5 : reach / unit < 5 ? 1 : 2);
    draw(part("densities"), [-reach, reach], [0, 1.05], [-tick, 0, tick].map((v) => [v, number(v, v % 1 && 1)]), [], (line) =>
      effects.map((u) => line("conditional thin", curve(u, found.sdConditional))).join("") + line("marginal", curve(0, found.sdMarginal)));

    const sizes = steps(120).map((s) => 2 * s), at = (name) => sizes.map((s) => [s, balanced(10 ** s, K, ratio)[name]]), here = Math.log10(m);
    const step = tidy(-floor / 2), places = Math.max(0, -Math.floor(Math.log10(step)));
    const levels = [0, 1, 2, 3, 4].map((k) => -k * step).filter((v) => v >= floor).map((v) => [v, number(v, v && places)]);
    draw(part("rows"), [0, 2], [floor, 0], [0, 1, 2].map((v) => [v, 10 ** v]), levels, (line) =>
      line("axis", [[here, floor], [here, 0]]) + line("gap", [[here, found.known], [here, found.fresh]])
      + line("conditional", at("known")) + line("marginal", at("fresh")));

    for (const [name, digits] of [["kappa", 2], ["shrinkage", 3], ["offset", 2], ["known", 4], ["fresh", 4], ["gap", 4], ["total", 2]])
      part(name).textContent = number(found[name], digits);
    return `Offset ${number(found.offset, 2)} nats, shrinkage factor ${number(found.shrinkage, 3)}, gap ${number(found.gap, 4)} nats per row.`;
  }

  /** The largest of 1, 2 or 5 times a power of ten that is not above x. */
  function tidy(x) {
    const unit = 10 ** Math.floor(Math.log10(x));
    return unit * (x / unit < 2 ? 1 : x / unit < 5 ? 2 : 5);
  }

  /** Standard normal quantile, by bisection of the logistic approximation to 0.0002 of probability: for the picture only. */
  function quantile(p) {
    let low = -4, high = 4;
    for (let i = 0; i < 40; i++) {
      const mid = (low + high) / 2;
      if (1 / (1 + Math.exp(-1.5976 * mid - 0.07056 * mid ** 3)) < p) low = mid; else high = mid;
    }
    return low;
  }

  update();
  part("panel").hidden = false;
  document.body.classList.add("explores"); // the style sheet hides the printed figure, on screen only
  sliders.forEach((slider) => slider.addEventListener("input", update));
  sliders.forEach((slider) => slider.addEventListener("change", () => { part("said").textContent = update(); })); // once a move is over
});
