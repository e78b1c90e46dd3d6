"""Figures of results show the numbers they are given."""

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from scipy.stats import gaussian_kde

from lmmlib import plots
from lmmlib.calibration import Calibration, EcdfBand
from lmmlib.prediction import PredictiveCheck


def _check(values, observed, p):
    table = pd.DataFrame(
        {"observed": [observed], "mean": [values.mean()], "sd": [values.std()], "p": [p]},
        index=["fourth_moment"],
    )
    return PredictiveCheck(table, pd.DataFrame({"fourth_moment": values}), None, "new")


def test_each_kind_of_replicates_has_a_hill_where_its_values_are():
    low, high = np.linspace(0, 1, 400), np.linspace(3, 4, 400)
    fig = plots.replicated_statistics(
        {"known groups": _check(low, 0.5, 0.4), "new groups": _check(high, 0.5, 1.0)}
    )
    (ax,) = fig.axes
    for k, (hill, values) in enumerate(zip(ax.patches, (low, high), strict=True)):
        heights, edges, base = hill.get_data()
        inside = edges[:-1][heights > base]
        assert base == -k
        assert values.min() - 0.1 < inside.min() < inside.max() < values.max() + 0.1
    assert [text.get_text() for text in ax.texts] == ["p = 0.40", "p = 1.00"]
    assert ax.lines[0].get_xdata()[0] == 0.5
    assert ax.get_title("left") == "fourth moment"


def test_a_sliver_around_the_data_is_drawn_once_more_on_a_scale_of_its_own():
    sliver, wide = np.linspace(1.0, 1.2, 400), np.linspace(0, 9, 400)
    (ax,) = plots.replicated_statistics(
        {"known groups": _check(sliver, 1.1, 0.5), "new groups": _check(wide, 1.1, 0.9)}
    ).axes
    (inset,) = ax.child_axes
    heights, edges, _ = inset.patches[0].get_data()
    assert heights.sum() >= 398
    np.testing.assert_allclose((edges[0], edges[-1]), np.quantile(sliver, [0.001, 0.999]))
    assert inset.lines[0].get_xdata()[0] == 1.1
    away = plots.replicated_statistics(
        {"known groups": _check(sliver, 5.0, 0.0), "new groups": _check(wide, 5.0, 0.5)}
    )
    assert not away.axes[0].child_axes


def test_an_overlay_has_the_density_of_the_data_over_those_of_its_replicates():
    rng = np.random.default_rng(1)
    y, replicates = rng.standard_normal(50), 3 + rng.standard_normal((80, 50))
    known, new = plots.density_overlay(y, {"known u": replicates, "new u": replicates[:2]}).axes
    assert (len(known.lines), len(new.lines)) == (60 + 1, 2 + 1)
    grid, height = new.lines[0].get_data()
    margin = np.ptp(y) / 2
    np.testing.assert_allclose((grid[0], grid[-1]), (y.min() - margin, y.max() + margin))
    np.testing.assert_allclose(height, gaussian_kde(y)(grid))
    np.testing.assert_allclose(new.lines[1].get_ydata(), gaussian_kde(replicates[0])(grid))
    assert known.lines[1].get_color() == plots.COLORS["conditional"]
    assert new.lines[1].get_color() == plots.COLORS["marginal"]


def test_a_curve_of_ranks_that_leaves_its_band_has_a_colour_of_its_own():
    rng = np.random.default_rng(1)
    ranks = np.column_stack([rng.integers(100, size=200), rng.integers(50, size=200)])
    inside, outside, _ = plots.rank_ecdf(Calibration(("a", "b"), ranks, 99, ())).axes
    curves = [ax.lines[-1] for ax in (inside, outside)]
    assert [line.get_color() for line in curves] == [
        plots.COLORS["published"],
        plots.COLORS["outside"],
    ]
    assert [ax.get_title("left") for ax in (inside, outside)] == ["a", "b (outside)"]


def test_statistics_are_in_the_colour_of_their_replicates():
    (ax,) = plots.statistics(_check(np.linspace(0, 1, 40), 0.5, 0.4)).axes
    assert to_hex(ax.patches[0].get_facecolor()).upper() == plots.COLORS["marginal"]


def test_transforms_are_drawn_as_differences_from_the_uniform_distribution():
    z = np.linspace(0.1, 0.9, 9)
    ax = plots.pit_ecdf({"left out": np.array([0.15, 0.15, 0.85])}, EcdfBand(z, z - 2, z + 2)).axes[
        0
    ]
    np.testing.assert_allclose(
        ax.lines[0].get_ydata(), np.array([0, 2, 2, 2, 2, 2, 2, 2, 3]) / 3 - z
    )


def test_recovery_shows_bias_as_a_share_of_the_truth_and_coverage_as_it_is():
    rows = [
        ["few", "ML", "sigma", 0.01, "bias", -0.001, 0.0002],
        ["few", "posterior", "sigma", 0.01, "bias", 0.002, 0.0002],
        ["few", "posterior", "sigma", 0.01, "coverage", 0.85, 0.02],
    ]
    table = pd.DataFrame(
        rows, columns=["scenario", "engine", "parameter", "truth", "measure", "value", "error"]
    )
    bias, coverage = plots.recovery(
        table, {"a": ("sigma", "bias"), "b": ("sigma", "coverage")}
    ).axes
    points = [bar[0].get_xdata()[0] for bar in bias.containers]
    np.testing.assert_allclose(points, [-0.1, 0.2])
    (segment,) = bias.containers[0][2][0].get_segments()
    np.testing.assert_allclose(segment[:, 0], [-0.14, -0.06])
    assert coverage.containers[1][0].get_xdata()[0] == 0.85
    assert coverage.lines[0].get_xdata()[0] == 0.9


def test_priors_are_drawn_on_both_kinds_of_axes_with_the_place_of_the_posterior():
    sd = np.geomspace(1e-3, 3, 50)
    left, right = plots.sd_priors(sd, {"on σ": np.exp(-sd), "on σ²": 2 * sd}, (0.01, 0.02)).axes
    for ax in (left, right):
        np.testing.assert_array_equal(ax.lines[1].get_ydata(), 2 * sd)
        box = ax.patches[0].get_path().get_extents(ax.patches[0].get_patch_transform())
        np.testing.assert_allclose((box.x0, box.x1), (0.01, 0.02))
    assert (left.get_xscale(), right.get_xscale(), right.get_yscale()) == ("linear", "log", "log")


def test_shrinkage_draws_an_arrow_from_each_separate_fit_to_its_partially_pooled_one():
    separate, partial = (
        np.array([[0.0, 1.0], [4.0, 3.0], [2.0, -1.0]]),
        np.array([[1.0, 1.2], [3.0, 2.0], [2.0, 0.0]]),
    )
    ax = plots.shrinkage(
        separate, partial, (2.0, 1.0), ["a", "b", "c"], ("Intercept", "Days")
    ).axes[0]
    arrows = [text for text in ax.texts if text.arrow_patch is not None]
    ends = [(*text.xyann, *text.xy) for text in arrows]
    np.testing.assert_array_equal(ends, np.hstack([separate, partial]))
    assert [text.get_text() for text in ax.texts if text.arrow_patch is None] == ["a", "b", "c"]
    shown = {line.get_label(): line.get_xydata() for line in ax.lines}
    np.testing.assert_array_equal(shown["separate fits (no pooling)"], separate)
    np.testing.assert_array_equal(shown["partial pooling"], partial)
    np.testing.assert_array_equal(shown["one fit (complete pooling)"], [[2.0, 1.0]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Intercept", "Days")
