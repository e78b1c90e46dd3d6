"""The table of leave-one-out in RESULTS.md."""

from formatting import reason, seconds, table

LEFT_OUT = {
    "row": "a row",
    "level": "a level",
    "arviz": "a row, by ArviZ from p(y_i given u)",
}


def leaving(measured: dict) -> str:
    """Rows and levels left out, from draws at hand."""
    head = ("data", "left out", "rows", "draws", "seconds", "largest memory", "elpd")
    rows = []
    for key, m in measured.items():
        if key.startswith("loo "):
            data, leave = key.removeprefix("loo ").split(", ")
            rows.append((data, LEFT_OUT[leave], *_leaving_row(m)))
    note = (
        "From draws at hand, in a process that has left something out before; large: a balanced "
        "design with random intercepts, simulated; schools: two crossed factors of 148 and 19 "
        "levels, simulated, of which a level of the first is left out."
        " ArviZ's row includes the log densities that it has to be handed. No refits: entries "
        "with a high Pareto k are flagged."
    )
    return f"{note}\n\n" + table(head, rows)


def _leaving_row(m: dict) -> tuple[str, ...]:
    if "failed" in m:
        return reason(m, 5)
    return (
        f"{m['rows']:,}",
        f"{m['draws']:,}",
        seconds(m["seconds"]),
        f"{m['peak_mib']:.0f} MiB",
        f"{m['elpd']:.1f}",
    )
