"""The one form of draws: labels, what comes back out, and what is refused."""

import arviz_base
import arviz_stats
import numpy as np
import pytest
import xarray as xr

from cases import CASES
from lmmlib import Data, Design, Term, as_draws, draws, summary


def _arrays(design, seed=1, chains=2, length=50):
    rng = np.random.default_rng(seed)
    lead = (chains, length)
    return {
        "beta": rng.normal(size=(*lead, len(design.coef))),
        "sd": rng.uniform(0.5, 2, size=(*lead, len(design.effects))),
        "sigma": rng.uniform(0.5, 2, size=lead),
        "cor": rng.uniform(-0.9, 0.9, size=(*lead, len(design.pairs))) if design.pairs else None,
        "u": rng.normal(size=(*lead, design.Z.shape[1])),
    }


def test_labels_and_selection():
    data, _ = CASES["unbalanced slopes"]()
    tree = as_draws(data=data, **_arrays(data.design))
    u = tree.posterior.u
    assert u.sel(ranef="g[3]: x2").shape == (2, 50)
    index = tree.constant_data
    assert u.groupby(index["covariate"]).mean().sizes["covariate"] == 2
    assert u.where(index["level"] == "3", drop=True).sizes["ranef"] == 2
    assert summary(tree).index.tolist() == ["beta[x1]", "beta[x2]", "sd[g: x1]", "sd[g: x2]", "cor[g: x1, x2]", "sigma"]
    np.testing.assert_array_equal(tree.observed_data.y, data.y)
    assert "log_likelihood" not in tree.children


def test_arviz_takes_every_variable():
    """Its summaries stack all variables, which wants no coordinate that some of them lack."""
    data, _ = CASES["two correlated terms"]()
    tree = as_draws(data=data, **_arrays(data.design))
    entries = sum(np.prod(v.shape[2:], dtype=int) for v in tree.posterior.data_vars.values())
    assert arviz_stats.summary(tree).shape[0] == entries
    assert arviz_stats.summary(tree, var_names=["beta", "u"]).shape[0] == 2 + data.design.Z.shape[1]
    assert arviz_base.extract(tree, var_names="u").sizes["ranef"] == data.design.Z.shape[1]


def test_theta_is_what_was_put_in():
    data, _ = CASES["two correlated terms"]()
    given = _arrays(data.design)
    theta = draws.theta(as_draws(data=data, **given), data.design)
    sd, cor = given["sd"].reshape(-1, 2, 2), given["cor"].reshape(-1, 2)
    for k, root in enumerate(theta.roots):
        cov = root @ np.swapaxes(root, 1, 2)
        np.testing.assert_allclose(np.sqrt(np.einsum("sjj->sj", cov)), sd[:, k])
        np.testing.assert_allclose(cov[:, 0, 1], sd[:, k].prod(1) * cor[:, k])
    np.testing.assert_array_equal(theta.sigma, given["sigma"].ravel())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beta": np.zeros((2, 50, 3))}, r"beta must have shape \(chains, draws, …\) = \(2, 50, 2\), got \(2, 50, 3\)"),
        ({"sigma": np.zeros((2, 50))}, "sigma above zero"),
        ({"sd": np.full((2, 50, 2), -1.0)}, "SDs, not variances or their logarithms"),
        ({"cor": np.full((2, 50, 1), 1.5)}, "correlations within -1 and 1"),
        ({"cor": None}, "cor must be given for the pairs g: x1, x2"),
        ({"u": np.full((2, 50, 12), np.nan)}, "u must be finite, got 1200 entries that are not"),
    ],
)
def test_bad_draws_are_refused(change, message):
    data, _ = CASES["unbalanced slopes"]()
    with pytest.raises(ValueError, match=message):
        as_draws(data=data, **{**_arrays(data.design), **change})


def test_correlations_without_a_pair_are_refused():
    data, _ = CASES["balanced"]()
    with pytest.raises(ValueError, match="cor must be left out"):
        as_draws(data=data, **{**_arrays(data.design), "cor": np.zeros((2, 50, 1))})


def test_correlations_that_no_effects_have_are_refused():
    """Each pair is within ±1, the three together have an eigenvalue of 1 - 2 × 0.9."""
    design = Design(np.ones((12, 1)), [Term.grouped("g", np.repeat(list("abcd"), 3), np.random.default_rng(1).normal(size=(12, 3)))])
    data = Data(np.arange(12.0), design)
    arrays = _arrays(design) | {"cor": np.tile([0.9, 0.9, 0.9], (2, 50, 1))}
    assert as_draws(data=data, **arrays).posterior.cor.shape == (2, 50, 3)
    arrays["cor"][1, 7] = [0.9, 0.9, -0.9]
    with pytest.raises(
        ValueError, match=r"correlations of 'g' must be positive semi-definite, those of chain 1, draw 7 have an eigenvalue of -0\.8"
    ):
        as_draws(data=data, **arrays)


def test_statistics_of_another_shape_are_refused():
    data, _ = CASES["balanced"]()
    for stats in ({"log_weight": np.zeros(50)}, {"log_weight": np.zeros((50, 2))}):
        with pytest.raises(ValueError, match=r"stats 'log_weight' must have shape \(chains, draws, …\) with \(2, 50\), got \(50"):
            as_draws(data=data, stats=stats, **_arrays(data.design))


def test_things_of_another_kind_are_told_clearly():
    data, _ = CASES["balanced"]()
    tree = as_draws(data=data, **_arrays(data.design))
    for call, message in [
        (lambda: as_draws(data=data.design, **_arrays(data.design)), "data must be a Data, got Design"),
        (lambda: as_draws(data=data, stats=[1], **_arrays(data.design)), "stats must be a mapping from names to arrays"),
        (lambda: summary({}), "draws must be a DataTree with a posterior, got dict; make them with posterior or as_draws"),
        (lambda: summary(xr.DataTree()), "draws must be a DataTree with a posterior, got one with nothing"),
        (lambda: draws.theta(tree, data), "design must be a Design, got Data"),
        (lambda: draws.check_data(tree, data.design), "data must be a Data, got Design"),
    ]:
        with pytest.raises(TypeError, match=message):
            call()
    with pytest.raises(ValueError, match="beta must be numbers, got entries of type complex128"):
        as_draws(data=data, **{**_arrays(data.design), "beta": np.zeros((2, 50, 2)) * 1j})
