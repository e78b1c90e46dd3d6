"""Figures of SDs: their priors, and what is learned about them."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, color_of, figure, figure_legend, rows_of_panels

BINS = 40


def sd_priors(
    sd: np.ndarray, densities: Mapping[str, np.ndarray], posterior: tuple[float, float]
) -> Figure:
    """Prior densities of one SD.

    Left on ordinary axes, right on logarithmic ones, with the place where the data put it.

    Parameters
    ----------
    sd : ndarray, shape (G,)
        Grid of SDs above zero, from far below the posterior on.
    densities : mapping of str to ndarray
        Label to (G,), on the axis of the SD.
    posterior : tuple of float
        Ends of an interval.

    Examples
    --------
    >>> sd = np.geomspace(1e-3, 3, 7)
    >>> [len(ax.lines) for ax in sd_priors(sd, {"a": sd, "b": 2 * sd}, (0.1, 0.2)).axes]
    [2, 2]
    """
    # Neither density is of a formulation.
    colors = (COLORS["truth"], COLORS["none"])
    styles = ("-", "--")
    with figure(1, 2, height=3.4) as (fig, axes):
        plain, logarithmic = axes[0]
        for ax in (plain, logarithmic):
            for (label, density), color, style in zip(
                densities.items(), colors, styles, strict=False
            ):
                ax.plot(sd, density, style, color=color, label=label)
            ax.axvspan(*posterior, color=COLORS["none"], alpha=0.35, lw=0)
            ax.set_xlabel("σ")
        plain.set(ylabel="prior density of σ", xlim=(0, sd.max()), ylim=(0, None))
        logarithmic.set(xscale="log", yscale="log", ylim=(1e-3, 3), xlim=(sd.min(), sd.max()))
        logarithmic.annotate(
            "where the data put σ",
            (posterior[1], 6e-3),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=9,
        )
        figure_legend(fig, plain, columns=2)
    return fig


def sd_posteriors(
    sd: np.ndarray,
    curves: Mapping[str, Mapping[str, np.ndarray]],
    draws: Mapping[str, Mapping[str, np.ndarray]],
    truth: Mapping[str, float],
) -> Figure:
    """Densities of SDs as lines, draws as outlines of histograms, the truth as a vertical line.

    One panel per SD.

    Parameters
    ----------
    sd : ndarray, shape (G,)
        Values on the axis.
    curves : mapping of str to mapping of str to ndarray
        Title to {label: density (G,)}, the first of them dashed: the prior.
    draws : mapping of str to mapping of str to ndarray
        Title to {label (``conditional …``, ``marginal …``): draws}.
    truth : mapping of str to float
        Title to value.

    Examples
    --------
    >>> sd = np.linspace(0, 3, 7)
    >>> len(
    ...     sd_posteriors(
    ...         sd, {"a": {"prior": np.exp(-sd)}}, {"a": {"conditional": sd}}, {"a": 1.0}
    ...     ).axes
    ... )
    1
    """
    columns = len(curves) if len(curves) < 5 else 3
    rows = rows_of_panels(len(curves), columns)
    with figure(rows, columns, height=1.9 * rows + 0.9, sharex=True) as (fig, axes):
        panels = axes.ravel()
        for ax, title in zip(panels, curves, strict=False):
            _sd_panel(ax, sd, curves[title], draws[title])
            ax.axvline(truth[title], color=COLORS["published"], lw=1.6, label="truth")
            ax.set(title=title, yticks=[], xlim=(sd.min(), sd.max()))
            ax.grid(visible=False, axis="y")
        without_panel_below = panels[len(curves) - columns : len(curves)]
        for ax in without_panel_below:
            ax.tick_params(labelbottom=True)
        for ax in panels[len(curves) :]:
            ax.set_visible(False)
        fig.supxlabel("standard deviation of an effect", fontsize=10)
        figure_legend(fig, axes[0, 0], columns=3)
    return fig


def _sd_panel(
    ax: Axes, sd: np.ndarray, curves: Mapping[str, np.ndarray], draws: Mapping[str, np.ndarray]
) -> None:
    """Outlines of the draws, a dashed prior and a posterior."""
    edges = np.linspace(sd.min(), sd.max(), BINS + 1).tolist()
    for label, values in draws.items():
        ax.hist(
            values,
            edges,
            density=True,
            histtype="step",
            lw=1.4,
            color=color_of(label),
            label=label,
        )
    lines = (("--", "#555555"), ("-", COLORS["truth"]))
    for (style, color), (label, density) in zip(lines, curves.items(), strict=False):
        ax.plot(sd, density, style, color=color, lw=1.1, label=label)
