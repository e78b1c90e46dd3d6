"""The figure of a predictive check."""

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.look import COLOURS, figure
from lmmlib.prediction import GROUP_STATISTICS, PredictiveCheck

COLUMNS = 3


def statistics(result: PredictiveCheck) -> Figure:
    """One small panel a statistic.

    The replicates as a histogram, the value of the data as a line, p in the title.

    Parameters
    ----------
    result : PredictiveCheck
        PredictiveCheck of :func:`lmmlib.predictive_check`.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"observed": [0.5], "mean": [0.0], "sd": [1.0], "p": [0.3]}, index=["skewness"]
    ... )
    >>> drawn = pd.DataFrame({"skewness": np.linspace(-1, 1, 50)})
    >>> figure_ = statistics(PredictiveCheck(table, drawn, None, "new"))
    >>> len([ax for ax in figure_.axes if ax.get_visible()]), figure_.axes[0].get_title("left")
    (1, 'skewness, p = 0.30')
    """
    label = f"replicates, {result.levels} levels" if result.levels else "replicates"
    columns = min(COLUMNS, len(result.table))
    rows = -(-len(result.table) // columns)
    with figure(rows, columns, figsize=(7.2, 2.1 * rows + 0.6)) as (fig, axes):
        for ax, (name, found) in zip(axes.ravel(), result.table.iterrows(), strict=False):
            drawn = result.replicates[name].to_numpy()
            bins = 30 if np.ptp(drawn) > 0 else 1
            ax.hist(drawn, bins=bins, color=COLOURS["none"], alpha=0.75, label=label)
            ax.axvline(found["observed"], color=COLOURS["truth"], lw=1.8, label="data")
            ax.set(yticks=[])
            grouped = f" {result.term}" if result.term and name in GROUP_STATISTICS else ""
            ax.set_title(f"{name}{grouped}, p = {found['p']:.2f}", fontsize=9.5)
            ax.tick_params(labelsize=8.5)
            ax.grid(visible=False)
        for ax in axes.ravel()[len(result.table) :]:
            ax.set_visible(False)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper left", ncols=2)
    return fig
