"""Figures of what computations cost, from measurements made elsewhere."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, color_of, figure, legend_above, marker_of

FIRST_FIT = "first fit, compiling included"
SAMPLING = "sampling alone"


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
    largest = sizes[-1]
    with figure(height=3.9) as (fig, axes):
        ax = axes[0, 0]
        for label, values in seconds.items():
            color = color_of(label)
            ax.plot(sizes, values, marker=marker_of(label), color=color)
            ax.annotate(
                label,
                (largest, values[-1]),
                (7, 0),
                textcoords="offset points",
                va="center",
                color=color,
                fontsize=9.5,
            )
        ax.set(
            xscale="log",
            yscale="log",
            xlabel=xlabel,
            ylabel="seconds an evaluation",
            xlim=(None, largest * 5.5),
        )
        ax.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=9)
        ax.minorticks_off()
    return fig


def systems(first_fit: Mapping[str, float], sampling: Mapping[str, float]) -> Figure:
    """Seconds of each system's first fit and of sampling alone, on a logarithmic axis.

    One row per system, the fastest at the top.

    Parameters
    ----------
    first_fit, sampling : mapping of str to float
        System to seconds, of its first fit and of sampling alone.

    Examples
    --------
    >>> drawn = systems({"a": 60.0, "b": 2.0}, {"a": 5.0, "b": 0.1})
    >>> [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    ['b', 'a']
    """
    names = sorted(first_fit, key=lambda name: first_fit[name])
    rows = range(len(names))
    seconds_first_fit = [first_fit[name] for name in names]
    seconds_sampling = [sampling[name] for name in names]
    with figure(height=0.38 * len(names) + 1.2) as (fig, axes):
        ax = axes[0, 0]
        ax.hlines(rows, seconds_sampling, seconds_first_fit, color=COLORS["none"], lw=1.2)
        ax.plot(seconds_sampling, rows, "o", color=COLORS["truth"], mfc="white", label=SAMPLING)
        ax.plot(seconds_first_fit, rows, "o", color=COLORS["truth"], label=FIRST_FIT)
        ax.set(xscale="log", xlabel="seconds", yticks=rows, ylim=(len(names) - 0.5, -0.5))
        ax.set_yticklabels(names)
        ax.grid(visible=False, axis="y")
        legend_above(ax, columns=2)
    return fig
