"""What was promised of the speed, and whether it is kept."""

from collections.abc import Callable
from dataclasses import dataclass

SAMPLERS = ("bambi numpyro", "bambi nutpie", "bambi pymc")


@dataclass(frozen=True)
class Bar:
    """One promise.

    Attributes
    ----------
    work, how : str
        What is measured, and by what.
    sense : str
        ``at most`` or ``at least``.
    limit : float
        In ``unit``.
    value : callable
        From the measurements and the quoted figures.
    """

    work: str
    how: str
    sense: str
    limit: float
    unit: str
    value: Callable[[dict, list], float]


def _second(name: str) -> Callable[[dict, list], float]:
    return lambda m, _: m[f"posterior {name}"]["second"]


def _import(what: str) -> Callable[[dict, list], float]:
    return lambda m, _: m[f"import {what}"]["median"]


def _crossed_ml(m: dict, _: list) -> float:
    return m["ML crossed, lmmlib"]["median"]


def _dense_ratio(m: dict, _: list) -> float:
    """Of minima, the twin with the number of threads that serves it best.

    Two can cost it more than they bring.
    """
    all_threads = m["density 2000 rows, 100 groups"]
    one_thread = m["density 2000 rows, 100 groups, one thread"]
    dense = min(result["dense"]["minimum"] for result in (all_threads, one_thread))
    return dense / all_threads["reduced"]["minimum"]


def _rows_ratio(m: dict, _: list) -> float:
    return m["density rows"]["1000000"]["median"] / m["density rows"]["1000"]["median"]


def _against_brms(m: dict, _: list) -> float:
    return m["brms"]["first"] / _second("sleepstudy")(m, _)


def _against_quoted_brms(m: dict, quoted: list) -> float:
    (seconds,) = (q["seconds"] for q in quoted if q["system"].startswith("brms"))
    return seconds / _second("sleepstudy")(m, quoted)


def _against_bambi(m: dict, _: list) -> float:
    fastest = min(m[s]["first"] for s in SAMPLERS if "first" in m[s])
    return fastest / _second("sleepstudy")(m, _)


def _ess_ratio(m: dict, _: list) -> float:
    peers = [m[s]["smallest_ess"] for s in (*SAMPLERS, "brms") if "smallest_ess" in m[s]]
    return m["posterior sleepstudy"]["kish_ess"] / max(peers)


def _loo(what: str) -> Callable[[dict, list], float]:
    return lambda m, _: m[f"loo {what}"]["seconds"]


def _loo_memory(m: dict, _: list) -> float:
    return max(m[f"loo large, {leave}"]["peak_mib"] for leave in ("row", "level"))


DIRECT = "second call in a process, median of five processes"
BARS = (
    Bar(
        "marginal log density after reduction: 10⁶ rows to 10³",
        "the same 100 groups; medians",
        "at most",
        1.2,
        "times",
        _rows_ratio,
    ),
    Bar(
        "marginal log density: dense Cholesky twin to ours",
        "2,000 rows, 100 groups; minima, one thread or all",
        "at least",
        500,
        "times",
        _dense_ratio,
    ),
    Bar(
        "sleepstudy, posterior",
        f"4,096 draws of everything; {DIRECT}",
        "at most",
        0.1,
        "s",
        _second("sleepstudy"),
    ),
    Bar(
        "sleepstudy, posterior: brms to ours",
        "compile and sample, run here",
        "at least",
        1000,
        "times",
        _against_brms,
    ),
    Bar(
        "sleepstudy, posterior: brms as quoted to ours",
        "compile and sample",
        "at least",
        1000,
        "times",
        _against_quoted_brms,
    ),
    Bar(
        "sleepstudy, posterior: Bambi to ours",
        "its fastest sampler, compile and sample",
        "at least",
        100,
        "times",
        _against_bambi,
    ),
    Bar(
        "sleepstudy, effective draws: ours to the best peer's",
        "of the worst parameter",
        "at least",
        1,
        "times",
        _ess_ratio,
    ),
    Bar(
        "thread_like, posterior",
        f"six variance parameters, 4,096 draws; {DIRECT}",
        "at most",
        0.5,
        "s",
        _second("thread_like"),
    ),
    Bar(
        "thread_like, Pareto k",
        "the larger of two seeds",
        "below",
        0.5,
        "",
        lambda m, _: m["posterior thread_like"]["pareto_k"],
    ),
    Bar(
        "Penicillin, posterior",
        f"two crossed factors, 4,096 draws; {DIRECT}",
        "at most",
        0.3,
        "s",
        _second("Penicillin"),
    ),
    Bar(
        "Pastes, posterior",
        f"nested factors, 4,096 draws; {DIRECT}",
        "at most",
        0.3,
        "s",
        _second("Pastes"),
    ),
    Bar(
        "crossed, ML",
        "5,000 rows, 300 × 100 × 14 levels, from the table; median",
        "at most",
        2,
        "s",
        _crossed_ml,
    ),
    Bar(
        "crossed, posterior",
        "1,000 draws; second call in a process, median of three processes",
        "at most",
        20,
        "s",
        _second("crossed"),
    ),
    Bar(
        "crossed, posterior: memory",
        "the largest of its processes",
        "at most",
        1024,
        "MiB",
        lambda m, _: m["posterior crossed"]["peak_mib"],
    ),
    *(
        Bar(
            f"sleepstudy, leave-one-out: {what}",
            "4,000 draws; second call",
            "at most",
            0.3,
            "s",
            _loo(f"sleepstudy, {leave}"),
        )
        for what, leave in (("rows", "row"), ("subjects", "level"))
    ),
    *(
        Bar(
            f"large, leave-one-out: {what}",
            "100,000 rows, 1,000 groups, 1,000 draws",
            "at most",
            90,
            "s",
            _loo(f"large, {leave}"),
        )
        for what, leave in (("rows", "row"), ("groups", "level"))
    ),
    Bar(
        "large, leave-one-out: memory",
        "the larger of both processes",
        "at most",
        2048,
        "MiB",
        _loo_memory,
    ),
    Bar(
        "`import lmmlib`",
        "whole process, bytecode compiled; median",
        "at most",
        1.5,
        "s",
        _import("lmmlib"),
    ),
    Bar(
        "`import lmmlib; lmmlib.Design`",
        "whole process, bytecode compiled; median",
        "at most",
        1.5,
        "s",
        _import("Design"),
    ),
)


def judged(measured: dict, quoted: list) -> list[dict]:
    """Each bar with what was measured and whether it is met.

    None where nothing could be measured.
    """
    return [_judged(bar, measured, quoted) for bar in BARS]


def _judged(bar: Bar, measured: dict, quoted: list) -> dict:
    try:
        value = float(f"{bar.value(measured, quoted):.6g}")
    except (KeyError, ValueError):  # a measurement failed: its reason stands beside it
        value = None
        met = None
    else:
        met = {
            "at most": value <= bar.limit,
            "below": value < bar.limit,
            "at least": value >= bar.limit,
        }[bar.sense]
    return {
        "work": bar.work,
        "how": bar.how,
        "measured": value,
        "sense": bar.sense,
        "limit": bar.limit,
        "unit": bar.unit,
        "met": met,
    }
