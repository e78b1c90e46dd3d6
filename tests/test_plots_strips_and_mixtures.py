"""Figures of replications and of mixtures show the numbers that they were given."""

import numpy as np

from lmmlib import plots


def test_strips_show_every_replication_in_its_column():
    values = {"a": [0.1, -0.2, 5.0], "b": [1.0, 2.0, 3.0]}
    fig = plots.strips(values, "difference", {"truth": [0.0, 2.0]}, band=1.0)
    (ax,) = fig.axes
    for k, (line, sample) in enumerate(zip(ax.lines, values.values(), strict=True)):
        np.testing.assert_array_equal(line.get_ydata(), sample)
        assert np.all(np.abs(line.get_xdata() - k) < 0.3)
    (marks,) = ax.collections
    assert [segment[0, 1] for segment in marks.get_segments()] == [0.0, 2.0]
    assert ax.get_yscale() == "symlog"
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["truth"]


def test_strips_without_a_band_have_a_linear_scale():
    fig = plots.strips({"a": [1.0]}, "x")
    assert fig.axes[0].get_yscale() == "linear"
    assert not fig.legends


def test_mixture_draws_components_and_their_sum():
    x, components = np.linspace(-1, 1, 7), np.random.default_rng(1).uniform(size=(3, 7))
    fig = plots.mixture(
        (x, x**2), (x[:3], x[:3] ** 2), x, components, np.ones(7), ("log τ", "effect")
    )
    left, right = fig.axes
    np.testing.assert_array_equal(left.lines[1].get_ydata(), x[:3] ** 2)
    for line, component in zip(right.lines[:3], components, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), component)
    np.testing.assert_array_equal(right.lines[3].get_ydata(), np.ones(7))
    np.testing.assert_allclose(right.lines[4].get_ydata(), components.sum(0))
    assert fig.legends[0].get_texts()[1].get_text() == "sum of 3 normal densities"
