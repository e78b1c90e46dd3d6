"""The one form of draws: labels, what comes back out, and what is refused."""

import warnings
from importlib.util import find_spec

import arviz_base
import arviz_stats
import numpy as np
import pytest
import xarray as xr

from cases import CASES
from lmmlib import (
    Data,
    Design,
    Priors,
    Term,
    as_draws,
    draws,
    loo,
    posterior,
    posterior_predict,
    predictive_check,
    prior_draws,
    summary,
)


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
    assert summary(tree).index.tolist() == [
        "beta[x1]",
        "beta[x2]",
        "sd[g: x1]",
        "sd[g: x2]",
        "cor[g: x1, x2]",
        "sigma",
    ]
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


@pytest.mark.parametrize("name", ["beta", "sd", "cor", "sigma", "u"])
def test_flat_has_the_numbers_of_arvizs_extract(name):
    """Chain after chain; ArviZ stacks a copy with the draws in the last axis."""
    data, _ = CASES["two correlated terms"]()
    tree = as_draws(data=data, **_arrays(data.design))
    extracted = arviz_base.extract(tree, var_names=name).transpose("sample", ...)
    np.testing.assert_array_equal(draws.flat(tree, name), extracted)
    assert np.shares_memory(draws.flat(tree, name), tree.posterior[name].to_numpy())


def test_theta_is_what_was_put_in():
    data, _ = CASES["two correlated terms"]()
    given = _arrays(data.design)
    theta = draws.theta(as_draws(data=data, **given), data.design)
    sd = given["sd"].reshape(-1, 2, 2)
    cor = given["cor"].reshape(-1, 2)
    for k, chol in enumerate(theta.effect_chols):
        cov = chol @ np.swapaxes(chol, 1, 2)
        np.testing.assert_allclose(np.sqrt(np.einsum("sjj->sj", cov)), sd[:, k])
        np.testing.assert_allclose(cov[:, 0, 1], sd[:, k].prod(1) * cor[:, k])
    np.testing.assert_array_equal(theta.sigma, given["sigma"].ravel())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"beta": np.zeros((2, 50, 3))},
            r"beta must have shape \(chains, draws, …\) = \(2, 50, 2\), got \(2, 50, 3\)",
        ),
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
    design = Design(
        np.ones((12, 1)),
        [
            Term.grouped(
                "g", np.repeat(list("abcd"), 3), np.random.default_rng(1).normal(size=(12, 3))
            )
        ],
    )
    data = Data(np.arange(12.0), design)
    arrays = _arrays(design) | {"cor": np.tile([0.9, 0.9, 0.9], (2, 50, 1))}
    assert as_draws(data=data, **arrays).posterior.cor.shape == (2, 50, 3)
    arrays["cor"][1, 7] = [0.9, 0.9, -0.9]
    with pytest.raises(
        ValueError,
        match=(
            r"correlations of 'g' must be positive semi-definite, those of chain 1, draw 7 have "
            r"an eigenvalue of -0\.8"
        ),
    ):
        as_draws(data=data, **arrays)


def test_statistics_of_another_shape_are_refused():
    data, _ = CASES["balanced"]()
    for stats in ({"log_weight": np.zeros(50)}, {"log_weight": np.zeros((50, 2))}):
        with pytest.raises(
            ValueError,
            match=(
                r"stats 'log_weight' must have shape \(chains, "
                r"draws, …\) with \(2, 50\), got \(50"
            ),
        ):
            as_draws(data=data, stats=stats, **_arrays(data.design))


def test_things_of_another_kind_are_told_clearly():
    data, _ = CASES["balanced"]()
    tree = as_draws(data=data, **_arrays(data.design))
    for call, message in [
        (
            lambda: as_draws(data=data.design, **_arrays(data.design)),
            "data must be a Data, got Design",
        ),
        (
            lambda: as_draws(data=data, stats=[1], **_arrays(data.design)),
            "stats must be a mapping from names to arrays",
        ),
        (
            lambda: summary({}),
            "draws must be a DataTree with a posterior, got dict; make them with posterior or "
            "as_draws",
        ),
        (
            lambda: summary(xr.DataTree()),
            "draws must be a DataTree with a posterior, got one with nothing",
        ),
        (lambda: draws.theta(tree, data), "design must be a Design, got Data"),
        (lambda: draws.check_data(tree, data.design), "data must be a Data, got Design"),
    ]:
        with pytest.raises(TypeError, match=message):
            call()
    with pytest.raises(ValueError, match="beta must be numbers, got entries of type complex128"):
        as_draws(data=data, **{**_arrays(data.design), "beta": np.zeros((2, 50, 2)) * 1j})


def _reordered(tree, dim):
    """The tree with one dimension of its posterior the other way round."""
    reversed_tree = tree.copy()
    reversed_tree["posterior"] = tree.posterior.to_dataset().isel({dim: slice(None, None, -1)})
    return reversed_tree


@pytest.mark.parametrize("dim", ["coef", "effect", "effect_pair", "ranef"])
def test_labels_of_draws_in_another_order_are_refused(dim):
    """Each of them by its labels: the values alone would fit."""
    data, _ = CASES["two correlated terms"]()
    tree = as_draws(data=data, **_arrays(data.design))
    with pytest.raises(
        ValueError, match=f"the draws have {dim} in another order than the design: "
    ):
        loo(_reordered(tree, dim), data)
    with pytest.raises(
        ValueError, match=f"the draws have {dim} in another order than the design: "
    ):
        posterior_predict(_reordered(tree, dim), data.design, rng=1)


def test_a_part_of_the_effects_is_refused():
    data, _ = CASES["two correlated terms"]()
    tree = as_draws(data=data, **_arrays(data.design))
    tree["posterior"] = tree.posterior.to_dataset().isel(ranef=slice(1, None))
    with pytest.raises(ValueError, match=r"the draws have ranef .*; the design has g\[0\]: x1, "):
        posterior_predict(tree, data.design, rng=1)


@pytest.mark.parametrize("name", ["beta", "sd", "cor", "u"])
def test_labelled_arrays_are_matched_by_their_labels(name):
    """The dimensions in any order, the labels in any order."""
    data, _ = CASES["two correlated terms"]()
    arrays = _arrays(data.design)
    expected = as_draws(data=data, **arrays)
    given = expected.posterior[name]
    dim = given.dims[-1]
    reordered = given.isel({dim: slice(None, None, -1)}).transpose(dim, "draw", "chain")
    xr.testing.assert_identical(
        as_draws(data=data, **{**arrays, name: reordered}).posterior[name], given
    )
    numbered = xr.DataArray(
        arrays[name], dims=("chain", "draw", "k"), coords={"k": np.arange(given.sizes[dim])}
    )
    xr.testing.assert_identical(
        as_draws(data=data, **{**arrays, name: numbered}).posterior[name], given
    )
    strange = given.assign_coords({dim: [f"no {i}" for i in range(given.sizes[dim])]})
    with pytest.raises(
        ValueError, match=f"{name} is labelled no 0, .*; the design has .*; rename its labels"
    ):
        as_draws(data=data, **{**arrays, name: strange})


def test_one_chain_and_one_draw_keep_their_dimensions():
    data, _ = CASES["unbalanced slopes"]()
    tree = as_draws(data=data, stats={"log_weight": np.zeros((2, 50))}, **_arrays(data.design))
    for part, sizes in (
        (tree.isel(chain=0), (1, 50)),
        (tree.isel(draw=3), (2, 1)),
        (tree.isel(chain=0, drop=True), (1, 50)),
    ):
        whole = draws.checked_tree(part)
        assert (whole.posterior.sizes["chain"], whole.posterior.sizes["draw"]) == sizes
        assert draws.flat(part, "u").shape == (sizes[0] * sizes[1], data.design.Z.shape[1])
        assert draws.log_weight(part).shape == (sizes[0] * sizes[1],)
    stacked = xr.DataTree.from_dict(
        {"posterior": tree.posterior.to_dataset().stack(sample=("chain", "draw"))}
    )
    with pytest.raises(
        ValueError,
        match="draws must have dimensions chain and draw, got sample, which holds them; unstack it",
    ):
        summary(stacked)


@pytest.mark.parametrize("kind", ["netcdf", *["zarr"] * (find_spec("zarr") is not None)])
@pytest.mark.filterwarnings("ignore:Consolidated metadata")
# zarr 3 has no standard yet for texts of one length
@pytest.mark.filterwarnings("ignore:The data type")
def test_draws_that_were_saved_are_as_good_as_new(kind, tmp_path):
    """Every result; what they are of is still known."""
    data, _ = CASES["balanced"]()
    priors = Priors.weak(data)
    drawn = posterior(data, priors, 256, rng=1)
    made = posterior_predict(drawn, data.design, rng=1)
    results = {
        "posterior": drawn,
        "replicates": made,
        "prior": prior_draws(data, priors, 50, rng=1),
    }
    results["added to"] = as_draws(
        data=data, stats={"diverging": np.zeros((2, 50), bool)}, **_arrays(data.design)
    )
    results["added to"].attrs |= {draws.ADDED: "other", draws.ADDED_ON_U: "other"}
    back = {}
    for name, tree in results.items():
        path = tmp_path / f"{name}.{kind}"
        if kind == "netcdf":
            tree.to_netcdf(path)
            back[name] = xr.load_datatree(path)
        else:
            tree.to_zarr(path)
            back[name] = xr.open_datatree(path, engine="zarr").load()
        for group, node in tree.children.items():
            for variable in node.data_vars:
                np.testing.assert_array_equal(back[name][group][variable], node[variable])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pareto k
        assert loo(back["posterior"], data).elpd == loo(drawn, data).elpd
    assert summary(back["posterior"]).equals(summary(drawn))
    np.testing.assert_array_equal(
        posterior_predict(back["posterior"], data.design, rng=1).posterior_predictive.y,
        made.posterior_predictive.y,
    )
    assert predictive_check(back["replicates"], data).table.equals(
        predictive_check(made, data).table
    )
    with pytest.raises(ValueError, match="the draws are of the prior"):
        loo(back["prior"], data)
    with pytest.raises(ValueError, match="other was added to the model and depends on u"):
        loo(back["added to"], data)


@pytest.mark.parametrize("location", [0.0, 1e-6, 1.0, 111.26, 1e6])
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.17, 1.0, 1e3, 1e6])
def test_intervals_hold_their_mean_and_have_a_width(location, scale):
    """As shown and as numbers, over twelve orders of magnitude.

    Skew draws, and ones with heavy tails, too.
    """
    data, _ = CASES["balanced"]()
    rng = np.random.default_rng(3)
    arrays = _arrays(data.design, length=500)
    arrays["beta"] = location + scale * np.stack(
        [rng.normal(size=(2, 500)), rng.exponential(size=(2, 500))], -1
    )
    arrays["sd"] = abs(location) + scale * np.abs(rng.standard_t(3, size=(2, 500, 1)))
    arrays["sigma"] = scale * rng.gamma(0.5, size=(2, 500))
    table = summary(as_draws(data=data, **arrays))
    shown = table.iloc[:, :4].to_string().split("\n")[1:]
    read = np.array([[float(number) for number in line.split()[-4:]] for line in shown])
    for mean, sd, lower, upper in (*read, *table.iloc[:, :4].to_numpy()):
        assert lower <= mean <= upper
        assert lower < upper
        assert sd > 0
    np.testing.assert_allclose(read, table.iloc[:, :4], atol=0.051 * table["sd"].max(), rtol=0)
    assert all(dtype.kind == "f" for dtype in table.dtypes)


def test_a_fixed_sd_is_shown_as_its_value():
    data, _ = CASES["balanced"]()
    arrays = _arrays(data.design) | {"sigma": np.full((2, 50), 0.125)}
    row = summary(as_draws(data=data, **arrays)).loc[["sigma"]]
    assert row.iloc[0, :4].tolist() == [0.125, 0.0, 0.125, 0.125]
    assert row.iloc[:, :4].to_string().split()[-4:] == ["0.125", "0", "0.125", "0.125"]


def test_weighted_and_few_draws_have_no_summary():
    data, _ = CASES["balanced"]()
    weighted = as_draws(data=data, stats={"log_weight": np.zeros((2, 50))}, **_arrays(data.design))
    with pytest.raises(
        ValueError, match="the draws are weighted, and ArviZ would count them alike"
    ):
        summary(weighted)
    with pytest.raises(ValueError, match="a summary needs 4 draws a chain at least, got 3"):
        summary(as_draws(data=data, **_arrays(data.design, length=3)))
