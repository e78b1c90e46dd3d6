"""The figure of what is learned about SDs: prior, posterior and truth."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.look import COLOURS, colour, figure


def sd_posteriors(
    sd: np.ndarray,
    curves: Mapping[str, Mapping[str, np.ndarray]],
    draws: Mapping[str, Mapping[str, np.ndarray]],
    truth: Mapping[str, float],
) -> Figure:
    """One panel per SD.

    Densities as lines, draws as outlines of histograms, the truth as a vertical line.

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
    edges = np.linspace(sd.min(), sd.max(), 41)
    columns = len(curves) if len(curves) < 5 else 3
    rows = -(-len(curves) // columns)
    with figure(rows, columns, sharex=True, figsize=(7.2, 1.9 * rows + 0.9)) as (fig, axes):
        for ax, (title, lines) in zip(axes.ravel(), curves.items(), strict=False):
            for label, values in draws[title].items():
                ax.hist(
                    values,
                    edges,
                    density=True,
                    histtype="step",
                    lw=1.4,
                    color=colour(label),
                    label=label,
                )
            for style, (label, density) in zip(("--", "-"), lines.items(), strict=False):
                ax.plot(
                    sd,
                    density,
                    style,
                    color="#555555" if style == "--" else COLOURS["truth"],
                    lw=1.1,
                    label=label,
                )
            ax.axvline(truth[title], color=COLOURS["published"], lw=1.6, label="truth")
            ax.set(title=title, yticks=[], xlim=(sd.min(), sd.max()))
            ax.grid(visible=False, axis="y")
        for ax in axes.ravel()[len(curves) - columns : len(curves)]:  # what has no panel below it
            ax.tick_params(labelbottom=True)
        for ax in axes.ravel()[len(curves) :]:
            ax.set_visible(False)
        fig.supxlabel("standard deviation of an effect", fontsize=10)
        fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return fig
