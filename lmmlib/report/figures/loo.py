"""Figures of leave-one-out: what is left out, and what a Pareto k follows from."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lmmlib.plots.style import COLORS, figure, figure_legend

MIDDLE = 0.39  # half the height of a square


def left_out(groups: int, rows: int, group: int, row: int | None = None) -> Figure:
    """Rows of groups as squares: one row, or a whole group, is predicted and all others are given.

    Parameters
    ----------
    groups, rows : int
        How many groups, and rows in each.
    group : int
        Group that is predicted, or that the predicted row lies in, counted from zero.
    row : int, optional
        Row of the group that is predicted, counted from zero; all of them if None.

    Examples
    --------
    >>> len(left_out(3, 4, 1, 2).axes[0].patches)
    12
    """
    with figure(height=0.42 * groups + 0.9) as (fig, axes):
        ax = axes[0, 0]
        for g in range(groups):
            for r in range(rows):
                is_predicted = g == group and row in (None, r)
                ax.add_patch(_square(r, -g, is_predicted))
        last_predicted = rows - 1 if row is None else row
        ax.annotate(
            "predicted",
            (last_predicted + 0.88, -group + MIDDLE),
            (rows + 0.5, -group + MIDDLE),
            va="center",
            arrowprops={"arrowstyle": "->"},
        )
        ax.text(
            rows + 0.5,
            -group - 0.6 if group < groups - 1 else -group + 1.4,
            "all others are given",
            va="center",
            color="#555555",
        )
        ax.set(
            xlim=(-0.2, rows + 4.5),
            ylim=(-groups + 0.8, 1.1),
            xticks=[],
            yticks=[-g + MIDDLE for g in range(groups)],
        )
        ax.set_yticklabels([f"group {g + 1}" for g in range(groups)])
        _without_frame(ax)
    return fig


def _square(x: float, y: float, is_predicted: bool) -> Rectangle:
    return Rectangle(
        (x, y),
        0.86,
        2 * MIDDLE,
        facecolor=COLORS["truth"] if is_predicted else COLORS["none"],
        alpha=1.0 if is_predicted else 0.45,
        hatch="//" if is_predicted else None,
        edgecolor="white",
    )


def _without_frame(ax: Axes) -> None:
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0)


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
