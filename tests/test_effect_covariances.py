"""Covariances that rows cannot show are refused, and no others."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lmmlib import (
    Data,
    Design,
    Term,
    estimate,
    from_formula,
    load_dataset,
    merge_reductions,
    posterior,
)
from lmmlib.model import Priors
from lmmlib.model.effect_covariances import TermColumns, effect_covariances_error

RNG = np.random.default_rng(15)
GROUP = np.repeat(np.arange(8), 5)
WITHIN = RNG.normal(size=(40, 2))
TWO = (GROUP % 2).astype(float)  # constant within groups, of two values
THREE = (GROUP % 3).astype(float)
BETWEEN = RNG.normal(size=8)[GROUP]
CROSSED = RNG.permutation(GROUP)
PAIRS = np.kron(np.eye(4), [[1.0, 0.5], [0.5, 1.0]])  # relatives with different values of TWO
CLONES = np.kron(np.eye(4), np.ones((2, 2)))
TEAMS = np.kron([[1.0, 0.5], [0.5, 1.0]], np.eye(4))[
    np.ix_([0, 4, 1, 5, 2, 6, 3, 7], [0, 4, 1, 5, 2, 6, 3, 7])
]
ALIKE = np.where(np.equal.outer(np.arange(8) % 2, np.arange(8) % 2), 0.5, 0.0) + 0.5 * np.eye(8)


def _term(*columns, **options):
    covariates = np.column_stack([np.broadcast_to(c, 40) for c in columns])
    return Term.grouped("g", GROUP, covariates, **options)


def _error(*terms, rotation=None):
    columns = []
    for term in terms:
        Z = term.columns_of_independent_levels()
        columns.append(TermColumns(term, Z if rotation is None else csr_array(rotation @ Z)))
    return effect_covariances_error(columns)


def _rank(*terms):
    """The slow twin: rank, and number of entries, of the map from covariances to that of rows."""
    images = [image for term in terms for image in _images(term)]
    units = [image / max(np.linalg.norm(image), 1e-300) for image in images]
    return np.linalg.matrix_rank(np.array(units), tol=1e-8), len(images)


def _images(term):
    J, q = term.size
    A = np.eye(J) if term.level_chol is None else term.level_chol @ term.level_chol.T
    Z = term.Z.toarray()
    images = []
    for a in range(q):
        for b in range(a + 1):
            if a == b or term.correlated:
                E = np.zeros((q, q))
                E[a, b] = E[b, a] = 1.0
                images.append((Z @ np.kron(A, E) @ Z.T).ravel())
    return images


SHOWN = {
    "slope": _term(1, WITHIN[:, 0]),
    "two slopes": _term(1, WITHIN[:, 0], WITHIN[:, 1]),
    "three values between groups": _term(1, THREE),
    "many values between groups": _term(1, BETWEEN),
    "one within, one between": _term(1, WITHIN[:, 0], BETWEEN),
    "two values, uncorrelated": _term(1, TWO, correlated=False),
    "one group alone has rows in all directions": _term(1, np.where(GROUP == 3, WITHIN[:, 0], TWO)),
    "two values of relatives": _term(1, TWO, between=PAIRS),
    "two values of clones": _term(1, TWO, between=CLONES),
    "two values of mixed relatives": _term(1, TWO, between=TEAMS),
}
# The squares of the twin lose these.
SHOWN_IN_OTHER_UNITS = {
    "far from zero": _term(1, 1.6e9 + 1e3 * WITHIN[:, 0]),
    "tiny": _term(1, 1e-200 * WITHIN[:, 0]),
    "huge": _term(1, 1e200 * WITHIN[:, 0]),
    "one entry a billion times the others": _term(1, np.r_[1e9, WITHIN[1:, 0]]),
}
NOT_SHOWN = {
    "two values": _term(1, TWO),
    "a column a value": _term(1 - TWO, TWO),
    "two values beside a slope": _term(1, WITHIN[:, 0], TWO),
    "two values, far from zero": _term(1, 1e6 + TWO),
    "a combination": _term(1, WITHIN[:, 0], 1 + 2 * WITHIN[:, 0]),
    "one direction for three": _term(1, BETWEEN, BETWEEN**2, THREE),
    "two values, and relatives of one value alone": _term(1, TWO, between=ALIKE),
    "too many uncorrelated": _term(1, TWO, 1 + TWO, correlated=False),
    "a value a group, two of them": _term(1, np.where(GROUP < 5, 1.0, -2.0)),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_covariance_that_rows_show_is_not_refused(name):
    term = SHOWN[name]
    assert _error(term) is None
    rank, entries = _rank(term)
    assert rank == entries


@pytest.mark.parametrize("name", SHOWN_IN_OTHER_UNITS)
def test_neither_unit_nor_place_of_a_covariate_hides_a_covariance(name):
    term = SHOWN_IN_OTHER_UNITS[name]
    assert _error(term) is None


@pytest.mark.parametrize("name", NOT_SHOWN)
def test_a_covariance_that_rows_do_not_show_is_refused(name):
    term = NOT_SHOWN[name]
    error = _error(term)
    assert "g: " in error
    rank, entries = _rank(term)
    assert rank < entries


@pytest.mark.parametrize("seed", range(20))
def test_random_covariates_are_judged_as_the_twin_judges_them(seed):
    """Covariates of few values, so that groups often show too little."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(2, 7)
    codes = np.r_[np.arange(groups), rng.integers(groups, size=10)]
    covariates = rng.integers(0, 2, size=(len(codes), rng.integers(2, 4))).astype(float)
    covariates[0] = 1.0  # no column of zeros
    term = Term.grouped("g", codes, covariates, correlated=bool(rng.integers(2)))
    rank, entries = _rank(term)
    error = _error(term)
    assert (error is None) == (rank == entries)
    rotation = np.linalg.qr(rng.normal(size=(len(codes), len(codes))))[0]
    assert (_error(term, rotation=rotation) is None) == (error is None)


def test_estimate_names_the_effects_and_a_posterior_is_had():
    table = pd.DataFrame({"y": WITHIN[:, 1], "x": WITHIN[:, 0], "g": GROUP})
    table["sex"] = np.where(TWO, "male", "female")
    for effects, named in [
        ("sex", r"'g: Intercept', 'g: sex\[T.male\]'"),
        ("0 + sex", r"'g: sex\[female\]', 'g: sex\[male\]'"),
        ("x + sex", r"'g: Intercept', 'g: sex\[T.male\]'"),
    ]:
        data = from_formula(f"y ~ x + sex + ({effects} | g)", table)
        with pytest.raises(
            ValueError,
            match=f"the covariance of the effects {named} cannot be told: the covariates of rows "
            "that share a level show 2 of 3 entries; drop one of them, make them uncorrelated, or "
            "give priors to posterior",
        ):
            estimate(data)
    draws = posterior(data, Priors.weak(data), draws=64, rng=1)
    assert np.isfinite(draws.posterior.sd).all()
    for effects in ("1 | g", "sex || g", "x | g"):
        assert np.isfinite(estimate(from_formula(f"y ~ x + sex + ({effects})", table)).loglik)


def _named(name, *columns, **options):
    covariates = np.column_stack([np.broadcast_to(c, 40) for c in columns])
    return Term.grouped(name, options.pop("codes", GROUP), covariates, **options)


@pytest.mark.parametrize(
    ("terms", "named"),
    [
        ([_named("g", 1), _named("h", 1 - TWO), _named("i", TWO)], "'g: x1', 'h: x1', 'i: x1'"),
        ([_named("g", 1), _named("h", TWO, WITHIN[:, 0]), _named("i", 1 - TWO)], "'g: x1', 'h: "),
        ([_named("g", 1, TWO, correlated=False), _named("h", 1 + TWO)], "'g: x1', 'g: x2', 'h: "),
        ([_named("g", 1), _named("h", TWO)], None),
        ([_named("g", 1), _named("h", WITHIN[:, 0]), _named("i", WITHIN[:, 1])], None),
        ([_named("g", 1, WITHIN[:, 0]), _named("h", TWO), _named("i", BETWEEN)], None),
        # other factors, of the same labels
        ([_named("g", 1), _named("h", 1 - TWO), _named("i", TWO, codes=CROSSED)], None),
        ([_named("g", 1), _named("h", 1 - TWO), _named("i", TWO, between=ALIKE)], None),
    ],
)
def test_terms_on_one_factor_are_judged_together(terms, named):
    for given in (terms, terms[::-1]):
        error = _error(*given)
        rank, entries = _rank(*given)
        assert (error is None) == (rank == entries)
        assert (error is None) == (named is None)
    assert named is None or f"effects {named}" in _error(*terms)
    rotation = np.linalg.qr(RNG.normal(size=(40, 40)))[0]
    assert (_error(*terms, rotation=rotation) is None) == (named is None)


def test_combinations_and_uncorrelated_effects_are_named():
    design = Design(np.ones((40, 1)), [NOT_SHOWN["a combination"]])
    with pytest.raises(
        ValueError, match="the covariate of effect 'g: x3' is a combination of those before it"
    ):
        estimate(Data(WITHIN[:, 1], design))
    design = Design(np.ones((40, 1)), [_term(1, TWO, 1 + 2 * TWO, correlated=False)])
    with pytest.raises(ValueError, match="'g: x3' is a combination"):
        estimate(Data(WITHIN[:, 1], design))


def test_beside_a_crossed_factor_and_merged_from_parts():
    other = Term.grouped("h", RNG.permutation(np.tile(np.arange(20), 2)))
    for term, is_shown in ((NOT_SHOWN["two values"], False), (SHOWN["slope"], True)):
        data = Data(WITHIN[:, 1], Design(np.ones((40, 1)), [other, term]))
        merged = merge_reductions(data.rows(part) for part in np.array_split(np.arange(40), 3))
        for given in (data, merged):
            if is_shown:
                assert np.isfinite(estimate(given).loglik)
            else:
                with pytest.raises(ValueError, match="show 2 of 3 entries"):
                    estimate(given)


def test_classic_slopes_are_shown():
    data = from_formula("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
    assert _error(data.design.terms[0]) is None
