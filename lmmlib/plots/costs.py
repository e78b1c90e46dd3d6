"""Figures of what computations cost, from measurements made elsewhere."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from lmmlib.plots.look import COLOURS, colour, figure, legend_above, marker

FIRST, AGAIN = "first fit, compiling included", "sampling alone"


def scaling(
    sizes: Sequence[int], seconds: Mapping[str, Sequence[float]], xlabel: str = "rows n"
) -> Figure:
    """Seconds against size on logarithmic axes, one line a way to compute, named at its end.

    Parameters
    ----------
    sizes : sequence of int
        Sizes, increasing.
    seconds : mapping of str to sequence of float
        Label (``conditional …``, ``marginal …``, or another) to one value a size.

    Examples
    --------
    >>> drawn = scaling([10, 100], {"dense": [1e-4, 1e-1], "marginal": [1e-4, 1e-4]})
    >>> [text.get_text() for text in drawn.axes[0].texts]
    ['dense', 'marginal']
    """
    with figure(figsize=(7.2, 3.9)) as (fig, axes):
        ax = axes[0, 0]
        for label, values in seconds.items():
            ax.plot(sizes, values, marker=marker(label), color=colour(label))
            ax.annotate(
                label,
                (sizes[-1], values[-1]),
                (7, 0),
                textcoords="offset points",
                va="center",
                color=colour(label),
                fontsize=9.5,
            )
        ax.set(
            xscale="log",
            yscale="log",
            xlabel=xlabel,
            ylabel="seconds an evaluation",
            xlim=(None, sizes[-1] * 5.5),
        )
        ax.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=9)
        ax.minorticks_off()
    return fig


def systems(first: Mapping[str, float], again: Mapping[str, float]) -> Figure:
    """One row per system.

    Seconds of its first fit and of sampling alone, on a logarithmic axis, the fastest at the top.

    Parameters
    ----------
    first, again : mapping of str to float
        System to seconds.

    Examples
    --------
    >>> drawn = systems({"a": 60.0, "b": 2.0}, {"a": 5.0, "b": 0.1})
    >>> [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    ['b', 'a']
    """
    names = sorted(first, key=first.get)
    at = range(len(names))
    with figure(figsize=(7.2, 0.38 * len(names) + 1.2)) as (fig, axes):
        ax = axes[0, 0]
        ax.hlines(
            at,
            [again[name] for name in names],
            [first[name] for name in names],
            color=COLOURS["none"],
            lw=1.2,
        )
        ax.plot(
            [again[name] for name in names],
            at,
            "o",
            color=COLOURS["truth"],
            mfc="white",
            label=AGAIN,
        )
        ax.plot([first[name] for name in names], at, "o", color=COLOURS["truth"], label=FIRST)
        ax.set(xscale="log", xlabel="seconds", yticks=at, ylim=(len(names) - 0.5, -0.5))
        ax.set_yticklabels(names)
        ax.grid(visible=False, axis="y")
        legend_above(ax, columns=2)
    return fig
