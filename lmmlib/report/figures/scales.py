"""Figures of densities against a variance parameter, and of an integral over one."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lmmlib.plots.style import COLORS, figure, figure_legend


def mixture(
    scale: tuple[np.ndarray, np.ndarray],
    points: tuple[np.ndarray, np.ndarray],
    x: np.ndarray,
    components: np.ndarray,
    exact: np.ndarray,
    labels: tuple[str, str],
) -> Figure:
    """Left, the density of a variance parameter and the points it is taken at.

    Right, the mixture that they make.

    Parameters
    ----------
    scale : tuple of ndarray
        Grid and density of the variance parameter.
    points : tuple of ndarray, shape (K,)
        Places and (K,) heights of its density there.
    x : ndarray, shape (S,)
        Values of the mixed quantity.
    components : ndarray, shape (K, S)
        Densities given the points, times their weights.
    exact : ndarray, shape (S,)
        The density by dense quadrature.
    labels : tuple of str
        Labels of the two horizontal axes.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 5)
    >>> left, right = mixture(
    ...     (x, x**2), (x[:2], x[:2] ** 2), x, np.ones((2, 5)), np.ones(5), ("a", "b")
    ... ).axes
    >>> len(left.lines), len(right.lines)
    (2, 4)
    """
    with figure(1, 2, height=3.5) as (fig, axes):
        left, right = axes[0]
        places, heights = points
        left.plot(*scale, color=COLORS["truth"], lw=1.4)
        left.vlines(places, 0, heights, color=COLORS["marginal"], lw=1)
        left.plot(places, heights, "s", color=COLORS["marginal"])
        right.plot(x, components.T, color=COLORS["marginal"], lw=0.9, alpha=0.6)
        right.plot(x, exact, color=COLORS["truth"], lw=1.4, label="dense quadrature")
        right.plot(
            x,
            components.sum(0),
            "--",
            color=COLORS["marginal"],
            label=f"sum of {len(components)} normal densities",
        )
        for ax, label in zip((left, right), labels, strict=True):
            ax.set(xlabel=label, yticks=[], ylim=(0, None))
            ax.grid(visible=False)
        left.set_ylabel("density")
        figure_legend(fig, right, columns=2)
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
    log_tau = np.log10(tau)
    decades = np.log10(tau[-1] / tau[0])
    xlim = (log_tau[0], log_tau[-1] + 0.28 * decades)
    with figure(1, len(panels), height=3.9, sharey=True, sharex=True) as (fig, axes):
        for ax, (title, curves) in zip(axes[0], panels.items(), strict=True):
            for k, (label, values) in enumerate(curves.items()):
                color = plt.get_cmap("cividis")(0.85 * k / max(len(curves) - 1, 1))
                height = (values - values.max()) / np.log(10)
                last_slope = (values[-1] - values[-2]) / np.log(tau[-1] / tau[-2])
                style = "--" if round(last_slope) >= -1 else "-"
                ax.plot(log_tau, height, style, color=color)
                ax.annotate(
                    label.replace("-", "−"),
                    (log_tau[-1], height[-1]),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                )
            ax.set(title=title, xlabel="log₁₀ τ", xlim=xlim)
        axes[0, 0].yaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0, 0].set_ylabel("log₁₀ p(y|τ), largest value = 0")
    return fig
