"""The tables that ship with the package are those that were published."""

import numpy as np

from lmmlib import load_dataset


def test_the_rats_are_thirty_growth_curves_of_five_weighings():
    """The first and the last rat, and the means by day, as printed by Gelfand et al. (1990)."""
    rats = load_dataset("rats")
    weights = rats.pivot_table(index="rat", columns="day", values="weight", sort=False)
    assert weights.shape == (30, 5)
    assert not weights.isna().any(axis=None)
    np.testing.assert_array_equal(weights.columns, [8, 15, 22, 29, 36])
    np.testing.assert_array_equal(weights.loc["1"], [151, 199, 246, 283, 320])
    np.testing.assert_array_equal(weights.loc["30"], [153, 200, 244, 286, 324])
    assert "Gelfand" in rats.attrs["source"]
