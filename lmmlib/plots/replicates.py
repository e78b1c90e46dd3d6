"""Figures of replicates beside the data, by what is kept and what is drawn anew."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import gaussian_kde

from lmmlib.plots.style import COLORS, color_of_levels, figure, rows_of_panels
from lmmlib.prediction import PredictiveCheck

BINS = 60
TAIL = 0.001  # of replicates on either side that a panel, or a hill's own scale, leaves out
OVERLAID = 60  # densities of replicates in a panel: enough to see their spread
SLIVER = 0.05  # of a panel's width, below which a hill cannot be seen


def replicated_statistics(checks: Mapping[str, PredictiveCheck]) -> Figure:
    """Replicates of a statistic as a hill for each kind of replicates, p beside it, data as a line.

    One panel a statistic. A hill around the data that would be a sliver on the panel's scale is
    drawn once more, on a scale of its own.

    Parameters
    ----------
    checks : mapping of str to PredictiveCheck
        Results of :func:`lmmlib.predictive_check` by label (``known groups``, ``new groups``, …),
        all of the same statistics of the same data.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"observed": [0.5], "mean": [0.0], "sd": [1.0], "p": [0.3]}, index=["skewness"]
    ... )
    >>> check = PredictiveCheck(
    ...     table, pd.DataFrame({"skewness": np.linspace(-1, 1, 50)}), None, "new"
    ... )
    >>> ax = replicated_statistics({"known groups": check, "new groups": check}).axes[0]
    >>> [text.get_text() for text in ax.get_yticklabels()], ax.get_title("left")
    (['known groups', 'new groups'], 'skewness')
    """
    any_check = next(iter(checks.values()))
    statistics = list(any_check.table.index)
    height = 0.75 * len(checks) + 1.1
    with figure(1, len(statistics), height=height, sharey=True) as (fig, axes):
        for ax, name in zip(axes[0], statistics, strict=True):
            observed = any_check.table.loc[name, "observed"]
            edges = _edges(
                [check.replicates[name].to_numpy() for check in checks.values()], observed
            )
            for k, (label, check) in enumerate(checks.items()):
                values = check.replicates[name].to_numpy()
                color = color_of_levels(label)
                _hill(ax, values, edges, -k, color)
                _magnify_sliver(ax, values, observed, -k, color, edges)
                _write_p(ax, check.table.loc[name, "p"], -k)
            ax.axvline(observed, color=COLORS["truth"], lw=1.6)
            ax.set(yticks=[-k for k in range(len(checks))], ylim=(-len(checks) + 0.9, 0.95))
            ax.set_title(name.replace("_", " "), fontsize=10, loc="left")
            ax.set_yticklabels(list(checks), va="bottom")
            ax.grid(visible=False)
            ax.tick_params(labelsize=8.5)
            ax.tick_params(axis="y", length=0)
    return fig


def density_overlay(y: np.ndarray, replicates: Mapping[str, np.ndarray]) -> Figure:
    """The density of the response over those of its replicates, a thin line for each.

    One panel per kind, two side by side: the picture of ``pp_check`` in brms and of
    ``plot_ppc_dist`` in ArviZ.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Response.
    replicates : mapping of str to ndarray
        Title (``known …``, ``new …``) to (S, n), of which 60 are drawn, from all chains alike.

    Notes
    -----
    Gaussian kernels of Scott's width, a width for each line. All panels share the axis of y,
    from the response widened by half its range on either side; replicates may go beyond. The
    data lie below as a thick line, so that replicates that repeat them are seen.

    References
    ----------
    Gabry et al. (2019), J. R. Stat. Soc. A 182(2), for the picture.

    Examples
    --------
    >>> y = np.arange(5.0)
    >>> drawn = density_overlay(y, {"known effects": y + np.ones((9, 1)), "new effects": y[None]})
    >>> [(ax.get_title("left"), len(ax.lines)) for ax in drawn.axes]
    [('known effects', 10), ('new effects', 2)]
    """
    columns = min(2, len(replicates))
    rows = rows_of_panels(len(replicates), columns)
    margin = np.ptp(y) / 2
    grid = np.linspace(y.min() - margin, y.max() + margin, 300)
    density_of_data = gaussian_kde(y)(grid)
    with figure(rows, columns, height=1.6 * rows + 0.9, sharex=True, sharey=True) as (fig, axes):
        for ax, (title, values) in zip(axes.ravel(), replicates.items(), strict=False):
            ax.plot(grid, density_of_data, color=COLORS["truth"], lw=5)
            picked = np.linspace(0, len(values) - 1, min(OVERLAID, len(values))).astype(int)
            for replicate in values[picked]:
                density = gaussian_kde(replicate)(grid)
                ax.plot(grid, density, color=color_of_levels(title), lw=0.7)
            ax.set(yticks=[], xlim=grid[[0, -1]])
            ax.set_title(title, loc="left")
            ax.grid(visible=False)
        axes[0, 0].set_ylim(0, None)
        for ax in axes[-1]:
            ax.set_xlabel("y")
        data = Line2D([], [], color=COLORS["truth"], lw=5, label="data")
        replicated = Line2D([], [], color=COLORS["none"], lw=0.7, label="a replicate")
        fig.legend(handles=[data, replicated], loc="outside upper left", ncols=2)
    return fig


def _edges(replicates: list[np.ndarray], observed: float) -> np.ndarray:
    """Edges of the bins of a panel, which reach from nearly all replicates to the data."""
    low, high = np.quantile(np.concatenate(replicates), [TAIL, 1 - TAIL])
    return np.linspace(min(low, observed), max(high, observed), BINS + 1)


def _hill(ax: Axes, values: np.ndarray, edges: np.ndarray, base: float, color: str) -> None:
    """A histogram of one height, standing on ``base``."""
    counts = np.histogram(values, edges)[0]
    tops = base + 0.72 * counts / counts.max()
    ax.stairs(tops, edges, baseline=base, fill=True, color=color, alpha=0.75)


def _write_p(ax: Axes, p: float, base: float) -> None:
    ax.text(
        0.99,
        base + 0.8,
        f"p = {p:.2f}",
        ha="right",
        va="top",
        fontsize=8,
        transform=ax.get_yaxis_transform(),
    )


def _magnify_sliver(
    ax: Axes, values: np.ndarray, observed: float, base: float, color: str, edges: np.ndarray
) -> None:
    """An inset in the row of a hill that holds the data and is too narrow to be seen."""
    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    width = edges[-1] - edges[0]
    if not low <= observed <= high or not 0 < high - low < SLIVER * width:
        return
    # The inset stands on the side of the panel where the hill is not.
    is_left = (low - edges[0]) / width < 0.5
    bounds = (0.38 if is_left else 0.05, base + 0.13, 0.57, 0.44)
    inset = ax.inset_axes(bounds, transform=ax.get_yaxis_transform())
    inset_edges = np.linspace(low, high, 31)
    counts = np.histogram(values, inset_edges)[0]
    inset.stairs(counts, inset_edges, fill=True, color=color, alpha=0.75)
    inset.axvline(observed, color=COLORS["truth"], lw=1.6)
    inset.set(yticks=[], xlim=(low, high))
    inset.locator_params(axis="x", nbins=3)
    inset.tick_params(labelsize=7, pad=1)
    inset.grid(visible=False)
