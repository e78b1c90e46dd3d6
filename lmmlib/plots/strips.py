"""The figure of one number in many replications."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.look import COLOURS, colour, figure


def strips(
    values: Mapping[str, Sequence[float]],
    ylabel: str,
    marks: Mapping[str, Sequence[float]] | None = None,
    colours: Mapping[str, str] | None = None,
    band: float | None = None,
) -> Figure:
    """One column of points per quantity, a point per replication.

    Short lines stand where values were expected.

    Parameters
    ----------
    values : mapping of str to sequence of float
        Label to (replications,).
    ylabel : str
        What is counted, and in which unit.
    marks : mapping of str to sequence of float, optional
        Label of a mark (``truth``, …) to its height in each column.
    colours : mapping of str to str, optional
        Label of a column to ``conditional``, ``marginal``, …; grey if None.
    band : float, optional
        Half-width of a grey band around zero, beyond which the scale is logarithmic.

    Examples
    --------
    >>> ax = strips({"a": [0.1, -0.2], "b": [1.0]}, "difference", {"truth": [0.0, 0.0]}).axes[0]
    >>> [text.get_text() for text in ax.get_xticklabels()], len(ax.lines)
    (['a', 'b'], 2)
    """
    with figure(figsize=(7.2, 3.6)) as (fig, axes):
        ax = axes[0, 0]
        if band is not None:
            ax.axhspan(-band, band, color="#eeeeee", lw=0)
            ax.set_yscale("symlog", linthresh=band)
            ax.yaxis.set_major_formatter("{x:g}")
        for k, (label, sample) in enumerate(values.items()):
            at = k + 0.5 * (
                (np.arange(len(sample)) * 0.618034) % 1 - 0.5
            )  # spread evenly, the same at every build
            ax.plot(
                at, sample, "o", ms=3, alpha=0.5, color=colour((colours or {}).get(label, "none"))
            )
        for style, (label, heights) in zip(("-", "--"), (marks or {}).items(), strict=False):
            ends = np.arange(len(values))
            ax.hlines(
                heights,
                ends - 0.38,
                ends + 0.38,
                color=COLOURS["truth"],
                ls=style,
                lw=1.6,
                label=label,
            )
        ax.set(ylabel=ylabel, xticks=range(len(values)), xlim=(-0.6, len(values) - 0.4))
        ax.set_xticklabels(list(values))
        ax.grid(visible=False, axis="x")
        if marks:
            fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return fig
