"""The figure of an integral over one variance parameter."""

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.look import COLOURS, figure


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
    with figure(1, 2, figsize=(7.2, 3.5)) as (fig, axes):
        left, right = axes[0]
        left.plot(*scale, color=COLOURS["truth"], lw=1.4)
        left.vlines(points[0], 0, points[1], color=COLOURS["marginal"], lw=1)
        left.plot(*points, "s", color=COLOURS["marginal"])
        right.plot(x, components.T, color=COLOURS["marginal"], lw=0.9, alpha=0.6)
        right.plot(x, exact, color=COLOURS["truth"], lw=1.4, label="dense quadrature")
        right.plot(
            x,
            components.sum(0),
            "--",
            color=COLOURS["marginal"],
            label=f"sum of {len(components)} normal densities",
        )
        for ax, label in zip((left, right), labels, strict=True):
            ax.set(xlabel=label, yticks=[], ylim=(0, None))
            ax.grid(visible=False)
        left.set_ylabel("density")
        fig.legend(*right.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return fig
