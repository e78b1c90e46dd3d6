// Six groups whose rows are drawn anew, with u or without: the figure in <div class="two-distributions">. σ = 1, μ = 0, nats.
"use strict";

/** What the report says of rows y (a list a group) of groups with effects u of variance psi: log densities, shrinkage, leave-one-out. */
function twoDistributions(psi, u, y) {
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const logNormal = (x, mean, variance) => -0.5 * (Math.log(2 * Math.PI * variance) + (x - mean) ** 2 / variance);
  const m = y[0].length, kappa = m * psi, others = 1 + (m - 1) * psi;
  const conditional = sum(y.map((rows, j) => sum(rows.map((x) => logNormal(x, u[j], 1)))));
  const marginal = sum(y.map((rows) =>
    -0.5 * (m * Math.log(2 * Math.PI) + Math.log1p(kappa) + sum(rows.map((x) => x * x)) - psi * sum(rows) ** 2 / (1 + kappa))));
  // A row given the others of its group: their mean, shrunk, and the variance that is left.
  const rowLeftOut = sum(y.map((rows) => sum(rows.map((x) => logNormal(x, psi * (sum(rows) - x) / others, 1 + psi / others)))));
  const means = y.map((rows) => sum(rows) / m), shrinkage = kappa / (1 + kappa);
  return {
    conditional, marginal, offset: conditional - marginal, expected: (y.length / 2) * Math.log1p(kappa),
    shrinkage, means, estimates: means.map((mean) => shrinkage * mean),
    rowLeftOut: rowLeftOut / (m * y.length), groupLeftOut: marginal / (m * y.length),
  };
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".two-distributions").forEach((panel) => {
  const GROUPS = 6, MOST = 40, READOUTS = {
    conditional: ["log density given <i>u</i>, nats", 1], marginal: ["log density without <i>u</i>, nats", 1],
    offset: ["offset of the two, nats", 1], expected: ["offset expected, nats", 1], shrinkage: ["shrinkage factor", 3],
    rowLeftOut: ["leave one row out, nats per row", 3], groupLeftOut: ["leave one group out, nats per row", 3],
  };
  panel.innerHTML = `
    <div class="controls" role="group" aria-label="Controls of the figure">
      <label>Ratio of SDs, <i>τ</i>/<i>σ</i> <input type="range" name="ratio" min="0" max="2" step="0.1" value="1.2"><output></output></label>
      <label>Rows per group <input type="range" name="rows" min="1" max="${MOST}" value="3"><output></output></label>
      <button type="button" name="new-u">Draw new <i>u</i></button> <button type="button" name="new-rows">Keep <i>u</i>, draw new rows</button>
    </div>
    <svg viewBox="0 0 360 232" role="img" aria-label="Six groups. In each the rows scatter narrowly around the group's effect; without the effects all rows follow one wide density.">
      <text x="30" y="9" class="conditional">a row given <tspan class="i">u</tspan></text><text x="188" y="9" text-anchor="middle">group mean, shrunk</text>
      <text x="358" y="9" class="marginal" text-anchor="end">without <tspan class="i">u</tspan></text>
      <g class="axis"></g><g class="rows"></g><g class="marks"></g><text x="156" y="230" text-anchor="middle">group</text>
    </svg>
    <dl>${Object.entries(READOUTS).map(([name, [label]]) => `<div><dt>${label}</dt><dd data-name="${name}"></dd></div>`).join("")}</dl>
    <p class="said" aria-live="polite"></p>`;

  // Fixed axes, so that a larger τ looks larger: y from −8 to 8; 55 units of width are a density of one.
  const height = (y) => 112 - 12 * y, column = (j) => 30 + 42 * j, ALL = column(GROUPS) + 16;
  const curve = (kind, left, mean, variance) => {
    const points = Array.from({ length: 81 }, (_, i) => mean + Math.sqrt(variance) * (i - 40) / 10);
    const wide = (y) => 55 * Math.exp(-0.5 * (y - mean) ** 2 / variance) / Math.sqrt(2 * Math.PI * variance);
    return `<path class="${kind}" d="M${points.map((y) => `${(left + wide(y)).toFixed(2)} ${height(y).toFixed(2)}`).join("L")}"/>`;
  };
  const line = (kind, x1, y1, x2, y2) => `<path class="${kind}" d="M${x1} ${height(y1)}L${x2} ${height(y2)}"/>`;
  const arrow = (x, from, to) => {
    const down = from > to ? 2 : -2, head = Math.abs(to - from) < 0.2 ? "" : `m-1.7 ${-down}l1.7 ${down}l1.7 ${-down}`;
    return `<path class="arrow" d="M${x} ${height(from)}L${x} ${height(to)}${head}"/><path class="mean" d="M${x - 4} ${height(from)}h8"/>`;
  };
  const ticks = [-8, -4, 0, 4, 8].map((y) => `<text x="24" y="${height(y) + 3}" text-anchor="end">${String(y).replace("-", "−")}</text>`);
  const labels = Array.from({ length: GROUPS }, (_, j) => `<text x="${column(j) + 16}" y="219" text-anchor="middle">${j + 1}</text>`);
  panel.querySelector(".axis").innerHTML = [...ticks, ...labels, `<text x="${ALL + 16}" y="219" text-anchor="middle">all</text>`, line("zero", 28, 0, 358, 0)].join("");
  const dots = panel.querySelector(".rows");
  dots.innerHTML = "<circle r='1.6'/>".repeat(2 * GROUPS * MOST); // each row in its group, and among all

  // The same numbers for every reader at first; sliders scale them and show more of them, and so move what is there.
  let seed = 2020;
  const uniform = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normals = (n) => Array.from({ length: n }, () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
  let effects = normals(GROUPS), noise = Array.from({ length: GROUPS }, () => normals(MOST));
  const control = (name) => panel.querySelector(`[name="${name}"]`);

  function update() {
    const ratio = Number(control("ratio").value), m = Number(control("rows").value);
    const u = effects.map((z) => ratio * z), y = noise.map((e, j) => e.slice(0, m).map((x) => u[j] + x));
    const values = twoDistributions(ratio ** 2, u, y);
    panel.state = { ratio, u, y }; // what is drawn, for the tests
    panel.querySelectorAll("output").forEach((output) => { output.textContent = output.previousElementSibling.value; });
    noise.forEach((e, j) => e.forEach((_, i) => [column(j) + 11, ALL].forEach((left, among) => {
      const dot = dots.children[2 * (MOST * j + i) + among], jitter = 7 * ((i * 0.618 + among * j * 0.3) % 1);
      dot.setAttribute("visibility", i < m ? "visible" : "hidden");
      dot.style.transform = `translate(${left + jitter}px, ${height(i < m ? y[j][i] : u[j])}px)`;
    })));
    panel.querySelector(".marks").innerHTML = u.map((mean, j) => curve("conditional", column(j) + 20, mean, 1)
      + arrow(column(j) + 5, values.means[j], values.estimates[j])).join("") + curve("marginal", ALL + 9, 0, 1 + ratio ** 2);
    const shown = Object.fromEntries(Object.entries(READOUTS).map(([name, [, digits]]) => [name, values[name].toFixed(digits).replace("-", "−")]));
    panel.querySelectorAll("dd").forEach((place) => { place.textContent = shown[place.dataset.name]; });
    return `Shrinkage factor ${shown.shrinkage}, offset ${shown.offset} nats; nats a row: ${shown.rowLeftOut} with a row left out, ${shown.groupLeftOut} with a group.`;
  }

  const say = () => { panel.querySelector(".said").textContent = update(); };
  for (const name of ["ratio", "rows"]) {
    control(name).addEventListener("input", update);
    control(name).addEventListener("change", say); // once a move is over
  }
  control("new-u").addEventListener("click", () => { effects = normals(GROUPS); control("new-rows").click(); });
  control("new-rows").addEventListener("click", () => { noise = noise.map(() => normals(MOST)); say(); });
  update();
  document.getElementById(panel.dataset.picture)?.classList.add("only-in-print"); // the picture that stands in for it
}));
