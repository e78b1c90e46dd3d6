"""Figures of single chapters show the numbers they are given."""

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from lmmlib import plots
from lmmlib.report import figures

CURVES = pd.DataFrame({"age": [0, 1, 0, 1], "weight": [1, 3, 2, 4], "rat": list("aabb")})
CROSSED = pd.DataFrame({"plate": list("aabb"), "sample": list("cdcd")})


def test_tails_are_in_powers_of_ten_below_their_largest_value():
    tau = np.geomspace(0.1, 1000, 5)
    panels = {
        "known": {"J = 1": -np.log(tau), "J = 2": 7 - 2 * np.log(tau)},
        "flat": {"J = 1": np.zeros(5)},
    }
    fig = figures.tails(tau, panels)
    assert [ax.get_title("left") for ax in fig.axes] == ["known", "flat"]
    x, height = fig.axes[0].lines[1].get_data()
    np.testing.assert_allclose(x, np.log10(tau), rtol=1e-12)
    np.testing.assert_allclose(height, -2 * (np.log10(tau) + 1), atol=1e-12)
    assert [text.get_text() for text in fig.axes[0].texts] == ["J = 1", "J = 2"]
    assert [[line.get_linestyle() for line in ax.lines] for ax in fig.axes] == [["--", "-"], ["--"]]
    np.testing.assert_array_equal(fig.axes[1].lines[0].get_ydata(), 0)


def test_strips_show_every_replication_in_its_column():
    values = {"a": [0.1, -0.2, 5.0], "b": [1.0, 2.0, 3.0]}
    fig = figures.strips(values, "difference", {"truth": [0.0, 2.0]}, band=1.0)
    (ax,) = fig.axes
    for k, (line, sample) in enumerate(zip(ax.lines, values.values(), strict=True)):
        np.testing.assert_array_equal(line.get_ydata(), sample)
        assert np.all(np.abs(line.get_xdata() - k) < 0.3)
    (marks,) = ax.collections
    assert [segment[0, 1] for segment in marks.get_segments()] == [0.0, 2.0]
    assert ax.get_yscale() == "symlog"
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["truth"]


def test_strips_without_a_band_have_a_linear_scale():
    fig = figures.strips({"a": [1.0]}, "x")
    assert fig.axes[0].get_yscale() == "linear"
    assert not fig.legends


def test_p_values_of_each_kind_are_an_outline_of_area_one_beside_the_uniform_density():
    p = {"known groups": np.full(9, 0.52), "new groups": np.linspace(0.01, 0.99, 9)}
    (ax,) = figures.null_p_values({"between": p}).axes
    known, new = (patch.get_xy() for patch in ax.patches)
    peak = known[:, 1] > 0
    np.testing.assert_allclose(known[peak], [[0.5, 20], [0.55, 20]])
    assert new[:, 1].max() < 5
    assert ax.lines[0].get_ydata()[0] == 1


def test_mixture_draws_components_and_their_sum():
    x, components = np.linspace(-1, 1, 7), np.random.default_rng(1).uniform(size=(3, 7))
    fig = figures.mixture(
        (x, x**2), (x[:3], x[:3] ** 2), x, components, np.ones(7), ("log τ", "effect")
    )
    left, right = fig.axes
    np.testing.assert_array_equal(left.lines[1].get_ydata(), x[:3] ** 2)
    for line, component in zip(right.lines[:3], components, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), component)
    np.testing.assert_array_equal(right.lines[3].get_ydata(), np.ones(7))
    np.testing.assert_allclose(right.lines[4].get_ydata(), components.sum(0))
    assert fig.legends[0].get_texts()[1].get_text() == "sum of 3 normal densities"


def test_parts_of_a_variance_stand_end_to_end():
    parts = {
        "known": {"residual": 1.0, "effect": 0.25, "β": 0.01},
        "new": {"residual": 1.0, "effect": 4.0, "β": 0.5},
    }
    (ax,) = figures.variance_parts(parts).axes
    for name, bars in zip(parts["new"], ax.containers, strict=True):
        widths = [bar.get_width() for bar in bars]
        np.testing.assert_allclose(widths, [values[name] for values in parts.values()])
    ends = [bar.get_x() + bar.get_width() for bar in ax.containers[-1]]
    np.testing.assert_allclose(ends, [1.26, 5.5], rtol=1e-12)
    assert [text.get_text() for text in ax.texts].count("") == 1


def test_densities_of_a_scale_are_seen_from_the_lowest_peak_up():
    tau = np.array([0.1, 1.0, 10.0])
    curves = {"conditional": [-3.0] * 3, "joint": [-90.0, -20.0, -30.0], "marginal": [-9, -7, -8]}
    (ax,) = figures.likelihoods_of_a_scale(tau, curves).axes
    for line, values in zip(ax.lines, curves.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), values)
    colors = [line.get_color() for line in ax.lines]
    assert colors == [plots.COLORS[name] for name in ("conditional", "truth", "marginal")]
    assert ax.get_ylim() == (-30, -1)


def test_links_of_means_draws_groups_a_typical_one_and_the_mean():
    x = np.array([-1.0, 0.0, 1.0])
    groups = np.stack([x - 1, x + 1])
    fig = figures.links_of_means(x, {"log": (groups, x, x + 0.5), "logit": (groups, x, 0.5 * x)})
    assert [ax.get_title("left") for ax in fig.axes] == ["log link", "logit link"]
    for ax, average in zip(fig.axes, (x + 0.5, 0.5 * x), strict=True):
        drawn = [line.get_ydata() for line in ax.lines]
        np.testing.assert_array_equal(drawn, [*groups, x, average])
        assert ax.lines[-1].get_color() == plots.COLORS["marginal"]


def test_posteriors_of_both_forms_lie_on_one_another():
    x = np.linspace(0, 1, 5)
    densities = {"conditional": x + 1, "marginal": x + 2}
    fig = figures.posteriors_of_both_forms({"τ": (x, densities), "β": (-x, densities)})
    assert [ax.get_xlabel() for ax in fig.axes] == ["τ", "β"]
    for ax in fig.axes:
        for line, (form, density) in zip(ax.lines, densities.items(), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), density)
            assert line.get_color() == plots.COLORS[form]
        assert ax.lines[0].get_linewidth() > ax.lines[1].get_linewidth()


def test_blue_and_orange_are_left_to_the_two_formulations():
    kept = {plots.COLORS["conditional"], plots.COLORS["marginal"]}
    sd = np.geomspace(1e-3, 3, 5)
    drawn = {
        line.get_color()
        for ax in plots.sd_priors(sd, {"on σ": sd, "on σ²": 2 * sd}, (0.1, 0.2)).axes
        for line in ax.lines
    }
    circles = {
        to_hex(line.get_color()).upper()
        for ax in figures.left_out(CURVES, {"a row": np.array([1])}, CROSSED, cell=2).axes
        for line in ax.lines
    }
    assert len(drawn) == len(circles) == 2
    assert kept.isdisjoint(drawn | circles)


def test_what_is_left_out_is_circled_among_all_that_is_given():
    schemes = {"a row": np.array([1]), "a group": np.array([2, 3])}
    first, second, lattice = figures.left_out(CURVES, schemes, CROSSED, cell=2).axes[:3]
    for ax, rows in zip((first, second), schemes.values(), strict=True):
        *given, predicted = ax.lines
        assert sum(len(line.get_xdata()) for line in given) == len(CURVES)
        np.testing.assert_array_equal(predicted.get_xdata(), CURVES.age.iloc[rows])
        np.testing.assert_array_equal(predicted.get_ydata(), CURVES.weight.iloc[rows])
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("age", "weight")
    cells, predicted = lattice.lines[:2]
    assert len(cells.get_xdata()) == len(CROSSED)
    np.testing.assert_array_equal(predicted.get_xydata(), [[1, 0]])


def test_two_traits_are_shown_within_their_groups_and_between_them():
    Y = np.array([[1.0, 4.0], [2.0, 6.0], [6.0, 0.0], [4.0, 1.0]])
    fig = figures.two_traits(Y, np.array(["a", "a", "b", "b"]), ("height", "weight"))
    within, between = (ax.lines[0].get_xydata() for ax in fig.axes)
    np.testing.assert_array_equal(within, [[-0.5, -1.0], [0.5, 1.0], [1.0, -0.5], [-1.0, 0.5]])
    np.testing.assert_array_equal(between, [[1.5, 5.0], [5.0, 0.5]])
    assert [ax.get_xlabel() for ax in fig.axes] == ["height", "height"]


def test_differences_of_both_statistics_stand_beside_each_other_over_unrotated_names():
    panels = {"one": {"mean": [1.0, -2.0], "SD": [0.5, 3.0]}, "two": {"mean": [0.0, 1.0]}}
    fig = figures.differences(["β₁", "σ"], panels)
    assert [ax.get_title("left") for ax in fig.axes] == ["one", "two"]
    filled, open_ = (line for line in fig.axes[0].lines if line.get_marker() == "o")
    np.testing.assert_array_equal(filled.get_ydata(), [1.0, -2.0])
    np.testing.assert_array_equal(open_.get_ydata(), [0.5, 3.0])
    assert np.all(filled.get_xdata() < open_.get_xdata())
    labels = fig.axes[1].get_xticklabels()
    assert [label.get_text() for label in labels] == ["β₁", "σ"]
    assert {label.get_rotation() for label in labels} == {0.0}


def test_the_reading_that_is_kept_stands_out():
    draws = {"means": (40.0, 7.0, 100.0), "medians": (1500.0, 260.0, 3900.0)}
    (ax,) = figures.readings(draws, 2000.0, "medians").axes
    published, *intervals = [line for line in ax.lines if line.get_marker() != "o"]
    assert set(published.get_xdata()) == {2000.0}
    for line, (_, low, high) in zip(intervals, draws.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [low, high])
    assert intervals[0].get_color() != intervals[1].get_color() == plots.COLORS["truth"]
    assert ax.get_xscale() == "log"
