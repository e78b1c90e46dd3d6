"""Figures of leave-one-out: what is left out, and how far the weights can be trusted."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lmmlib.plots.look import COLOURS, colour, figure, legend_above, marker


def left_out(groups: int, rows: int, group: int, row: int | None = None) -> Figure:
    """Rows of groups as squares: one row, or a whole group, is predicted and all others are given.

    Parameters
    ----------
    groups, rows : int
        How many groups, and rows in each.
    group : int
        What is predicted, counted from zero; without ``row`` the whole group.
    row : int, optional
        What is predicted, counted from zero; without ``row`` the whole group.

    Examples
    --------
    >>> len(left_out(3, 4, 1, 2).axes[0].patches)
    12
    """
    with figure(figsize=(7.2, 0.42 * groups + 0.9)) as (fig, axes):
        ax = axes[0, 0]
        for g in range(groups):
            for r in range(rows):
                out = g == group and row in (None, r)
                face = COLOURS["truth"] if out else COLOURS["none"]
                ax.add_patch(
                    Rectangle(
                        (r, -g),
                        0.86,
                        0.78,
                        facecolor=face,
                        alpha=1.0 if out else 0.45,
                        hatch="//" if out else None,
                        edgecolor="white",
                    )
                )
        tip = (rows - 1 if row is None else row) + 0.88
        ax.annotate(
            "predicted",
            (tip, -group + 0.39),
            (rows + 0.5, -group + 0.39),
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
            yticks=[-g + 0.39 for g in range(groups)],
        )
        ax.set_yticklabels([f"group {g + 1}" for g in range(groups)])
        ax.grid(visible=False)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.tick_params(length=0)
    return fig


def pareto_k(k: Mapping[str, np.ndarray], good_k: float) -> Figure:
    """Pareto k of every row, one colour a route, with the threshold.

    Parameters
    ----------
    k : mapping of str to ndarray
        Label (``conditional …``, ``leverage …``) to (n,).
    good_k : float
        Above it an entry is unreliable.

    Examples
    --------
    >>> len(pareto_k({"conditional": np.zeros(3)}, 0.7).axes[0].lines)
    2
    """
    with figure() as (fig, axes):
        ax = axes[0, 0]
        for label, values in k.items():
            ax.plot(values, marker(label), ms=4, alpha=0.8, color=colour(label), label=label)
        ax.axhline(good_k, color=COLOURS["truth"], ls="--", lw=1.2, label=f"threshold {good_k:.2f}")
        ax.set(xlabel="row", ylabel="Pareto k")
        legend_above(ax)
    return fig


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
    with figure(1, len(k), figsize=(7.2, 3.8), sharey=True) as (fig, axes):
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
            edge = np.array([0, leverage.max() * 1.05])
            ax.plot(edge, edge, ":", color=COLOURS["truth"], label="k = leverage, the limit")
            ax.axhline(
                good_k, color=COLOURS["truth"], ls="--", lw=1.2, label=f"threshold {good_k:.2f}"
            )
            ax.set(title=f"{draws:,} draws", xlabel="leverage of the row")
        axes[0, 0].set_ylabel("fitted Pareto k")
        fig.colorbar(points, ax=axes[0, -1], label="|standardised left-out residual|")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper left", ncols=2)
    return fig
