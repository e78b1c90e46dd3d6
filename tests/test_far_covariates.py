"""A random slope whose covariate lies far from zero is told, where it matters."""

import numpy as np
import pytest

from lmmlib import Data, Design, Term


@pytest.mark.parametrize("name", ["year", "dummy", "constant", "alone"])
def test_a_random_slope_far_from_zero_is_told_where_an_intercept_stands_beside_it(name):
    """Years are told; a dummy that is nearly always one is not, as zero occurs.

    Nor a slope without an intercept.
    """
    codes = np.repeat(np.arange(4), 50)
    z = {
        "year": 2010.0 + np.arange(200) % 10,
        "dummy": np.arange(200) != 7,
        "constant": np.full(200, 5.0),
        "alone": 2010.0 + np.arange(200) % 10,
    }[name]
    covariates = z[:, None] if name == "alone" else np.column_stack([np.ones(200), z])
    effects = ["year"] if name == "alone" else ["Intercept", "year"]
    design = Design(
        np.ones((200, 1)),
        [Term.grouped("site", codes, covariates, effects=effects, correlated=False)],
    )
    if name == "year":
        with pytest.warns(
            UserWarning,
            match=r"the covariate 'year' of term 'site' has a mean of 2014.5 .* by center\(year\)",
        ):
            data = Data(np.cos(np.arange(200)), design)
        data.with_y(data.y)  # once is enough
        data.rows(np.arange(100))
        return
    if name == "constant":
        with pytest.raises(ValueError, match="are one: only one sum"):
            Data(np.cos(np.arange(200)), design)
        return
    Data(np.cos(np.arange(200)), design)


def test_slopes_in_a_term_of_their_own_are_told_too():
    codes, year = np.repeat(np.arange(4), 10), 2010.0 + np.arange(40) % 10
    terms = [
        Term.grouped("site", codes),
        Term.grouped("site.1", codes, year[:, None], effects=["year"]),
    ]
    with pytest.warns(UserWarning, match="the covariate 'year' of term 'site.1'"):
        Data(np.cos(np.arange(40)), Design(np.ones((40, 1)), terms))
    apart = [
        Term.grouped("site", codes),
        Term.grouped("plot", np.arange(40) % 5, year[:, None], effects=["year"]),
    ]
    Data(np.cos(np.arange(40)), Design(np.ones((40, 1)), apart))
