"""Promises beside lme4, glmm and mixedlm, of many rows, and that nothing became slower."""

import earlier
from bar import Bar, at_least_seconds, field, quotient
from growth import exponent
from steps import EARLIER, GROWTH, ORDERS

SMALL = ("sleepstudy", "Penicillin", "Pastes", "crossed")
CROSSED = "crossed 6000 x 3500"
SLOPES = "slopes 100000"
GROUPS = tuple(f"growth groups {size}" for size in GROWTH["groups"])
FIT = "from a table in memory, formula included; a process each, median"
A_TENTH_MORE = 1.1  # is no slower: medians of one program differ


def _times_of_peer(ours: dict, peer: dict) -> float:
    return ours["seconds"] / at_least_seconds(peer)


def _faster_than_peer(ours: dict, peer: dict) -> float:
    return at_least_seconds(peer) / ours["seconds"]


def _growth_with_groups(*results: dict) -> float:
    sizes = [result["size"] for result in results]
    return exponent(sizes, [result["evaluation"] for result in results])


def _level(name: str) -> Bar:
    return Bar(
        f"{name}, ML: lmmlib to lme4",
        "from the table, formula included; medians",
        "at most",
        1,
        "times",
        (f"ML {name}, lmmlib", f"ML {name}, lme4"),
        quotient("median"),
    )


def _at_most_times(name: str, peer: str, limit: float) -> Bar:
    steps = (f"fit {name}, lmmlib", f"fit {name}, {peer}")
    work = f"{name}, fit: lmmlib to {peer}"
    return Bar(work, FIT, "at most", limit, "times", steps, _times_of_peer)


def _at_least_faster(name: str, peer: str, limit: float) -> Bar:
    steps = (f"fit {name}, lmmlib", f"fit {name}, {peer}")
    work = f"{name}, fit: {peer} to lmmlib"
    return Bar(work, FIT, "at least", limit, "times", steps, _faster_than_peer)


def _memory(work: str, step: str, limit: float) -> Bar:
    how = "peak resident of a fresh process, table included"
    return Bar(f"{work}: memory", how, "at most", limit, "MiB", (step,), field("peak_mib"))


def _seconds(work: str, how: str, step: str, limit: float) -> Bar:
    return Bar(work, how, "at most", limit, "s", (step,), field("seconds"))


def _of_parts(order: str) -> tuple[Bar, ...]:
    work = f"10⁷ rows in 100 Parquet parts, {order}"
    alone = f"parts {order}, 0 workers"
    both = f"parts {order}, 2 workers"
    two_workers = Bar(
        f"{work}: two workers to one process",
        "reduced and fitted, 10⁵ groups with slopes; medians",
        "at most",
        0.65,
        "times",
        (both, alone),
        quotient("seconds"),
    )
    return (
        _seconds(work, "reduced and fitted in one process, 10⁵ groups with slopes", alone, 60),
        _memory(work, alone, 2048),
        two_workers,
    )


def _first_fit(model: str, step: str, limit: float) -> Bar:
    return Bar(
        f"sleepstudy, marginal PyMC model, {model}: first fit, to Bambi's",
        "NumPyro, imports apart; Bambi's model is the one without the correlation",
        "at most",
        limit,
        "times",
        (step, "bambi numpyro"),
        quotient("first"),
    )


def _not_slower(name: str) -> Bar:
    def times(now: dict, then: dict) -> float:
        return earlier.seconds(now) / earlier.seconds(then)

    return Bar(
        f"{name}: lmmlib to the version before",
        f"both in this run; commit {earlier.COMMIT}",
        "at most",
        A_TENTH_MORE,
        "times",
        (name, f"{EARLIER} {name}"),
        times,
    )


BARS_OF_MANY_ROWS = (
    *(_level(name) for name in SMALL),
    _at_most_times("ratings", "glmm", 1.5),
    _at_least_faster("ratings", "lme4", 10),
    _memory("ratings, fit", "fit ratings, lmmlib", 400),
    _seconds("ratings, posterior", "1,000 draws, from a table in memory", "draws ratings", 30),
    _memory("ratings, posterior", "draws ratings", 1024),
    Bar(
        "ratings, Pareto k",
        "the median of its processes",
        "below",
        0.5,
        "",
        ("draws ratings",),
        field("pareto_k"),
    ),
    _at_most_times(CROSSED, "glmm", 1),
    _memory(f"{CROSSED}, fit", f"fit {CROSSED}, lmmlib", 2048),
    _at_most_times(SLOPES, "glmm", 3),
    _at_least_faster(SLOPES, "lme4", 8),
    _memory(f"{SLOPES}, fit", f"fit {SLOPES}, lmmlib", 1536),
    _seconds(
        f"{SLOPES}, posterior of variance parameters and β",
        "1,000 draws, from a table in memory",
        f"draws {SLOPES}",
        20,
    ),
    *(bar for order in ORDERS for bar in _of_parts(order)),
    _first_fit("no correlation", "engine marginal, uncorrelated", 1),
    _first_fit("with the correlation", "engine marginal", 1.3),
    Bar(
        "growth of one log density with groups, 10⁴ to 10⁶",
        "exponent, least squares of logarithms",
        "at most",
        1.05,
        "",
        GROUPS,
        _growth_with_groups,
    ),
    *(_not_slower(name) for name in earlier.AGAIN),
)
