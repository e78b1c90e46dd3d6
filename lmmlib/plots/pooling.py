"""Figures of pooling.

Where partial pooling puts the estimates, and how little a density may say about a scale.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lmmlib.plots.look import COLOURS, figure, legend_above

PARTIAL = "#CC79A7"  # neither formulation's colour: both pool alike


def shrinkage(
    separate: np.ndarray,
    partial: np.ndarray,
    complete: Sequence[float],
    levels: Sequence[str],
    names: Sequence[str] = ("intercept", "slope"),
) -> Figure:
    """Two estimates a level, an arrow from the separate fit to the partially pooled one.

    A star where all are pooled.

    Parameters
    ----------
    separate, partial : ndarray, shape (J, 2)
        Estimates by separate and by partially pooled fits.
    complete : sequence of float
        Estimates of the completely pooled fit.
    levels : sequence of str
        Labels of the J levels.
    names : sequence of str, default: ("intercept", "slope")
        Names of the two coefficients.

    Examples
    --------
    >>> ends = np.array([[0.0, 1.0], [2.0, 3.0]])
    >>> len(shrinkage(ends, ends / 2 + 0.75, (1.0, 2.0), ["a", "b"]).axes[0].texts)
    4
    """
    with figure(figsize=(7.2, 5.2)) as (fig, axes):
        ax = axes[0, 0]
        for start, end in zip(separate, partial, strict=True):
            ax.annotate(
                "",
                end,
                start,
                arrowprops={
                    "arrowstyle": "->",
                    "color": COLOURS["none"],
                    "lw": 1.2,
                    "shrinkA": 3,
                    "shrinkB": 3,
                },
            )
        ax.plot(
            *separate.T,
            "o",
            mfc="white",
            color=COLOURS["truth"],
            label="separate fits (no pooling)",
        )
        ax.plot(
            *partial.T, "o", color=PARTIAL, mec=COLOURS["truth"], mew=0.5, label="partial pooling"
        )
        ax.plot(*complete, "*", ms=14, color=COLOURS["truth"], label="one fit (complete pooling)")
        for point, end, level in zip(separate, partial, levels, strict=True):
            away = np.sign(point[0] - end[0]) or 1.0
            ax.annotate(
                level,
                point,
                (6 * away, 0),
                textcoords="offset points",
                ha="left" if away > 0 else "right",
                va="center",
                fontsize=8,
            )
        ax.set(xlabel=names[0], ylabel=names[1])
        ax.margins(0.08)
        legend_above(ax)
    return fig


def tails(tau: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Log densities of the response against a scale of the effects.

    Relative to their largest value; both axes are in powers of ten.

    Dashed where the last slope is −1 or flatter, so that the area under the curve has no bound.

    Parameters
    ----------
    tau : ndarray, shape (T,)
        Scales, above zero.
    panels : mapping of str to mapping of str to ndarray
        Title to {label: (T,) log densities}; the label stands at the end of its curve.

    Examples
    --------
    >>> tau = np.geomspace(1, 100, 3)
    >>> [text.get_text() for text in tails(tau, {"known": {"J = 1": -np.log(tau)}}).axes[0].texts]
    ['J = 1']
    """
    with figure(1, len(panels), figsize=(7.2, 3.9), sharey=True, sharex=True) as (fig, axes):
        for ax, (title, curves) in zip(axes[0], panels.items(), strict=True):
            for k, (label, values) in enumerate(curves.items()):
                shade = plt.get_cmap("cividis")(0.85 * k / max(len(curves) - 1, 1))
                height = (values - values.max()) / np.log(10)
                slope = (values[-1] - values[-2]) / np.log(tau[-1] / tau[-2])
                ax.plot(np.log10(tau), height, "--" if round(slope) >= -1 else "-", color=shade)
                ax.annotate(
                    label.replace("-", "−"),
                    (np.log10(tau[-1]), height[-1]),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                )
            ax.set(
                title=title,
                xlabel="log₁₀ τ",
                xlim=(np.log10(tau[0]), np.log10(tau[-1]) + 0.28 * np.log10(tau[-1] / tau[0])),
            )
        axes[0, 0].yaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0, 0].set_ylabel("log₁₀ p(y|τ), largest value = 0")
    return fig
