"""Figures of fits and replications side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, color_of, figure, figure_legend, rows_of_panels

GOLDEN = 0.618034  # its multiples, modulo one, are spread evenly, the same at every build
LATTICE_COLUMNS = 6


def differences(names: Sequence[str], z: Sequence[float], bound: float = 5.0) -> Figure:
    """Differences in units of their Monte Carlo error, with the bound that the text asserts.

    Parameters
    ----------
    names : sequence of str
        What is compared.
    z : sequence of float
        Differences in units of their Monte Carlo error, one a name.
    bound : float, default: 5.0
        Largest difference that the text allows.

    Examples
    --------
    >>> len(differences(["a", "b"], [0.1, -2.0]).axes)
    1
    """
    places = range(len(z))
    with figure(height=3.2) as (fig, axes):
        ax = axes[0, 0]
        ax.axhspan(-2, 2, color="#eeeeee", lw=0)
        ax.axhline(0, color=COLORS["truth"], lw=1)
        for edge in (-bound, bound):
            ax.axhline(edge, color=COLORS["none"], ls="--", lw=1)
        ax.vlines(places, 0, z, color=COLORS["none"], lw=1)
        ax.plot(places, z, "o", color=COLORS["truth"])
        ax.set(
            ylabel="difference / MC error",
            xticks=range(len(names)),
            ylim=(-bound - 0.5, bound + 0.5),
        )
        ax.set_xticklabels(names, rotation=60, ha="right", fontsize=8.5)
        ax.grid(visible=False, axis="x")
    return fig


def lattice(
    x: np.ndarray,
    y: np.ndarray,
    groups: Sequence[str],
    lines: Mapping[str, Mapping[str, tuple[float, float]]],
    xlabel: str,
    ylabel: str,
) -> Figure:
    """One small panel per group: its points, and a line for each label as (intercept, slope).

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Points.
    groups : sequence of str
        Group of each point.
    lines : mapping of str to mapping of str to tuple of float
        Label (``conditional …``, ``marginal …``) to {group: (intercept, slope)}.
    xlabel, ylabel : str
        Labels of the axes.

    Examples
    --------
    >>> x = np.arange(3.0)
    >>> figure_ = lattice(
    ...     x, x, ["a", "a", "b"], {"pooled": {"a": (0.0, 1.0), "b": (0.0, 1.0)}}, "x", "y"
    ... )
    >>> len(figure_.axes)
    6
    """
    group_of_rows = np.asarray(groups)
    levels = list(dict.fromkeys(groups))
    rows = rows_of_panels(len(levels), LATTICE_COLUMNS)
    ends = np.array([x.min(), x.max()])
    styles = ("-", "--", ":")
    with figure(rows, LATTICE_COLUMNS, height=1.5 * rows + 0.9, sharex=True, sharey=True) as (
        fig,
        axes,
    ):
        panels = axes.ravel()
        for ax, level in zip(panels, levels, strict=False):
            is_here = group_of_rows == level
            ax.plot(x[is_here], y[is_here], "o", ms=2.8, color="#444444")
            for style, (label, line_of_group) in zip(styles, lines.items(), strict=False):
                intercept, slope = line_of_group[level]
                ax.plot(
                    ends,
                    intercept + slope * ends,
                    style,
                    lw=1.4,
                    color=color_of(label),
                    label=label,
                )
            ax.set_title(level, fontsize=8.5)
            ax.tick_params(labelsize=8)
        for ax in panels[len(levels) :]:
            ax.set_visible(False)
        fig.supxlabel(xlabel, fontsize=10)
        fig.supylabel(ylabel, fontsize=10)
        figure_legend(fig, axes[0, 0], columns=3)
    return fig


def strips(
    values: Mapping[str, Sequence[float]],
    ylabel: str,
    marks: Mapping[str, Sequence[float]] | None = None,
    colors: Mapping[str, str] | None = None,
    band: float | None = None,
) -> Figure:
    """One column of points per quantity, a point per replication.

    Short lines stand where values were expected.

    Parameters
    ----------
    values : mapping of str to sequence of float
        Label to (replications,).
    ylabel : str
        What is counted, and in which unit.
    marks : mapping of str to sequence of float, optional
        Label of a mark (``truth``, …) to its height in each column.
    colors : mapping of str to str, optional
        Label of a column to ``conditional``, ``marginal``, …; grey if None.
    band : float, optional
        Half-width of a grey band around zero, beyond which the scale is logarithmic.

    Examples
    --------
    >>> ax = strips({"a": [0.1, -0.2], "b": [1.0]}, "difference", {"truth": [0.0, 0.0]}).axes[0]
    >>> [text.get_text() for text in ax.get_xticklabels()], len(ax.lines)
    (['a', 'b'], 2)
    """
    marks = marks or {}
    colors = colors or {}
    columns = np.arange(len(values))
    with figure(height=3.6) as (fig, axes):
        ax = axes[0, 0]
        if band is not None:
            ax.axhspan(-band, band, color="#eeeeee", lw=0)
            ax.set_yscale("symlog", linthresh=band)
            ax.yaxis.set_major_formatter("{x:g}")
        for k, (label, sample) in enumerate(values.items()):
            spread = (np.arange(len(sample)) * GOLDEN) % 1 - 0.5
            color = color_of(colors.get(label, "none"))
            ax.plot(k + 0.5 * spread, sample, "o", ms=3, alpha=0.5, color=color)
        for style, (label, heights) in zip(("-", "--"), marks.items(), strict=False):
            ax.hlines(
                heights,
                columns - 0.38,
                columns + 0.38,
                color=COLORS["truth"],
                ls=style,
                lw=1.6,
                label=label,
            )
        ax.set(ylabel=ylabel, xticks=range(len(values)), xlim=(-0.6, len(values) - 0.4))
        ax.set_xticklabels(list(values))
        ax.grid(visible=False, axis="x")
        if marks:
            figure_legend(fig, ax, columns=2)
    return fig
