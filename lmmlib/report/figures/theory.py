"""Figures of moments and densities."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from lmmlib.moments import Gaussian
from lmmlib.plots.style import COLORS, figure, figure_legend, legend_above


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
    panels = {
        "u kept: conditional": (given_u, COLORS["conditional"]),
        "u drawn anew: marginal": (anew, COLORS["marginal"]),
    }
    with figure(1, 2, height=3.8, sharey=True) as (fig, axes):
        for ax, (title, (gaussian, color)), sample in zip(axes[0], panels.items(), y, strict=True):
            for x, row in enumerate(rows):
                tallest = norm.pdf(0, 0, np.sqrt(given_u.cov[row, row]))
                _upright_density(ax, x, gaussian, row, tallest, color)
                places = np.full(len(sample), x) - 0.12
                ax.plot(places, sample[:, row], "_", color=color, ms=9, mew=0.7, alpha=0.5)
                mean = gaussian.mean[row]
                ax.plot([x - 0.25, x + 0.45], [mean, mean], color=COLORS["truth"], lw=1.6)
            ax.set(title=title, xlabel="group", xticks=range(len(rows)), xticklabels=labels)
            ax.grid(visible=False, axis="x")
        axes[0, 0].set_ylabel("y of one row")
    return fig


def _upright_density(
    ax: Axes, x: float, gaussian: Gaussian, row: int, tallest: float, color: str
) -> None:
    """The density of one row, lying on its side; ``tallest`` is as wide as 0.42."""
    mean = gaussian.mean[row]
    sd = np.sqrt(gaussian.cov[row, row])
    grid = mean + sd * np.linspace(-3.2, 3.2, 121)
    width = 0.42 * norm.pdf(grid, mean, sd) / tallest
    ax.fill_betweenx(grid, x, x + width, color=color, alpha=0.55, lw=0)


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
            is_covariance = "covariance" in label
            ax.loglog(
                sizes,
                values,
                "--" if is_covariance else "-",
                marker="s" if is_covariance else "o",
                color=COLORS[label.split()[0]],
                label=label,
            )
        start = max(values[0] for values in errors.values()) * 1.6
        slope = start * np.sqrt(sizes[0] / np.asarray(sizes))
        ax.loglog(sizes, slope, ":", color=COLORS["truth"], label="slope of 1/√S")
        ax.set(xlabel="draws S", ylabel="root mean square error")
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


PART_COLORS = ("#8c8c8c", "#CC79A7", "#F0E442", "#222222")
NARROWEST_LABELLED = 0.04  # of the longest bar: a number needs as much room


def variance_parts(parts: Mapping[str, Mapping[str, float]]) -> Figure:
    """Predictive variances as bars, each split into its parts.

    Parameters
    ----------
    parts : mapping of str to mapping of str to float
        Up to four parts by name, for each bar.

    Examples
    --------
    >>> fig = variance_parts({"known": {"residual": 1.0, "effect": 0.5}})
    >>> len(fig.axes[0].patches)
    2
    """
    longest = max(sum(values.values()) for values in parts.values())
    with figure(height=2.6) as (fig, axes):
        ax = axes[0, 0]
        starts = np.zeros(len(parts))
        for name, color in zip(next(iter(parts.values())), PART_COLORS, strict=False):
            widths = np.array([values[name] for values in parts.values()])
            bars = ax.barh(
                list(parts), widths, left=starts, color=color, edgecolor="white", label=name
            )
            labels = [f"{w:.2f}" if w > NARROWEST_LABELLED * longest else "" for w in widths]
            ax.bar_label(bars, labels, label_type="center", fontsize=9)
            starts += widths
        ax.invert_yaxis()
        ax.grid(visible=False, axis="y")
        ax.set(xlabel="variance of a further row")
        figure_legend(fig, ax, columns=len(PART_COLORS))
    return fig


def likelihoods_of_a_scale(tau: np.ndarray, curves: Mapping[str, Sequence[float]]) -> Figure:
    """Log densities against a standard deviation on a logarithmic axis.

    Parameters
    ----------
    tau : ndarray, shape (k,)
        Standard deviations, above zero.
    curves : mapping of str to sequence of float
        Log densities by label, one for each standard deviation.

    Examples
    --------
    >>> fig = likelihoods_of_a_scale(np.array([0.1, 1.0]), {"marginal": [-2.0, -1.0]})
    >>> len(fig.axes[0].lines)
    1
    """
    joint_styles = iter(("--", ":", "-."))
    with figure(height=3.6) as (fig, axes):
        ax = axes[0, 0]
        for label, values in curves.items():
            is_of_a_formulation = label in COLORS
            ax.semilogx(
                tau,
                values,
                "-" if is_of_a_formulation else next(joint_styles),
                color=COLORS[label] if is_of_a_formulation else COLORS["truth"],
                lw=2,
                label=label,
            )
        peaks = [max(values) for values in curves.values()]
        ax.set(xlabel="τ", ylabel="log density, nats", ylim=(min(peaks) - 10, max(peaks) + 2))
        legend_above(ax, columns=2)
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
    colors = (COLORS["conditional"], COLORS["marginal"])
    with figure(1, len(samples), height=3.5) as (fig, axes):
        for ax, (title, values), color in zip(axes[0], samples.items(), colors, strict=False):
            mean, sd = expected[title]
            ax.hist(values, bins=24, density=True, color=color, alpha=0.45)
            low = min(values.min(), mean - 3 * sd)
            high = max(values.max(), mean + 3 * sd)
            grid = np.linspace(low, high, 201)
            ax.plot(grid, norm.pdf(grid, mean, sd), color=COLORS["truth"], lw=1.2)
            ax.axvline(mean, color=COLORS["truth"], ls="--", lw=1.4, label="closed form")
            ax.axvline(published[title], color=COLORS["published"], lw=2, label="published pair")
            ax.set(title=title, xlabel="conditional − marginal, nats", yticks=[])
            ax.grid(visible=False, axis="y")
        figure_legend(fig, axes[0, 0], columns=2)
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
    with figure(1, 2, height=3.6) as (fig, axes):
        left, right = axes[0]
        _densities_of_group_means(left, m, K, ratio)
        left.set(title="group mean", xlabel="deviation from μ, in units of σ", yticks=[])
        _log_densities_per_row(right, m, ratio)
        right.set(
            title="nats per row",
            xlabel="rows per group, m",
            xticks=[1, 10, 100],
            xticklabels=[1, 10, 100],
        )
        fig.legend(loc="outside upper left", ncols=2)
    return fig


def _densities_of_group_means(ax: Axes, m: int, K: int, ratio: float) -> None:
    """Given each of K typical effects, and for an effect drawn anew; both over the tallest."""
    sd_given = np.sqrt(1 / m)
    sd_anew = np.sqrt(1 / m + ratio**2)
    x = np.linspace(-3 * sd_anew, 3 * sd_anew, 601)
    log_tallest = norm.logpdf(0, 0, sd_given)
    for u in norm.ppf((np.arange(K) + 0.5) / K, 0, ratio):
        density = np.exp(norm.logpdf(x, u, sd_given) - log_tallest)
        ax.plot(x, density, color=COLORS["conditional"], lw=0.9)
    density = np.exp(norm.logpdf(x, 0, sd_anew) - log_tallest)
    ax.plot(x, density, color=COLORS["marginal"])


def _log_densities_per_row(ax: Axes, m: int, ratio: float) -> None:
    """Of a known and of a new group by its number of rows, with the gap at m."""
    sizes = np.geomspace(1, 100, 200)
    ax.semilogx(
        sizes,
        _nats_of_known_group(sizes, ratio),
        color=COLORS["conditional"],
        label="given u, or known group",
    )
    ax.semilogx(
        sizes,
        _nats_of_new_group(sizes, ratio),
        color=COLORS["marginal"],
        label="without u, or new group",
    )
    ax.axvline(m, color=COLORS["truth"], ls=":", lw=1)
    at_m = np.array([m])
    gap = [_nats_of_new_group(at_m, ratio)[0], _nats_of_known_group(at_m, ratio)[0]]
    ax.plot([m, m], gap, color=COLORS["truth"], lw=3)


def _nats_of_known_group(m: np.ndarray, ratio: float) -> np.ndarray:
    """Expected log density of a row of a known group of m, less that at a known effect."""
    return -0.5 * np.log1p(ratio**2 / (1 + (m - 1) * ratio**2))


def _nats_of_new_group(m: np.ndarray, ratio: float) -> np.ndarray:
    """Expected log density per row of a new group of m, less that at a known effect."""
    return -np.log1p(m * ratio**2) / (2 * m)
