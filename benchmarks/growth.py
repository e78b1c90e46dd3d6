"""How times grow with the size of the data: exponents and their figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

AXES = {
    "rows": "rows, of 1,000 groups with slopes",
    "groups": "groups with slopes, of five rows each",
    "levels": "levels a, crossed with half as many b, of forty rows each",
    "crossed rows": "rows, of 2,000 × 1,000 crossed levels",
}
CURVES = {
    "reducing": "formula and reduction",
    "evaluation": "one log density",
    "searching": "search, an evaluation",
}


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of log seconds on log size, by least squares.

    Examples
    --------
    >>> round(exponent([1, 10, 100], [2, 20, 200]), 12)
    1.0
    """
    log_sizes = np.log(sizes)
    log_seconds = np.log(seconds)
    centred = log_sizes - log_sizes.mean()
    return float(centred @ log_seconds / (centred @ centred))


@dataclass(frozen=True)
class Curve:
    """One axis of growth.

    Attributes
    ----------
    sizes : tuple of float
        Rows, groups or levels.
    seconds : dict of str to tuple of float
        By the names in ``CURVES``.
    peak_mib : tuple of float
        Peak resident of each process.
    """

    sizes: tuple[float, ...]
    seconds: dict[str, tuple[float, ...]]
    peak_mib: tuple[float, ...]


def curves(measured: Mapping[str, dict]) -> dict[str, Curve]:
    """The axes of which two points were measured at least; points that failed are left out."""
    found = {}
    for axis in AXES:
        points = [m for name, m in measured.items() if _axis(name) == axis and "failed" not in m]
        if len({point["size"] for point in points}) > 1:
            found[axis] = _curve(points)
    return found


def _axis(name: str) -> str | None:
    """``crossed rows`` of ``growth crossed rows 20000``."""
    if not name.startswith("growth "):
        return None
    return name.removeprefix("growth ").rsplit(" ", 1)[0]


def _curve(points: list[dict]) -> Curve:
    ordered = sorted(points, key=lambda point: point["size"])
    seconds = {
        "reducing": tuple(p["reducing"] for p in ordered),
        "evaluation": tuple(p["evaluation"] for p in ordered),
        "searching": tuple(p["searching"] / p["evaluations"] for p in ordered),
    }
    sizes = tuple(p["size"] for p in ordered)
    return Curve(sizes, seconds, tuple(p["peak_mib"] for p in ordered))


def draw(measured: Mapping[str, dict], path: Path) -> None:
    """Write the figure: an axis a panel, logarithmic scales; none where nothing grows."""
    found = curves(measured)
    if not found:
        path.unlink(missing_ok=True)
        return
    import matplotlib as mpl  # slow to import

    mpl.use("svg")
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    with mpl.rc_context({"svg.hashsalt": "growth", "svg.fonttype": "none"}):
        figure = Figure((9, 3.3 * ((len(found) + 1) // 2)), layout="constrained")
        panels = figure.subplots((len(found) + 1) // 2, 2, squeeze=False).ravel()
        for panel in panels[len(found) :]:
            panel.remove()
        for panel, (axis, curve) in zip(panels, found.items(), strict=False):
            for (key, label), marker in zip(CURVES.items(), "os^", strict=True):
                power = exponent(curve.sizes, curve.seconds[key])
                panel.loglog(
                    curve.sizes,
                    curve.seconds[key],
                    marker=marker,
                    label=f"{label}: exponent {power:z.2f}",
                )
            room_for_the_legend = 30 * panel.get_ylim()[1]
            panel.set(xlabel=AXES[axis], ylabel="seconds", ylim=(None, room_for_the_legend))
            panel.xaxis.set_minor_formatter(NullFormatter())
            panel.legend(loc="upper left", fontsize="small", frameon=False)
        figure.savefig(path, metadata={"Date": None})
