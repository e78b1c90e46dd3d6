"""Figures of recovery: how far estimates are from the truths that made the data."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, figure, figure_legend

ENGINE_COLORS = (COLORS["truth"], COLORS["published"], COLORS["marginal"])
ENGINE_MARKERS = ("^", "v", "s")
STEP = 0.22  # between the points of one scenario


def recovery(
    table: pd.DataFrame, panels: Mapping[str, tuple[str, str]], nominal: float = 0.9
) -> Figure:
    """A row per scenario, a point per engine, with two Monte Carlo errors on either side.

    One panel per measure.

    Parameters
    ----------
    table : pandas.DataFrame
        Table of :func:`lmmlib.recover`.
    panels : mapping of str to tuple of str
        Title to (parameter, measure); ``bias`` is drawn as a share of the truth.
    nominal : float, default: 0.9
        What a coverage should be.

    Examples
    --------
    >>> row = {
    ...     "scenario": "s",
    ...     "engine": "REML",
    ...     "parameter": "sigma",
    ...     "truth": 2.0,
    ...     "measure": "bias",
    ...     "value": 0.2,
    ...     "error": 0.1,
    ... }
    >>> ax = recovery(pd.DataFrame([row]), {"bias": ("sigma", "bias")}).axes[0]
    >>> float(ax.lines[1].get_xdata()[0])
    0.1
    """
    scenarios = list(dict.fromkeys(table["scenario"]))
    engines = list(dict.fromkeys(table["engine"]))
    height = 0.42 * len(scenarios) + 1.5
    with figure(1, len(panels), height=height, sharey=True) as (fig, axes):
        for ax, (title, (parameter, measure)) in zip(axes[0], panels.items(), strict=True):
            is_shown = (table["parameter"] == parameter) & (table["measure"] == measure)
            ax.axvline(nominal if measure == "coverage" else 0, color=COLORS["none"], lw=2)
            _points(ax, table[is_shown], measure, scenarios, engines)
            ax.set(yticks=range(len(scenarios)), ylim=(len(scenarios) - 0.5, -0.5))
            ax.set_yticklabels(scenarios)
            ax.set_title(title, fontsize=10)
            ax.tick_params(labelsize=8.5)
            ax.grid(visible=False, axis="y")
        figure_legend(fig, axes[0, 0], columns=3)
    return fig


def _points(
    ax: Axes, rows: pd.DataFrame, measure: str, scenarios: list[str], engines: list[str]
) -> None:
    """One measure of one parameter, by scenario and engine."""
    for k, (engine, color, marker) in enumerate(
        zip(engines, ENGINE_COLORS, ENGINE_MARKERS, strict=False)
    ):
        of_engine = rows[rows["engine"] == engine]
        unit = of_engine["truth"].to_numpy(float) if measure == "bias" else 1.0
        height = of_engine["scenario"].map(scenarios.index).to_numpy(float)
        value = of_engine["value"].to_numpy(float) / unit
        below = 2 * of_engine["error"].to_numpy(float) / unit
        # A share ends at one.
        above = np.minimum(below, 1 - value) if measure == "coverage" else below
        ax.errorbar(
            value,
            height + STEP * (k - (len(engines) - 1) / 2),
            xerr=(below, above),
            fmt=marker,
            ms=4.5,
            lw=1.2,
            color=color,
            label=engine,
        )
