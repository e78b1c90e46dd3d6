"""Figures of replicates beside the data, by what is kept and what is drawn anew."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lmmlib.plots.look import COLOURS, colour, figure
from lmmlib.prediction import PredictiveCheck


def replicated_statistics(found: Mapping[str, PredictiveCheck]) -> Figure:
    """One panel a statistic.

    Its replicates as a hill for each kind of replicates, p beside it, the data as a line.

    A hill around the data that would be a sliver on the panel's scale is drawn once more, on a
    scale of its own.

    Parameters
    ----------
    found : mapping of str to PredictiveCheck
        Label (``known groups``, ``new groups``, …) to PredictiveCheck, all of the same statistics
        of the same data.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"observed": [0.5], "mean": [0.0], "sd": [1.0], "p": [0.3]}, index=["skewness"]
    ... )
    >>> check = PredictiveCheck(
    ...     table, pd.DataFrame({"skewness": np.linspace(-1, 1, 50)}), None, "new"
    ... )
    >>> ax = replicated_statistics({"known groups": check, "new groups": check}).axes[0]
    >>> [text.get_text() for text in ax.get_yticklabels()], ax.get_title("left")
    (['known groups', 'new groups'], 'skewness')
    """
    statistics = list(next(iter(found.values())).table.index)
    with figure(1, len(statistics), figsize=(7.2, 0.75 * len(found) + 1.1), sharey=True) as (
        fig,
        axes,
    ):
        for ax, name in zip(axes[0], statistics, strict=True):
            values = np.concatenate([check.replicates[name] for check in found.values()])
            low, high = np.quantile(values, [0.001, 0.999])
            observed = next(iter(found.values())).table.loc[name, "observed"]
            edges = np.linspace(min(low, observed), max(high, observed), 61)
            for k, (label, check) in enumerate(found.items()):
                hill = np.histogram(check.replicates[name], edges)[0]
                ax.stairs(
                    -k + 0.72 * hill / hill.max(),
                    edges,
                    baseline=-k,
                    fill=True,
                    color=_colour(label),
                    alpha=0.75,
                )
                _magnify_sliver(
                    ax, check.replicates[name].to_numpy(), observed, -k, _colour(label), edges
                )
                ax.text(
                    0.99,
                    -k + 0.8,
                    f"p = {check.table.loc[name, 'p']:.2f}",
                    ha="right",
                    va="top",
                    fontsize=8,
                    transform=ax.get_yaxis_transform(),
                )
            ax.axvline(observed, color=COLOURS["truth"], lw=1.6)
            ax.set(yticks=[-k for k in range(len(found))], ylim=(-len(found) + 0.9, 0.95))
            ax.set_title(name.replace("_", " "), fontsize=10, loc="left")
            ax.set_yticklabels(list(found), va="bottom")
            ax.grid(visible=False)
            ax.tick_params(labelsize=8.5)
            ax.tick_params(axis="y", length=0)
    return fig


def replicated_rows(
    y: np.ndarray, replicates: Mapping[str, np.ndarray], level: float = 0.9
) -> Figure:
    """The rows in the order of their response, and central intervals of their replicates.

    One panel per kind.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Response.
    replicates : mapping of str to ndarray
        Title (``known …``, ``new …``) to (S, n).
    level : float, default: 0.9
        Probability of the intervals.

    Examples
    --------
    >>> figure_ = replicated_rows(
    ...     np.arange(3.0), {"known effects": np.zeros((9, 3)), "new effects": np.ones((9, 3))}
    ... )
    >>> [ax.get_title("left") for ax in figure_.axes]
    ['known effects', 'new effects']
    """
    order = np.argsort(y)
    with figure(1, len(replicates), figsize=(7.2, 3.6), sharey=True) as (fig, axes):
        for ax, (title, values) in zip(axes[0], replicates.items(), strict=True):
            low, high = np.quantile(values[:, order], [(1 - level) / 2, (1 + level) / 2], axis=0)
            ax.vlines(
                range(len(y)),
                low,
                high,
                color=_colour(title),
                lw=2.2,
                alpha=0.6,
                label=f"replicates, {100 * level:.0f} %",
            )
            ax.plot(y[order], ".", ms=3, color=COLOURS["truth"], label="data")
            ax.set(xlabel="row, in the order of y")
            ax.set_title(title, loc="left")
            ax.legend(loc="upper left", fontsize=8.5)
        axes[0, 0].set_ylabel("y")
    return fig


def transforms(
    pit: Mapping[str, np.ndarray], band: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> Figure:
    """Distribution functions of probability integral transforms minus the uniform one, in a band.

    Parameters
    ----------
    pit : mapping of str to ndarray
        Label to (n,).
    band : tuple of ndarray
        Grid on (0, 1), and the ends of the band of the difference there.

    Examples
    --------
    >>> z = np.linspace(0, 1, 11)
    >>> ax = transforms({"left out": np.array([0.2, 0.7])}, (z, z * 0 - 0.4, z * 0 + 0.4)).axes[0]
    >>> ax.lines[0].get_ydata().round(1).tolist()[:4]
    [0.0, -0.1, 0.3, 0.2]
    """
    z, low, high = band
    with figure(figsize=(7.2, 3.4)) as (fig, axes):
        ax = axes[0, 0]
        ax.fill_between(z, low, high, color=COLOURS["none"], alpha=0.22, lw=0)
        for (label, values), style, shade in zip(
            pit.items(), ("-", "--"), (COLOURS["marginal"], COLOURS["truth"]), strict=False
        ):
            ax.step(
                z,
                np.mean(values[:, None] <= z, 0) - z,
                style,
                where="post",
                color=shade,
                label=label,
            )
        ax.axhline(0, color=COLOURS["none"], lw=0.8)
        ax.set(
            xlabel="probability integral transform",
            ylabel="distribution function − uniform",
            xlim=(0, 1),
        )
        ax.legend(loc="upper left", fontsize=9)
    return fig


def _colour(label: str) -> str:
    """Known levels in the colour of the conditional density, new ones in that of the marginal."""
    return colour({"known": "conditional", "new": "marginal"}.get(label.split()[0], "none"))


def _magnify_sliver(
    ax: Axes, values: np.ndarray, observed: float, base: float, shade: str, edges: np.ndarray
) -> None:
    """An inset in the row of a hill that is too narrow to be seen.

    Where the hill holds the data and is narrower than a twentieth of the panel.
    """
    low, high = np.quantile(values, [0.001, 0.999])
    if not low <= observed <= high or not 0 < high - low < 0.05 * (edges[-1] - edges[0]):
        return
    where = (low - edges[0]) / (edges[-1] - edges[0])  # of the hill, as a share of the panel
    inset = ax.inset_axes(
        (0.38 if where < 0.5 else 0.05, base + 0.13, 0.57, 0.44), transform=ax.get_yaxis_transform()
    )
    own = np.linspace(low, high, 31)
    inset.stairs(np.histogram(values, own)[0], own, fill=True, color=shade, alpha=0.75)
    inset.axvline(observed, color=COLOURS["truth"], lw=1.6)
    inset.set(yticks=[], xlim=(low, high))
    inset.locator_params(axis="x", nbins=3)
    inset.tick_params(labelsize=7, pad=1)
    inset.grid(visible=False)
