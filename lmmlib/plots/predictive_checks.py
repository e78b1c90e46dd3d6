"""The figure of a predictive check."""

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.style import (
    COLORS,
    color_of_levels,
    figure,
    figure_legend,
    rows_of_panels,
)
from lmmlib.prediction import GROUP_STATISTICS, PredictiveCheck

MAX_COLUMNS = 3
BINS = 30


def statistics(check: PredictiveCheck) -> Figure:
    """The replicates of each statistic as a histogram, the value of the data as a line.

    One panel a statistic, with p in its title.

    Parameters
    ----------
    check : PredictiveCheck
        Result of :func:`lmmlib.predictive_check`.

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
    table = check.table
    label = f"replicates, {check.levels} levels" if check.levels else "replicates"
    columns = min(MAX_COLUMNS, len(table))
    rows = rows_of_panels(len(table), columns)
    with figure(rows, columns, height=2.1 * rows + 0.6) as (fig, axes):
        panels = axes.ravel()
        for ax, name in zip(panels, table.index, strict=False):
            replicated = check.replicates[name].to_numpy()
            bins = BINS if np.ptp(replicated) > 0 else 1
            color = color_of_levels(check.levels or "replicates")
            ax.hist(replicated, bins=bins, color=color, alpha=0.55, label=label)
            ax.axvline(table.loc[name, "observed"], color=COLORS["truth"], lw=2.2, label="data")
            ax.set(yticks=[])
            groups = f" {check.term}" if check.term and name in GROUP_STATISTICS else ""
            ax.set_title(f"{name}{groups}, p = {table.loc[name, 'p']:.2f}", fontsize=9.5)
            ax.tick_params(labelsize=8.5)
            ax.grid(visible=False)
        for ax in panels[len(table) :]:
            ax.set_visible(False)
        figure_legend(fig, axes[0, 0], columns=2)
    return fig
