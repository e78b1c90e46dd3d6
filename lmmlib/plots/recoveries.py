"""Figures of recovery: how far estimates are from the truths that made the data."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lmmlib.plots.look import COLOURS, figure

SHADES = (COLOURS["none"], COLOURS["published"], COLOURS["marginal"])
SHAPES = ("^", "v", "s")


def recovery(
    table: pd.DataFrame, panels: Mapping[str, tuple[str, str]], nominal: float = 0.9
) -> Figure:
    """One panel per measure.

    A row per scenario, a point per engine, with two Monte Carlo errors on either side.

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
    with figure(1, len(panels), figsize=(7.2, 0.42 * len(scenarios) + 1.5), sharey=True) as (
        fig,
        axes,
    ):
        for ax, (title, (parameter, measure)) in zip(axes[0], panels.items(), strict=True):
            ax.axvline(nominal if measure == "coverage" else 0, color=COLOURS["truth"], lw=1)
            _points(
                ax,
                table[(table["parameter"] == parameter) & (table["measure"] == measure)],
                scenarios,
                list(dict.fromkeys(table["engine"])),
            )
            ax.set(yticks=range(len(scenarios)), ylim=(len(scenarios) - 0.5, -0.5))
            ax.set_yticklabels(scenarios)
            ax.set_title(title, fontsize=10)
            ax.tick_params(labelsize=8.5)
            ax.grid(visible=False, axis="y")
        fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return fig


def _points(ax: Axes, found: pd.DataFrame, scenarios: list[str], engines: list[str]) -> None:
    for k, (engine, shade, shape) in enumerate(zip(engines, SHADES, SHAPES, strict=False)):
        part = found[found["engine"] == engine]
        unit = part["truth"].to_numpy(float) if (part["measure"] == "bias").all() else 1.0
        at = part["scenario"].map(scenarios.index).to_numpy(float) + 0.22 * (
            k - (len(engines) - 1) / 2
        )
        value, error = (
            part["value"].to_numpy(float) / unit,
            2 * part["error"].to_numpy(float) / unit,
        )
        above = (
            np.minimum(error, 1 - value) if (part["measure"] == "coverage").all() else error
        )  # a share ends at one
        ax.errorbar(
            value, at, xerr=(error, above), fmt=shape, ms=4.5, lw=1.2, color=shade, label=engine
        )
