"""The table of single log densities in RESULTS.md."""

from formatting import reason, seconds, table


def densities(measured: dict) -> str:
    """Marginal, conditional and dense."""
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
    return f"{note}\n\n" + table(head, rows)


def _density_row(m: dict) -> tuple[str, ...]:
    if "failed" in m:
        return reason(m, 5)
    times = (
        seconds(m[k]["median"]) for k in ("reduced", "conditional", "dense", "dense_factor_alone")
    )
    return (*times, f"{m['dense']['minimum'] / m['reduced']['minimum']:,.0f}")
