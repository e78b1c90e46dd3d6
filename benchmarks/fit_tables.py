"""The tables of maximum likelihood and REML in RESULTS.md."""

from collections.abc import Mapping

from formatting import memory, reason, seconds, table

SMALL = ("sleepstudy", "Penicillin", "Pastes", "crossed")
SYSTEMS_OF_SMALL = ("lmmlib", "statsmodels", "lme4", "glmm", "mixedlm")
SYSTEMS = ("lmmlib", "lme4", "glmm", "mixedlm")


def small_fits(measured: Mapping[str, dict]) -> str:
    """Small tables, fitted again and again in one process."""
    rows = [
        (name, system, *_small_row(measured[f"ML {name}, {system}"]))
        for name in SMALL
        for system in SYSTEMS_OF_SMALL
        if f"ML {name}, {system}" in measured
    ]
    note = (
        "From the table to the estimates, formula included. Median and minimum of seven repeats "
        "after the first fit; where a fit takes"
        " more than five seconds, the shorter of two."
    )
    head = ("data", "system", "first fit", "median", "minimum", "evaluations", "−2 log likelihood")
    return f"{note}\n\n" + table(head, rows)


def _small_row(m: dict) -> tuple[str, ...]:
    if "failed" in m:
        return reason(m, 5)
    times = (seconds(m[k]) for k in ("first", "median", "minimum"))
    return (*times, _evaluations(m), f"{m['criterion']:.6f}")


def large_fits(measured: Mapping[str, dict], works: Mapping[str, str]) -> str:
    """Tables of many rows; ``works`` gives formula and method by name."""
    rows = []
    for name in works:
        results = {s: measured[k] for s in SYSTEMS if (k := f"fit {name}, {s}") in measured}
        least = min((m["criterion"] for m in results.values() if "criterion" in m), default=None)
        rows += [(name, system, *_large_row(m, least)) for system, m in results.items()]
    note = (
        "From a table in memory to the estimates and their standard errors, formula included, in "
        "fresh processes, what a first call loads loaded before: the median of three, of fewer "
        "where they take more than half a minute together. Peak resident, the table included. Fit "
        "by evaluations: seconds of the whole fit over their number. An evaluation by itself: of "
        "the criterion at the optimum, without the gradient that some searches take with it; glmm "
        "offers none. Above the least: of the deviance or REML criterion, "
        "over the smallest that any system has reached. lme4 without its check of derivatives "
        "after the fit, glmm with standard errors from the factor and without degrees of freedom."
    )
    head = (
        "data",
        "system",
        "rows",
        "fit",
        "evaluations",
        "fit by evaluations",
        "an evaluation",
        "peak",
        "criterion",
        "above the least",
    )
    models = "\n".join(f"- {name}: {description}" for name, description in works.items())
    return f"{note}\n\n{models}\n\n" + table(head, rows)


def _large_row(m: dict, least: float | None) -> tuple[str, ...]:
    if "failed" in m:
        return reason(m, 8)
    evaluation = seconds(m["evaluation"]) if "evaluation" in m else ""
    return (
        f"{m['rows']:,.0f}",
        seconds(m["seconds"]),
        _evaluations(m),
        seconds(m["seconds"] / m["evaluations"]),
        evaluation,
        memory(m),
        f"{m['criterion']:.6f}",
        f"{m['criterion'] - least:.1e}",
    )


def _evaluations(m: dict) -> str:
    return f"{m['evaluations']:.0f}" if "evaluations" in m else ""


def large_posteriors(measured: Mapping[str, dict]) -> str:
    """Draws from tables of many rows."""
    head = ("data", "rows", "draws", "seconds", "effective draws", "Pareto k", "peak")
    rows = [
        (name.removeprefix("draws "), *_posterior_row(m))
        for name, m in measured.items()
        if name.startswith("draws ")
    ]
    note = (
        "From a table in memory, formula and search included, in fresh processes. ratings: all "
        "parameters and effects; slopes: the variance parameters and β."
    )
    return f"{note}\n\n" + table(head, rows)


def _posterior_row(m: dict) -> tuple[str, ...]:
    if "failed" in m:
        return reason(m, 6)
    return (
        f"{m['rows']:,.0f}",
        f"{m['draws']:,.0f}",
        seconds(m["seconds"]),
        f"{m['kish_ess']:,.0f}",
        f"{m['pareto_k']:z.2f}",
        memory(m),
    )


def parts(measured: Mapping[str, dict]) -> str:
    """Rows that come as a hundred Parquet files."""
    head = (
        "order of the rows",
        "workers",
        "rows",
        "seconds",
        "reducing",
        "fitting",
        "peak",
        "of a worker",
    )
    rows = []
    for name, m in measured.items():
        if name.startswith("parts "):
            order, workers = name.removeprefix("parts ").removesuffix(" workers").split(", ")
            rows.append((order, workers.replace("0", "none"), *_parts_row(m)))
    note = (
        "Slopes of numbered groups. By group: the rows of a group lie in one file. Any order: in "
        "all of them, so that every file has levels in common with every other."
    )
    return f"{note}\n\n" + table(head, rows)


def _parts_row(m: dict) -> tuple[str, ...]:
    if "failed" in m:
        return reason(m, 6)
    times = (seconds(m[k]) for k in ("seconds", "reducing", "fitting"))
    of_worker = f"{m['peak_of_workers_mib']:.0f} MiB" if m["peak_of_workers_mib"] else ""
    return (f"{m['rows']:,.0f}", *times, memory(m), of_worker)
