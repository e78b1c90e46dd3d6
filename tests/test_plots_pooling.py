"""Figures of pooling show the numbers they are given."""

import numpy as np

from lmmlib import plots


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


def test_tails_are_in_powers_of_ten_below_their_largest_value():
    tau = np.geomspace(0.1, 1000, 5)
    panels = {
        "known": {"J = 1": -np.log(tau), "J = 2": 7 - 2 * np.log(tau)},
        "flat": {"J = 1": np.zeros(5)},
    }
    fig = plots.tails(tau, panels)
    assert [ax.get_title("left") for ax in fig.axes] == ["known", "flat"]
    x, height = fig.axes[0].lines[1].get_data()
    np.testing.assert_allclose(x, np.log10(tau), rtol=1e-12)
    np.testing.assert_allclose(height, -2 * (np.log10(tau) + 1), atol=1e-12)
    assert [text.get_text() for text in fig.axes[0].texts] == ["J = 1", "J = 2"]
    assert [[line.get_linestyle() for line in ax.lines] for ax in fig.axes] == [["--", "-"], ["--"]]
    np.testing.assert_array_equal(fig.axes[1].lines[0].get_ydata(), 0)
