"""Numbers, reasons and tables as RESULTS.md shows them."""

from collections.abc import Iterable


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    titles = tuple(head)
    rule = ("---",) * len(titles)
    lines = [titles, rule, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def seconds(value: float) -> str:
    """Three digits, in the unit that suits them.

    Examples
    --------
    >>> seconds(0.00012), seconds(1.5)
    ('120 µs', '1.5 s')
    """
    for unit, factor in (("µs", 1e6), ("ms", 1e3)):
        if value * factor < 1000:
            return f"{value * factor:.3g} {unit}"
    return f"{value:.3g} s"


def memory(result: dict) -> str:
    """Peak resident of a process, where it is known."""
    return f"{result['peak_mib']:.0f} MiB" if "peak_mib" in result else ""


def quantity(value: float | None, unit: str) -> str:
    """What was measured, in its unit."""
    if value is None:
        return "not measured"
    if unit == "s":
        return seconds(value)
    decimals = 2 if value < 10 else 0
    return f"{value:z,.{decimals}f} {unit}".strip()


def limit(bar: dict) -> str:
    """What a bar asks for."""
    return f"{bar['sense']} {bar['limit']:g} {bar['unit']}".strip()


def reason(result: dict, columns: int) -> tuple[str, ...]:
    """Why there is nothing, in the first of so many cells."""
    words = result["failed"] if "stopped" in result else f"not run: {result['failed']}"
    return (words, *[""] * (columns - 1))
