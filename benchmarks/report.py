"""RESULTS.md from RESULTS.json: nothing is measured here."""

import json
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
FULL = {
    "posterior sleepstudy": "lmmlib, direct",
    "engine marginal": "lmmlib, marginal PyMC model",
    "engine conditional": "lmmlib, conditional PyMC model",
    "bambi numpyro": "Bambi, NumPyro",
    "bambi nutpie": "Bambi, nutpie",
    "bambi pymc": "Bambi, PyMC",
    "brms": "brms",
}
THREAD = {
    "posterior thread_like": "lmmlib, direct",
    "rstan conditional": "rstan, conditional",
    "rstan marginal": "rstan, marginal, dense V",
}
LEFT_OUT = {
    "row": "a row",
    "level": "a level",
    "arviz": "a row, by ArviZ from p(y_i given u)",
}
FITTED = ("sleepstudy", "Penicillin", "Pastes", "crossed")
SYSTEMS = ("lmmlib", "statsmodels", "lme4")


def text(results: dict, quoted: list) -> str:
    """The whole page."""
    measured = results["measured"]
    parts = [
        "# Speed, side by side\n\nMade from `RESULTS.json` by `make bench`, which measures all "
        "of it in one run. Each measurement has a"
        " process of its own; what was compiled by an earlier one is not found again. Threads "
        "are as each library chooses.",
        _environment(results),
        "## Bars\n\n" + _bars(results["bars"]) + f"\n\n{verdict(results)}.",
        "## The posterior of sleepstudy, `Reaction ~ Days + (Days | Subject)`\n\n"
        + _posteriors(measured, FULL, quoted, "sleepstudy"),
        POSTERIOR_NOTE,
        "## The posterior of thread_like, six variance parameters\n\n"
        + _posteriors(measured, THREAD, quoted, "thread_like"),
        "## Other posteriors\n\n" + _direct(measured),
        "## Leave-one-out\n\n" + _leaving(measured),
        "## Maximum likelihood\n\n" + _fits(measured),
        "## One log density\n\n" + _densities(measured),
        "## Start\n\n" + _start(measured),
    ]
    return "\n\n".join(parts) + "\n"


POSTERIOR_NOTE = (
    "NUTS: four chains of 1,000 draws after as many for warming up. First fit: compiling and "
    "sampling in a fresh process, imports"
    " before it not counted; for lmmlib, direct, the first call, which loads parts of the "
    "package. Smallest ESS: bulk, over every"
    " parameter and effect; for lmmlib, direct, that of the importance weights, which holds for "
    "all. brms and rstan keep the compiled"
    " program, so that their second fit only samples. Each system has priors of its"
    " own. Bambi's model lacks the correlation of intercepts and slopes: its parser of formulas "
    "makes"
    " two uncorrelated terms of `(Days | Subject)`, so it has one parameter less to sample."
)


def verdict(results: dict) -> str:
    """One sentence without a full stop: which bars are met."""
    bars = results["bars"]
    missed = [
        f"{b['work']}: {_value(b['measured'], b['unit'])}, {_limit(b)}"
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
    calm = max(result.get("others", 0.0) for result in results["measured"].values())
    alone = (
        f"other processes took {calm:g} cores at most while a measurement ran (known on Linux "
        "only, and not of brms and rstan)"
    )
    return (
        f"- Date: {results['date']}\n- Machine: {where}\n- Alone: {alone}\n- Versions: {versions}"
    )


def _bars(bars: list[dict]) -> str:
    met = {True: "yes", False: "**no**", None: "not measured"}
    return _table(
        ("work", "how", "measured", "bar", "met"),
        [
            (b["work"], b["how"], _value(b["measured"], b["unit"]), _limit(b), met[b["met"]])
            for b in bars
        ],
    )


def _posteriors(measured: dict, names: dict[str, str], quoted: list, work: str) -> str:
    head = (
        "system",
        "first fit",
        "second fit",
        "sampling alone",
        "smallest ESS",
        "ESS a second, first fit",
        "ESS a second, sampling alone",
    )
    rows = [(system, *_posterior(measured[key])) for key, system in names.items()]
    rows += [
        (f"{q['system']}: quoted, {q['date']}, {q['what']}", f"{q['seconds']:g} s", *[""] * 5)
        for q in quoted
        if q["work"] == work
    ]
    note = (
        "Quoted figures were measured on another machine with two cores, by the calls that "
        "`peers.py` and `peers.R` make."
    )
    return _table(head, rows) + f"\n\n{note}"


def _posterior(result: dict) -> tuple[str, ...]:
    if "failed" in result:
        return _reason(result, 6)
    ess = result.get("smallest_ess", result.get("kish_ess"))
    first = result["first"]
    second = result["second"]
    sampling = result.get("sampling", second)
    return (
        _seconds(first),
        _seconds(second),
        _seconds(sampling),
        f"{ess:,.0f}",
        f"{ess / first:,.0f}",
        f"{ess / sampling:,.0f}",
    )


def _reason(result: dict, columns: int) -> tuple[str, ...]:
    """Why there is nothing, in the first of so many cells."""
    empty = [""] * (columns - 1)
    return (f"not run: {result['failed']}", *empty)


def _direct(measured: dict) -> str:
    head = (
        "data",
        "draws",
        "first call",
        "second call",
        "effective draws",
        "Pareto k",
        "largest memory",
    )
    rows = [
        (key.split(" ", 1)[1], *_direct_row(m))
        for key, m in measured.items()
        if key.startswith("posterior ")
    ]
    return "lmmlib, direct; medians of five processes, of three for crossed.\n\n" + _table(
        head, rows
    )


def _direct_row(m: dict) -> tuple[str, ...]:
    if "failed" in m:
        return _reason(m, 6)
    times = (_seconds(m["first"]), _seconds(m["second"]))
    return (
        f"{m['draws']:,.0f}",
        *times,
        f"{m['kish_ess']:,.0f}",
        f"{m['pareto_k']:z.2f}",
        f"{m['peak_mib']:.0f} MiB",
    )


def _leaving(measured: dict) -> str:
    head = ("data", "left out", "rows", "draws", "seconds", "largest memory", "elpd")
    rows = []
    for key, m in measured.items():
        if key.startswith("loo "):
            data, leave = key.removeprefix("loo ").split(", ")
            rows.append((data, LEFT_OUT[leave], *_leaving_row(m)))
    note = (
        "From draws at hand, in a process that has left something out before; large: a balanced "
        "design with random intercepts, simulated."
        " ArviZ's row includes the log densities that it has to be handed. No refits: entries "
        "with a high Pareto k are flagged."
    )
    return f"{note}\n\n" + _table(head, rows)


def _leaving_row(m: dict) -> tuple[str, ...]:
    if "failed" in m:
        return _reason(m, 5)
    return (
        f"{m['rows']:,}",
        f"{m['draws']:,}",
        _seconds(m["seconds"]),
        f"{m['peak_mib']:.0f} MiB",
        f"{m['elpd']:.1f}",
    )


def _fits(measured: dict) -> str:
    rows = [
        (name, system, *_fit_row(measured[f"ML {name}, {system}"]))
        for name in FITTED
        for system in SYSTEMS
    ]
    note = (
        "From the table to the estimates, formula included. Median and minimum of seven repeats "
        "after the first fit; where a fit takes"
        " more than five seconds, the shorter of two."
    )
    return f"{note}\n\n" + _table(
        ("data", "system", "first fit", "median", "minimum", "−2 log likelihood"), rows
    )


def _fit_row(m: dict) -> tuple[str, ...]:
    if "failed" in m:
        return _reason(m, 4)
    return (*(_seconds(m[k]) for k in ("first", "median", "minimum")), f"{m['criterion']:.6f}")


def _densities(measured: dict) -> str:
    head = (
        "rows and groups",
        "marginal, reduced",
        "conditional",
        "dense twin",
        "dense, V at hand",
        "twin to reduced (minima)",
    )
    rows = [
        (key.split(" ", 1)[1], *_density_row(m))
        for key, m in measured.items()
        if key.startswith("density ") and key != "density rows"
    ]
    note = (
        "Medians of seven repeats, turn by turn; the reduction, made once, is not counted. The "
        "dense twin forms V = ZGZ' + R and"
        " factors it; with V at hand it only factors. Threads cost small dense products more "
        "than they bring: hence the rows with one."
    )
    return f"{note}\n\n" + _table(head, rows)


def _density_row(m: dict) -> tuple[str, ...]:
    if "failed" in m:
        return _reason(m, 5)
    times = (
        _seconds(m[k]["median"]) for k in ("reduced", "conditional", "dense", "dense_factor_alone")
    )
    return (*times, f"{m['dense']['minimum'] / m['reduced']['minimum']:,.0f}")


def _start(measured: dict) -> str:
    names = {
        "import nothing": "Python alone",
        "import lmmlib": "`import lmmlib`",
        "import Design": "`import lmmlib; lmmlib.Design`",
    }
    rows = [
        (name, _seconds(measured[key]["median"]), _seconds(measured[key]["minimum"]))
        for key, name in names.items()
    ]
    return "Whole processes, bytecode compiled; seven repeats.\n\n" + _table(
        ("process", "median", "minimum"), rows
    )


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "not measured"
    if unit == "s":
        return _seconds(value)
    decimals = 2 if value < 10 else 0
    return f"{value:z,.{decimals}f} {unit}".strip()


def _limit(bar: dict) -> str:
    return f"{bar['sense']} {bar['limit']:g} {bar['unit']}".strip()


def _seconds(seconds: float) -> str:
    for unit, factor in (("µs", 1e6), ("ms", 1e3)):
        if seconds * factor < 1000:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = tuple(head)
    rule = ("---",) * len(titles)
    lines = [titles, rule, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    results = json.loads((HERE / "RESULTS.json").read_text("utf8"))
    quoted = json.loads((HERE / "quoted.json").read_text("utf8"))
    (HERE / "RESULTS.md").write_text(text(results, quoted), "utf8")
