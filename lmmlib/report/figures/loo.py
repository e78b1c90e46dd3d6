"""Figures of leave-one-out: what is left out, and what a Pareto k follows from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, figure, figure_legend, rows_of_panels

GIVEN: dict[str, Any] = {"color": COLORS["none"], "marker": "o", "markersize": 3.5}
PREDICTED: dict[str, Any] = {
    "color": COLORS["truth"],
    "marker": "o",
    "markersize": 11,
    "fillstyle": "none",
    "markeredgewidth": 1.5,
    "linestyle": "none",
}


def left_out(
    curves: pd.DataFrame, schemes: Mapping[str, np.ndarray], crossed: pd.DataFrame, cell: int
) -> Figure:
    """What is left out and predicted, in circles: rows of curves, and a cell of a crossed table.

    One panel a scheme, and a last one for the crossed table.

    Parameters
    ----------
    curves : pandas.DataFrame, shape (n, 3)
        Covariate, response and group of each row; the rows of a group are joined by a line.
    schemes : mapping of str to ndarray
        Title of each panel to the rows that are left out together.
    crossed : pandas.DataFrame, shape (m, 2)
        Levels of two crossed factors.
    cell : int
        Row of ``crossed`` that is left out.

    Examples
    --------
    >>> curves = pd.DataFrame({"age": [0, 1, 0, 1], "weight": [1, 3, 2, 3], "rat": list("aabb")})
    >>> crossed = pd.DataFrame({"plate": list("aabb"), "sample": list("cdcd")})
    >>> fig = left_out(curves, {"a row": np.array([1])}, crossed, cell=2)
    >>> [ax.get_title("left") for ax in fig.axes]
    ['a row', 'a cell of a crossed table']
    """
    panels = len(schemes) + 1
    rows_of_figure = rows_of_panels(panels, 2)
    with figure(rows_of_figure, 2, height=2.7 * rows_of_figure) as (fig, axes):
        for ax, (title, rows) in zip(axes.flat, schemes.items(), strict=False):
            _growth(ax, curves, rows)
            ax.set_title(title)
        _lattice(axes.flat[len(schemes)], crossed, cell)
        axes.flat[len(schemes)].set_title("a cell of a crossed table")
    return fig


def _growth(ax: Axes, curves: pd.DataFrame, rows: np.ndarray) -> None:
    x_name, y_name, group = curves.columns
    for _, curve in curves.groupby(group, sort=False):
        ax.plot(curve[x_name], curve[y_name], lw=0.5, **GIVEN)
    predicted = curves.iloc[rows]
    ax.plot(predicted[x_name], predicted[y_name], **PREDICTED)
    ax.set(xlabel=x_name, ylabel=y_name)


def _lattice(ax: Axes, crossed: pd.DataFrame, cell: int) -> None:
    x_name, y_name = crossed.columns
    x = pd.factorize(crossed[x_name])[0]
    y = pd.factorize(crossed[y_name])[0]
    ax.plot(x, y, lw=0, **GIVEN)
    ax.plot(x[cell], y[cell], **PREDICTED)
    # The rest of the cell's row and column is given, and tells of both its effects.
    ax.axvline(x[cell], color=COLORS["none"], lw=0.8, zorder=0)
    ax.axhline(y[cell], color=COLORS["none"], lw=0.8, zorder=0)
    ax.set(xlabel=x_name, ylabel=y_name, xticks=[], yticks=[])
    ax.margins(0.08)


def pareto_k_against_leverage(
    leverage: np.ndarray, k: Mapping[int, np.ndarray], residual: np.ndarray, good_k: float
) -> Figure:
    """Fitted k of the conditional weights against leverage, shaded by the left-out residual.

    One panel a number of draws.

    Parameters
    ----------
    leverage : ndarray, shape (n,)
        Leverage of each row.
    k : mapping of int to ndarray
        Number of draws to (n,).
    residual : ndarray, shape (n,)
        Standardised residuals.
    good_k : float
        Above it an entry is unreliable.

    Examples
    --------
    >>> len(
    ...     pareto_k_against_leverage(
    ...         np.array([0.1, 0.4]), {100: np.array([0.2, 0.6])}, np.array([0.0, 2.0]), 0.7
    ...     ).axes
    ... )
    2
    """
    edge = np.array([0, leverage.max() * 1.05])
    threshold = f"threshold {good_k:.2f}"
    with figure(1, len(k), height=3.8, sharey=True) as (fig, axes):
        for ax, (draws, fitted) in zip(axes[0], k.items(), strict=True):
            points = ax.scatter(
                leverage,
                fitted,
                c=np.abs(residual),
                cmap="cividis_r",
                s=22,
                edgecolor="#444444",
                linewidth=0.4,
            )
            ax.plot(edge, edge, ":", color=COLORS["truth"], label="k = leverage, the limit")
            ax.axhline(good_k, color=COLORS["truth"], ls="--", lw=1.2, label=threshold)
            ax.set(title=f"{draws:,} draws", xlabel="leverage of the row")
        axes[0, 0].set_ylabel("fitted Pareto k")
        fig.colorbar(points, ax=axes[0, -1], label="|standardised left-out residual|")
        figure_legend(fig, axes[0, 0], columns=2)
    return fig
