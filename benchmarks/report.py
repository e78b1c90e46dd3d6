"""RESULTS.md from RESULTS.json: nothing is measured here.

``python report.py`` judges the bars on what is stored, and writes both.
"""

import json
from collections.abc import Callable
from pathlib import Path

import bars
import fit_tables
import growth_table
from density_table import densities
from formatting import limit, quantity, seconds, table
from large import WORKS
from leave_one_out_table import leaving
from posterior_tables import FULL, POSTERIOR_NOTE, THREAD, direct, first_fits, posteriors

HERE = Path(__file__).parent


def text(results: dict, quoted: list) -> str:
    """The whole page, with a section for whatever was measured."""
    measured = results["measured"]
    introduction = (
        "# Speed, side by side\n\nMade from `RESULTS.json` by `make bench`, which measures all "
        "of it in one run. Each measurement has a"
        " process of its own; what was compiled by an earlier one is not found again. Threads "
        "are as each library chooses."
    )
    if results.get("share", 1) < 1:
        introduction += (
            f"\n\n**A trial with {results['share']:g} of the size of the tables of many rows: "
            "it shows that the programs run, and no speed.**"
        )
    parts = [
        introduction,
        _environment(results),
        "## Bars\n\n" + _bars(results["bars"]) + f"\n\n{verdict(results)}.",
    ]
    for title, start, section in _sections(quoted):
        body = section(measured) if any(name.startswith(start) for name in measured) else ""
        if body:
            parts.append(f"## {title}\n\n{body}")
    return "\n\n".join(parts) + "\n"


def _sections(quoted: list) -> list[tuple[str, str | tuple[str, ...], Callable[[dict], str]]]:
    """Title of each section, how the names of its measurements begin, and its text."""
    works = {name: f"`{work.formula}`, {work.method.upper()}" for name, work in WORKS.items()}
    return [
        (
            "The posterior of sleepstudy, `Reaction ~ Days + (Days | Subject)`",
            tuple(FULL),
            lambda m: f"{posteriors(m, FULL, quoted, 'sleepstudy')}\n\n{POSTERIOR_NOTE}",
        ),
        ("Where a first fit by NumPyro goes", "engine ", first_fits),
        (
            "The posterior of thread_like, six variance parameters",
            tuple(THREAD),
            lambda m: posteriors(m, THREAD, quoted, "thread_like"),
        ),
        ("Other posteriors", "posterior ", direct),
        ("Leave-one-out", "loo ", leaving),
        ("Maximum likelihood", "ML ", fit_tables.small_fits),
        ("Many rows", "fit ", lambda m: fit_tables.large_fits(m, works)),
        ("The posterior of many rows", "draws ", fit_tables.large_posteriors),
        ("Rows beyond memory", "parts ", fit_tables.parts),
        ("Growth", "growth ", growth_table.growth),
        ("A prediction: 27 million ratings of films", "growth ", growth_table.films),
        ("One log density", "density ", densities),
        ("Start", "import ", _start),
    ]


def verdict(results: dict) -> str:
    """One sentence without a full stop: which bars are met."""
    bars = results["bars"]
    missed = [
        f"{b['work']}: {quantity(b['measured'], b['unit'])}, {limit(b)}"
        for b in bars
        if b["met"] is False
    ]
    unknown = [b["work"] for b in bars if b["met"] is None]
    parts = [f"{sum(b['met'] is True for b in bars)} of {len(bars)} bars are met"]
    if missed:
        parts.append(f"missed: {' | '.join(missed)}")
    if unknown:
        parts.append(f"not measured: {' | '.join(unknown)}")
    return "; ".join(parts)


def _environment(results: dict) -> str:
    machine = results["machine"]
    where = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}; load at the start {machine['load_at_start']}"
    )
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    calm = max((result.get("others", 0.0) for result in results["measured"].values()), default=0.0)
    alone = (
        f"other processes took {calm:g} cores at most while a measurement ran (known on Linux "
        "only, and not of brms, rstan and parts)"
    )
    return (
        f"- Date: {results['date']}\n- Machine: {where}\n- Alone: {alone}\n- Versions: {versions}"
    )


def _bars(bars: list[dict]) -> str:
    met = {True: "yes", False: "**no**", None: "not measured"}
    return table(
        ("work", "how", "measured", "bar", "met"),
        [
            (b["work"], b["how"], quantity(b["measured"], b["unit"]), limit(b), met[b["met"]])
            for b in bars
        ],
    )


def _start(measured: dict) -> str:
    names = {
        "import nothing": "Python alone",
        "import lmmlib": "`import lmmlib`",
        "import Design": "`import lmmlib; lmmlib.Design`",
    }
    rows = [
        (name, seconds(measured[key]["median"]), seconds(measured[key]["minimum"]))
        for key, name in names.items()
        if key in measured
    ]
    return "Whole processes, bytecode compiled; seven repeats.\n\n" + table(
        ("process", "median", "minimum"), rows
    )


if __name__ == "__main__":
    results = json.loads((HERE / "RESULTS.json").read_text("utf8"))
    quoted = json.loads((HERE / "quoted.json").read_text("utf8"))
    results["bars"] = bars.judged(results["measured"], quoted)
    stored = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    (HERE / "RESULTS.json").write_text(stored, "utf8")
    (HERE / "RESULTS.md").write_text(text(results, quoted), "utf8")
