"""Figures of moments and densities."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

from lmmlib.moments import Gaussian
from lmmlib.plots.look import COLOURS, figure


def two_distributions(
    given_u: Gaussian, anew: Gaussian, rows: Sequence[int], labels: Sequence[str], y: np.ndarray
) -> Figure:
    """The densities of one row per group.

    At one fixed u, and with u drawn anew, over simulated responses.

    Parameters
    ----------
    given_u, anew : Gaussian
        Mean and covariance of all rows.
    rows : sequence of int
        Row to show, one per group.
    labels : sequence of str
        Their groups.
    y : ndarray, shape (2, S, n)
        Simulated responses: u kept, u drawn anew.

    Examples
    --------
    >>> g = Gaussian(np.zeros(2), np.eye(2))
    >>> len(two_distributions(g, g, [0, 1], ["a", "b"], np.zeros((2, 3, 2))).axes)
    2
    """
    with figure(1, 2, sharey=True, figsize=(7.2, 3.8)) as (fig, axes):
        panels = zip(
            axes[0],
            (given_u, anew),
            ("conditional", "marginal"),
            ("u kept: conditional", "u drawn anew: marginal"),
            y,
            strict=True,
        )
        for ax, law, formulation, title, sample in panels:
            for x, row in enumerate(rows):
                mean, sd = law.mean[row], np.sqrt(law.cov[row, row])
                grid = mean + sd * np.linspace(-3.2, 3.2, 121)
                width = (
                    0.42 * norm.pdf(grid, mean, sd) / norm.pdf(0, 0, np.sqrt(given_u.cov[row, row]))
                )
                ax.fill_betweenx(grid, x, x + width, color=COLOURS[formulation], alpha=0.55, lw=0)
                ax.plot(
                    np.full(len(sample), x) - 0.12,
                    sample[:, row],
                    "_",
                    color=COLOURS[formulation],
                    ms=9,
                    mew=0.7,
                    alpha=0.5,
                )
                ax.plot([x - 0.25, x + 0.45], [mean, mean], color=COLOURS["truth"], lw=1.6)
            ax.set(title=title, xlabel="group", xticks=range(len(rows)), xticklabels=labels)
            ax.grid(visible=False, axis="x")
        axes[0, 0].set_ylabel("y of one row")
    return fig


def convergence(sizes: Sequence[int], errors: Mapping[str, Sequence[float]]) -> Figure:
    """Errors of simulated moments against the number of draws, with the slope of 1/√S.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of draws.
    errors : mapping of str to sequence of float
        Errors by label, one a size.

    Examples
    --------
    >>> len(convergence([10, 100], {"conditional mean": [1.0, 0.3]}).axes[0].lines)
    2
    """
    with figure() as (fig, axes):
        ax = axes[0, 0]
        for label, values in errors.items():
            dashed = "covariance" in label
            ax.loglog(
                sizes,
                values,
                "--" if dashed else "-",
                marker="s" if dashed else "o",
                color=COLOURS[label.split()[0]],
                label=label,
            )
        start = max(values[0] for values in errors.values()) * 1.6
        ax.loglog(
            sizes,
            start * np.sqrt(sizes[0] / np.asarray(sizes)),
            ":",
            color=COLOURS["truth"],
            label="slope of 1/√S",
        )
        ax.set(xlabel="draws S", ylabel="root mean square error")
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def offsets(
    samples: Mapping[str, np.ndarray],
    expected: Mapping[str, tuple[float, float]],
    published: Mapping[str, float],
) -> Figure:
    """Differences conditional − marginal log density over replications.

    With closed-form mean and SD.

    Parameters
    ----------
    samples : mapping of str to ndarray
        Samples (replications,) by process.
    expected : mapping of str to tuple of float
        Mean and SD by process.
    published : mapping of str to float
        The discussion's single difference, by process.

    Examples
    --------
    >>> len(offsets({"a": np.arange(9.0)}, {"a": (4.0, 2.0)}, {"a": 3.0}).axes)
    1
    """
    with figure(1, len(samples), figsize=(7.2, 3.5)) as (fig, axes):
        for ax, (title, values), colour in zip(
            axes[0], samples.items(), (COLOURS["conditional"], COLOURS["marginal"]), strict=False
        ):
            mean, sd = expected[title]
            ax.hist(values, bins=24, density=True, color=colour, alpha=0.45)
            grid = np.linspace(
                min(values.min(), mean - 3 * sd), max(values.max(), mean + 3 * sd), 201
            )
            ax.plot(grid, norm.pdf(grid, mean, sd), color=COLOURS["truth"], lw=1.2)
            ax.axvline(mean, color=COLOURS["truth"], ls="--", lw=1.4, label="closed form")
            ax.axvline(published[title], color=COLOURS["published"], lw=2, label="published pair")
            ax.set(title=title, xlabel="conditional − marginal, nats", yticks=[])
            ax.grid(visible=False, axis="y")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper left", ncols=2)
    return fig


def balanced_groups(m: int, K: int, ratio: float) -> Figure:
    """K groups of m rows at known θ.

    Densities of a group's mean, and what a row of a known and of a new group can expect.

    Parameters
    ----------
    m : int
        Number of rows per group.
    K : int
        Number of groups.
    ratio : float
        Ratio τ/σ, above zero.

    References
    ----------
    Equation :eq:`eq-explore-mean` and :eq:`eq-explore-gap`.

    Examples
    --------
    >>> left, right = balanced_groups(50, 10, 0.7).axes
    >>> len(left.lines)
    11
    """
    with figure(1, 2, figsize=(7.2, 3.6)) as (fig, axes):
        given, anew = np.sqrt(1 / m), np.sqrt(1 / m + ratio**2)
        x = np.linspace(-3 * anew, 3 * anew, 601)
        for u in norm.ppf((np.arange(K) + 0.5) / K, 0, ratio):
            axes[0, 0].plot(
                x,
                np.exp(norm.logpdf(x, u, given) - norm.logpdf(0, 0, given)),
                color=COLOURS["conditional"],
                lw=0.9,
            )
        axes[0, 0].plot(
            x, np.exp(norm.logpdf(x, 0, anew) - norm.logpdf(0, 0, given)), color=COLOURS["marginal"]
        )
        axes[0, 0].set(title="group mean", xlabel="deviation from μ, in units of σ", yticks=[])
        sizes, ax = np.geomspace(1, 100, 200), axes[0, 1]
        known, new = _nats_a_row(np.append(sizes, m), ratio)
        ax.semilogx(
            sizes, known[:-1], color=COLOURS["conditional"], label="given u, or known group"
        )
        ax.semilogx(sizes, new[:-1], color=COLOURS["marginal"], label="without u, or new group")
        ax.axvline(m, color=COLOURS["truth"], ls=":", lw=1)
        ax.plot([m, m], [new[-1], known[-1]], color=COLOURS["truth"], lw=3)
        ax.set(
            title="nats per row",
            xlabel="rows per group, m",
            xticks=[1, 10, 100],
            xticklabels=[1, 10, 100],
        )
        fig.legend(loc="outside upper left", ncols=2)
    return fig


def _nats_a_row(m: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Expected log density of a row of a known and of a new group of m.

    Less what it would be if the effect were known.
    """
    return -0.5 * np.log1p(ratio**2 / (1 + (m - 1) * ratio**2)), -np.log1p(m * ratio**2) / (2 * m)
