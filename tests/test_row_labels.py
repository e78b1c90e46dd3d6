"""Labels of rows and names: what bears some is matched by them, or refused."""

import numpy as np
import pandas as pd
import pytest

from lmmlib import Data, Design, Params, Term, as_draws, from_formula, loglik, loo, multivariate

ROWS = pd.Index([3, 5, 7, 9, 11, 13])
X = pd.DataFrame({"one": 1.0, "x": [0.0, 1, 2, 3, 4, 6]}, index=ROWS)
Y = pd.Series([1.0, 2, 4, 3, 6, 5], index=ROWS)
G = pd.Series(list("aabbcc"), index=ROWS)
TERM = Term.grouped("g", G.to_numpy())


def _shuffled(labelled):
    return labelled.iloc[[1, 0, 2, 3, 4, 5]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Data(_shuffled(Y), Design(X, [TERM])),
        lambda: Data(Y.reset_index(drop=True), Design(X, [TERM])),
        lambda: Data(Y, Design(X, [TERM])).with_y(_shuffled(Y)),
        lambda: Design(X, [TERM], weights=_shuffled(abs(Y))),
        lambda: Design(X, [TERM], offset=_shuffled(Y)),
        lambda: Design(X, [Term.grouped("g", _shuffled(G))]),
        lambda: Data(_shuffled(Y), Design(X.to_numpy(), [Term.grouped("g", G)])),
        lambda: Design(X, [Term.dense("z", _shuffled(X))]),
        lambda: Term.grouped("g", G, _shuffled(X)),
        lambda: multivariate.MultivariateData(
            _shuffled(X), Design(np.ones((6, 1)), [Term.grouped("g", G)])
        ),
    ],
)
def test_rows_that_are_labelled_in_another_order_are_refused(make):
    with pytest.raises(
        ValueError,
        match=(
            r"the rows of .* and of .* bear different labels, .* by \.to_numpy\(\) if they "
            r"belong together"
        ),
    ):
        make()


def test_rows_without_labels_or_with_the_same_ones_are_taken_as_they_stand():
    same = Design(X, [Term.grouped("g", G)], weights=abs(Y), offset=Y)
    plain = Design(X.to_numpy(), [TERM], weights=abs(Y.to_numpy()), offset=Y.to_numpy())
    assert same.fingerprint == plain.fingerprint
    for design in (same, plain):
        for y in (Y, Y.to_numpy(), Y.tolist()):
            np.testing.assert_array_equal(Data(y, design).y, Y)
    part = Data(Y, same).rows(np.array([0, 2, 4]))
    assert part.design.index.tolist() == [3, 7, 11]


def test_rows_of_a_table_keep_its_labels():
    table = pd.DataFrame({"y": Y, "x": X.x, "g": G})
    data = from_formula("y ~ x + (1 | g)", table)
    np.testing.assert_array_equal(data.with_y(2 * table.y).y, 2 * Y)
    with pytest.raises(
        ValueError, match="the rows of y and of the design bear different labels, 5 and 3 in row 0"
    ):
        data.with_y(_shuffled(table.y))
    ones = np.ones((2, 50))
    draws = as_draws(data=data, beta=np.zeros((2, 50, 2)), sd=ones[..., None], sigma=ones)
    assert loo(draws, data, by=table.g).se_over == "groups"
    with pytest.raises(ValueError, match="the rows of by and of the data bear different labels"):
        loo(draws, data, by=_shuffled(table.g))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Design(X, [TERM], coef=["x", "one"]),
            "X is labelled one, x, but its places are those of x, one",
        ),
        (
            lambda: Term.grouped("g", G, X, effects=["x", "one"]),
            "covariates of 'g' is labelled one, x, but its places are those of x, one",
        ),
        (
            lambda: Term.dense("z", X, levels=["x", "one"]),
            "Z of 'z' is labelled one, x, but its places are those of x, one",
        ),
        (
            lambda: Params([0.0], {"g": pd.DataFrame(np.eye(2), ["a", "b"], ["b", "a"])}, 1.0),
            "cov of 'g' along its columns is labelled b, a, but its places are those of a, b",
        ),
    ],
)
def test_columns_that_are_labelled_in_another_order_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_names_of_parameters_are_compared_with_the_design_s():
    design = Design(X, [Term.grouped("g", G, X, effects=["one", "x"])], coef=["one", "x"])
    data = Data(Y, design)
    cov = pd.DataFrame([[2.0, 0.3], [0.3, 1.0]], ["one", "x"], ["one", "x"])
    beta = pd.Series({"one": 1.0, "x": 0.5})
    plain = loglik.marginal(data, Params([1.0, 0.5], {"g": cov.to_numpy()}, 1.0))
    assert loglik.marginal(data, Params(beta, {"g": cov}, 1.0)) == plain
    with pytest.raises(
        ValueError,
        match=(
            "beta is labelled x, one, but its places are those of one, x; bring it into this order"
        ),
    ):
        loglik.marginal(data, Params(beta[::-1], {"g": cov}, 1.0))
    with pytest.raises(
        ValueError, match="cov of 'g' is labelled x, one, but its places are those of one, x"
    ):
        loglik.marginal(data, Params(beta, {"g": cov.iloc[::-1, ::-1]}, 1.0))
    assert Term.dense("z", X).levels == ("one", "x")
