"""Figures of estimates and of data with fitted lines."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.look import COLOURS, colour, figure, marker


def estimates(
    panels: Mapping[str, Sequence[str]],
    results: Mapping[str, Mapping[str, tuple[float, float, float]]],
) -> Figure:
    """Points with intervals, one panel per kind of parameter.

    Parameters
    ----------
    panels : mapping of str to sequence of str
        Title to names of parameters.
    results : mapping of str to mapping of str to tuple of float
        Label (``conditional …``, ``marginal …``, ``truth``, ``published …``) to {name: (value, low,
        high)}.

    Examples
    --------
    >>> len(estimates({"σ": ["sigma"]}, {"conditional": {"sigma": (1.0, 0.9, 1.2)}}).axes)
    1
    """
    with figure(1, len(panels), figsize=(7.2, 3.6)) as (fig, axes):
        for ax, (title, names) in zip(axes[0], panels.items(), strict=True):
            for k, (label, values) in enumerate(results.items()):
                present = [i for i, name in enumerate(names) if name in values]
                at = np.array(present) + 0.18 * (k - (len(results) - 1) / 2)
                value, low, high = np.array([values[names[i]] for i in present]).reshape(-1, 3).T
                size = 11 if marker(label) == "_" else 5
                ax.errorbar(
                    at,
                    value,
                    (value - low, high - value),
                    fmt=marker(label),
                    color=colour(label),
                    ms=size,
                    lw=1.4,
                    label=label,
                )
            ax.set(title=title, xticks=range(len(names)), xlim=(-0.6, len(names) - 0.4))
            ax.set_xticklabels(names)
            ax.grid(visible=False, axis="x")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper left", ncols=4)
    return fig


def differences(names: Sequence[str], z: Sequence[float], bound: float = 5.0) -> Figure:
    """Differences in units of their Monte Carlo error, with the bound that the text asserts.

    Examples
    --------
    >>> len(differences(["a", "b"], [0.1, -2.0]).axes)
    1
    """
    with figure(figsize=(7.2, 3.2)) as (fig, axes):
        ax = axes[0, 0]
        ax.axhspan(-2, 2, color="#eeeeee", lw=0)
        ax.axhline(0, color=COLOURS["truth"], lw=1)
        for edge in (-bound, bound):
            ax.axhline(edge, color=COLOURS["none"], ls="--", lw=1)
        ax.vlines(range(len(z)), 0, z, color=COLOURS["none"], lw=1)
        ax.plot(range(len(z)), z, "o", color=COLOURS["truth"])
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

    Examples
    --------
    >>> x = np.arange(3.0)
    >>> figure_ = lattice(
    ...     x, x, ["a", "a", "b"], {"pooled": {"a": (0.0, 1.0), "b": (0.0, 1.0)}}, "x", "y"
    ... )
    >>> len(figure_.axes)
    6
    """
    levels = list(dict.fromkeys(groups))
    groups, columns = np.asarray(groups), 6
    with figure(
        -(-len(levels) // columns),
        columns,
        sharex=True,
        sharey=True,
        figsize=(7.2, 1.5 * -(-len(levels) // columns) + 0.9),
    ) as (
        fig,
        axes,
    ):
        for ax, level in zip(axes.ravel(), levels, strict=False):
            here = groups == level
            ax.plot(x[here], y[here], "o", ms=2.8, color="#444444")
            for style, (label, by_group) in zip(("-", "--", ":"), lines.items(), strict=False):
                intercept, slope = by_group[level]
                edge = np.array([x.min(), x.max()])
                ax.plot(
                    edge, intercept + slope * edge, style, lw=1.4, color=colour(label), label=label
                )
            ax.set_title(level, fontsize=8.5)
            ax.tick_params(labelsize=8)
        for ax in axes.ravel()[len(levels) :]:
            ax.set_visible(False)
        fig.supxlabel(xlabel, fontsize=10)
        fig.supylabel(ylabel, fontsize=10)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper left", ncols=3)
    return fig
