"""What was promised of the speed, and whether it is kept."""

from collections.abc import Mapping, Sequence

from bar import DIRECT, Bar, NotMeasuredError, field
from bars_of_many_rows import BARS_OF_MANY_ROWS

SAMPLERS = ("bambi numpyro", "bambi nutpie", "bambi pymc")
QUOTED_BRMS = "quoted brms 2.18, sleepstudy"


def _dense_ratio(all_threads: dict, one_thread: dict) -> float:
    """Of minima, the twin with the number of threads that serves it best.

    Two can cost it more than they bring.
    """
    dense = min(result["dense"]["minimum"] for result in (all_threads, one_thread))
    return dense / all_threads["reduced"]["minimum"]


def _rows_ratio(rows: dict) -> float:
    return rows["1000000"]["median"] / rows["1000"]["median"]


def _against_first_fit(ours: dict, peer: dict) -> float:
    return peer["first"] / ours["second"]


def _against_bambi(ours: dict, *samplers: dict) -> float:
    seconds = [sampler["first"] for sampler in samplers if "first" in sampler]
    if not seconds:
        raise NotMeasuredError
    return min(seconds) / ours["second"]


def _ess_ratio(ours: dict, *peers: dict) -> float:
    sizes = [peer["smallest_ess"] for peer in peers if "smallest_ess" in peer]
    if not sizes:
        raise NotMeasuredError
    return ours["kish_ess"] / max(sizes)


def _largest_memory(*results: dict) -> float:
    return max(result["peak_mib"] for result in results)


BARS = (
    Bar(
        "marginal log density after reduction: 10⁶ rows to 10³",
        "the same 100 groups; medians",
        "at most",
        1.2,
        "times",
        ("density rows",),
        _rows_ratio,
    ),
    Bar(
        "marginal log density: dense Cholesky twin to ours",
        "2,000 rows, 100 groups; minima, one thread or all",
        "at least",
        500,
        "times",
        ("density 2000 rows, 100 groups", "density 2000 rows, 100 groups, one thread"),
        _dense_ratio,
    ),
    Bar(
        "sleepstudy, posterior",
        f"4,096 draws of everything; {DIRECT}",
        "at most",
        0.1,
        "s",
        ("posterior sleepstudy",),
        field("second"),
    ),
    Bar(
        "sleepstudy, posterior: brms to ours",
        "compile and sample, run here",
        "at least",
        1000,
        "times",
        ("posterior sleepstudy", "brms"),
        _against_first_fit,
    ),
    Bar(
        "sleepstudy, posterior: brms as quoted to ours",
        "compile and sample",
        "at least",
        1000,
        "times",
        ("posterior sleepstudy", QUOTED_BRMS),
        lambda ours, quoted: quoted["seconds"] / ours["second"],
    ),
    Bar(
        "sleepstudy, posterior: Bambi to ours",
        "its fastest sampler, compile and sample",
        "at least",
        100,
        "times",
        ("posterior sleepstudy", *SAMPLERS),
        _against_bambi,
    ),
    Bar(
        "sleepstudy, effective draws: ours to the best peer's",
        "of the worst parameter",
        "at least",
        1,
        "times",
        ("posterior sleepstudy", *SAMPLERS, "brms"),
        _ess_ratio,
    ),
    Bar(
        "thread_like, posterior",
        f"six variance parameters, 4,096 draws; {DIRECT}",
        "at most",
        0.5,
        "s",
        ("posterior thread_like",),
        field("second"),
    ),
    Bar(
        "thread_like, Pareto k",
        "the larger of two seeds",
        "below",
        0.5,
        "",
        ("posterior thread_like",),
        field("pareto_k"),
    ),
    Bar(
        "Penicillin, posterior",
        f"two crossed factors, 4,096 draws; {DIRECT}",
        "at most",
        0.3,
        "s",
        ("posterior Penicillin",),
        field("second"),
    ),
    Bar(
        "Pastes, posterior",
        f"nested factors, 4,096 draws; {DIRECT}",
        "at most",
        0.3,
        "s",
        ("posterior Pastes",),
        field("second"),
    ),
    Bar(
        "crossed, ML",
        "5,000 rows, 300 × 100 × 14 levels, from the table; median",
        "at most",
        2,
        "s",
        ("ML crossed, lmmlib",),
        field("median"),
    ),
    Bar(
        "crossed, posterior",
        "1,000 draws; second call in a process, median of three processes",
        "at most",
        20,
        "s",
        ("posterior crossed",),
        field("second"),
    ),
    Bar(
        "crossed, posterior: memory",
        "the largest of its processes",
        "at most",
        1024,
        "MiB",
        ("posterior crossed",),
        field("peak_mib"),
    ),
    *(
        Bar(
            f"sleepstudy, leave-one-out: {what}",
            "4,000 draws; second call",
            "at most",
            0.3,
            "s",
            (f"loo sleepstudy, {leave}",),
            field("seconds"),
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
            (f"loo large, {leave}",),
            field("seconds"),
        )
        for what, leave in (("rows", "row"), ("groups", "level"))
    ),
    *(
        Bar(
            f"schools, leave-one-out: {what}",
            "3,435 rows, 148 × 19 crossed levels, 4,096 draws",
            "at most",
            limit,
            "s",
            (f"loo schools, {leave}",),
            field("seconds"),
        )
        for what, leave, limit in (("rows", "row", 5), ("levels", "level", 20))
    ),
    Bar(
        "large, leave-one-out: memory",
        "the larger of both processes",
        "at most",
        2048,
        "MiB",
        ("loo large, row", "loo large, level"),
        _largest_memory,
    ),
    Bar(
        "`import lmmlib`",
        "whole process, bytecode compiled; median",
        "at most",
        1.5,
        "s",
        ("import lmmlib",),
        field("median"),
    ),
    Bar(
        "`import lmmlib; lmmlib.Design`",
        "whole process, bytecode compiled; median",
        "at most",
        1.5,
        "s",
        ("import Design",),
        field("median"),
    ),
    *BARS_OF_MANY_ROWS,
)


def judged(measured: Mapping[str, dict], quoted: Sequence[Mapping]) -> list[dict]:
    """Each bar of what a run measures with its value and whether it is met.

    None where a measurement failed; a bar is absent where a run did not ask for its measurements.
    """
    known = dict(measured)
    known |= {f"quoted {entry['system']}, {entry['work']}": entry for entry in quoted}
    return [bar.judged(known) for bar in BARS if set(bar.steps) <= set(known)]
