"""Draws of Bambi and brms: real excerpts, every name by hand, and what is refused."""

import warnings
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.interpolate import BSpline

from lmmlib import (
    Priors,
    as_draws,
    draws,
    from_bambi,
    from_brms,
    from_formula,
    load_dataset,
    loo,
    posterior,
    posterior_predict,
)

EXCERPTS = Path(__file__).parent / "data"

# Bambi 0.21.0, NumPyro 0.22.0; two of the four chains, every tenth draw:
#     table = pd.read_csv("sleepstudy.csv", dtype={"Subject": str})
#     bambi.Model("Reaction ~ Days + (Days | Subject)", table).fit(
#         draws=1000, tune=1000, chains=4, random_seed=1, inference_method="numpyro")
BAMBI = EXCERPTS / "bambi_sleepstudy.npz"
# brms 2.18.0, rstan 2.21; two of the four chains, every tenth draw, seven digits:
#     fit <- brm(Reaction ~ Days + (Days | Subject), sleepstudy, chains = 4, iter = 2000, seed = 1)
#     write.csv(thin_draws(subset_draws(as_draws_df(fit), chain = 1:2), 10), "brms_sleepstudy.csv")
BRMS = files("lmmlib") / "tables/brms_sleepstudy.csv"


def _tree(variables, response=None, dims=None, coords=None):
    lead = ("chain", "draw")
    group = xr.Dataset(
        {name: ((*lead, *(dims or {}).get(name, ())), value) for name, value in variables.items()},
        coords,
    )
    groups = {"posterior": group} | (
        {}
        if response is None
        else {"observed_data": xr.Dataset({"Reaction": ("__obs__", response)})}
    )
    return xr.DataTree.from_dict(groups)


def _sleepstudy(bars="||"):
    return from_formula(f"Reaction ~ Days + (Days {bars} Subject)", load_dataset("sleepstudy"))


@pytest.fixture(scope="module")
def excerpt():
    with np.load(BAMBI) as file:
        stored = {name: file[name] for name in file.files}
    levels = stored.pop("Subject__factor_dim")
    return stored, levels


@pytest.fixture
def of_bambi(excerpt):
    stored, levels = excerpt
    dims = {name: ["Subject__factor_dim"] for name in ("1|Subject", "Days|Subject")}
    return _tree(stored, _sleepstudy().y, dims, {"Subject__factor_dim": levels})


def _quiet_loo(tree, data):
    """Two hundred draws leave a few of the 180 rows with a Pareto k above its bound, which is
    lower for few draws.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Pareto k is above")
        return loo(tree, data)


def test_a_bambi_fit_is_read_by_name(excerpt, of_bambi):
    stored, levels = excerpt
    data = _sleepstudy()
    tree = from_bambi(of_bambi, data)
    by_hand = as_draws(
        data=data,
        beta=np.stack([stored["Intercept"], stored["Days"]], -1),
        sd=np.stack([stored["1|Subject_sigma"], stored["Days|Subject_sigma"]], -1),
        sigma=stored["sigma"],
        u=np.concatenate(
            [stored["1|Subject"], stored["Days|Subject"]], -1
        ),  # the design's levels are sorted, as Bambi's
    )
    for name, variable in by_hand.posterior.data_vars.items():
        np.testing.assert_array_equal(tree.posterior[name], variable)
    assert _quiet_loo(tree, data).elpd == _quiet_loo(by_hand, data).elpd
    slope = tree.posterior.u.sel(ranef="Subject.1[335]: Days")
    np.testing.assert_array_equal(slope, stored["Days|Subject"][..., list(levels).index("335")])
    posterior_predict(tree, data.design, rng=np.random.default_rng(1))


def test_a_bambi_fit_agrees_with_the_direct_posterior(of_bambi):
    """Means within five of their standard errors, taking half of the draws for independent.

    Elpd within two nats.

    The priors differ: Bambi's half-normals of the effects' SDs are two to five times as wide, its σ
    is half-Student-t, so that nothing closer can be asked for. The intercept is that of Days = 0,
    251, not that of the mean of Days, 298.
    """
    data = _sleepstudy()
    tree = from_bambi(of_bambi, data)
    direct = posterior(data, Priors.weak(data), rng=np.random.default_rng(1))
    for name in ("beta", "sd", "sigma"):
        ours = direct.posterior[name]
        theirs = tree.posterior[name]
        error = ours.std(("chain", "draw")) / np.sqrt(100)
        assert np.all(
            np.abs(ours.mean(("chain", "draw")) - theirs.mean(("chain", "draw"))) < 5 * error
        ), name
    assert float(tree.posterior.beta.sel(coef="Intercept").mean()) == pytest.approx(251, abs=4)
    assert _quiet_loo(tree, data).elpd == pytest.approx(loo(direct, data).elpd, abs=2)


def test_levels_of_bambi_are_matched_by_label(excerpt):
    """Levels and rows of the table in another order than Bambi's."""
    stored, levels = excerpt
    order = np.random.default_rng(2).permutation(len(levels))
    shuffled = {name: v[..., order] if v.ndim == 3 else v for name, v in stored.items()}
    dims = {name: ["Subject__factor_dim"] for name in ("1|Subject", "Days|Subject")}
    tree = from_bambi(
        _tree(shuffled, None, dims, {"Subject__factor_dim": levels[order]}), _sleepstudy()
    )
    np.testing.assert_array_equal(
        tree.posterior.u.sel(ranef="Subject[350]: Intercept"),
        stored["1|Subject"][..., list(levels).index("350")],
    )


def _categorical():
    """A table with a categorical covariate and nested groups, one combination of which does not
    occur.
    """
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "f": np.tile(list("uvw"), 12),
            "b": np.repeat(list("ABC"), 12),
            "c": np.repeat(np.tile([1, 2], 9), 2),
        }
    )
    table = table.assign(x=rng.normal(size=36), y=rng.normal(size=36))
    return table[(table.b != "C") | (table.c != 2)]


def test_categories_and_nested_groups_of_bambi():
    """The names that Bambi 0.21.0 gives to y ~ x * f + (f | b / c).

    A combination without rows has an effect, too.
    """
    data = from_formula("y ~ x * f + (f || b/c)", _categorical())
    rng = np.random.default_rng(4)
    sizes = {
        "f_dim": list("vw"),
        "x:f_dim": list("vw"),
        "f__expr_dim": list("vw"),
        "b__factor_dim": list("ABC"),
    }
    sizes["b:c__factor_dim"] = [f"{b}:{c}" for b in "ABC" for c in "12"]
    dims = {"Intercept": (), "x": (), "f": ("f_dim",), "x:f": ("x:f_dim",), "sigma": ()}
    for g in ("b", "b:c"):
        dims |= {
            f"1|{g}_sigma": (),
            f"f|{g}_sigma": ("f__expr_dim",),
            f"1|{g}": (f"{g}__factor_dim",),
        }
        dims |= {f"f|{g}": (f"{g}__factor_dim", "f__expr_dim")}
    values = {
        name: rng.uniform(0.5, 2, size=(2, 5, *(len(sizes[d]) for d in d_)))
        for name, d_ in dims.items()
    }
    values["mu"] = np.zeros((2, 5, 30))
    given = _tree(values, None, {**dims, "mu": ("__obs__",)}, sizes)
    tree = from_bambi(given, data).posterior
    np.testing.assert_array_equal(tree.beta.sel(coef="x:f[T.w]"), values["x:f"][..., 1])
    np.testing.assert_array_equal(
        tree.sd.sel(effect="c:b.1: f[T.v]"), values["f|b:c_sigma"][..., 0]
    )
    np.testing.assert_array_equal(
        tree.u.sel(ranef="c:b.2[2:B]: f[T.w]"), values["f|b:c"][..., 3, 1]
    )
    np.testing.assert_array_equal(tree.u.sel(ranef="b[C]: Intercept"), values["1|b"][..., 2])
    older = given.posterior.to_dataset().rename(sigma="y_sigma")
    np.testing.assert_array_equal(
        from_bambi(xr.DataTree.from_dict({"posterior": older}), data).posterior.sigma,
        values["sigma"],
    )


def test_levels_that_are_floats_and_a_factor_with_a_number_in_its_name():
    table = _categorical().assign(**{"b.1": lambda t: t.c.astype(float)})
    data = from_formula("y ~ x + (x || b.1)", table)
    values = {
        name: np.full((2, 5), 1.0 + k)
        for k, name in enumerate(["Intercept", "x", "1|b.1_sigma", "x|b.1_sigma", "sigma"])
    }
    values |= {"1|b.1": np.tile([5.0, 6.0], (2, 5, 1)), "x|b.1": np.tile([7.0, 8.0], (2, 5, 1))}
    dims = {"1|b.1": ["level"], "x|b.1": ["level"]}
    tree = from_bambi(_tree(values, None, dims, {"level": [1.0, 2.0]}), data).posterior
    assert tree.u.sel(ranef="b.1.1[2]: x").values[0, 0] == 8
    assert tree.sd.sel(effect="b.1: Intercept").values[0, 0] == 3


def test_a_bambi_fit_without_effects_has_no_u(of_bambi):
    data = _sleepstudy()
    of_bambi["posterior"] = of_bambi.posterior.to_dataset().drop_vars(["1|Subject", "Days|Subject"])
    tree = from_bambi(of_bambi, data)
    assert "u" not in tree.posterior
    assert np.isfinite(_quiet_loo(tree, data).elpd)


def test_a_bambi_fit_of_something_else_is_refused(of_bambi):
    data = _sleepstudy()
    variables = of_bambi.posterior.to_dataset()

    def with_posterior(variables):
        return xr.DataTree.from_dict({"posterior": variables})

    intercepts = from_formula("Reaction ~ Days + (1 | Subject)", load_dataset("sleepstudy"))
    other_order = from_formula(
        "Reaction ~ Days + (Days || Subject)", load_dataset("sleepstudy").iloc[::-1]
    )
    for tree, used, message in [
        (
            of_bambi,
            _sleepstudy("|"),
            r"Bambi's effects are uncorrelated, the data's are not .*make the data with \(... "
            r"\|\| group\)",
        ),
        (of_bambi, other_order, "the response 'Reaction' of the fit is not that of the data"),
        (
            of_bambi,
            intercepts,
            r"have 'Days\|Subject_sigma' that the design has not; the data must be of the formula",
        ),
        (
            variables,
            data,
            "from_bambi takes what Model.fit returned, with a posterior; got Dataset",
        ),
        (
            with_posterior(variables.drop_vars("Days")),
            data,
            "the draws lack 'Days'; the data must be of the formula",
        ),
        (
            with_posterior(variables.drop_vars("1|Subject")),
            data,
            r"the draws lack '1\|Subject\[308\]', '1\|Subject\[309\]', .* and 15 more",
        ),
        (
            with_posterior(variables.rename(sigma="kappa")),
            data,
            "the draws lack 'sigma' and have 'kappa' that the design has not",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            from_bambi(tree, used)
    with pytest.raises(TypeError, match="data must be a Data, got Design"):
        from_bambi(of_bambi, data.design)


def test_a_brms_fit_is_read_and_agrees_with_the_direct_posterior():
    """As for Bambi: five standard errors, half of the draws taken for independent.

    Two nats, as brms' priors differ.
    """
    data = _sleepstudy("|")
    frame = pd.read_csv(BRMS)
    tree = from_brms(frame, data)
    assert dict(tree.posterior.sizes) == {
        "chain": 2,
        "draw": 100,
        "coef": 2,
        "effect": 2,
        "effect_pair": 1,
        "ranef": 36,
    }
    np.testing.assert_array_equal(
        tree.posterior.u.sel(ranef="Subject[335]: Days"),
        frame["r_Subject[335,Days]"].to_numpy().reshape(2, 100),
    )
    direct = posterior(data, Priors.weak(data), rng=np.random.default_rng(1))
    for name in ("beta", "sd", "cor", "sigma"):
        ours = direct.posterior[name]
        theirs = tree.posterior[name]
        error = ours.std(("chain", "draw")) / np.sqrt(100)
        assert np.all(
            np.abs(ours.mean(("chain", "draw")) - theirs.mean(("chain", "draw"))) < 5 * error
        ), name
    assert _quiet_loo(tree, data).elpd == pytest.approx(loo(direct, data).elpd, abs=2)


@pytest.fixture(scope="module")
def round_trip():
    """Draws of ours under the names of brms, the rows shuffled."""
    data = _sleepstudy("|")
    tree = posterior(data, Priors.weak(data), 64, rng=np.random.default_rng(5))
    columns = {
        "b_Intercept": draws.flat(tree, "beta")[:, 0],
        "b_Days": draws.flat(tree, "beta")[:, 1],
    }
    columns |= {
        f"sd_Subject__{e}": sd
        for e, sd in zip(["Intercept", "Days"], draws.flat(tree, "sd").T, strict=True)
    }
    columns |= {
        "cor_Subject__Intercept__Days": draws.flat(tree, "cor")[:, 0],
        "sigma": draws.flat(tree, "sigma"),
    }
    labels = zip(
        tree.constant_data["level"].values,
        tree.constant_data["covariate"].values,
        draws.flat(tree, "u").T,
        strict=True,
    )
    columns |= {f"r_Subject[{level},{effect}]": u for level, effect, u in labels}
    frame = pd.DataFrame({**columns, "lprior": 0.0, "lp__": 0.0, "Intercept": 1.0})
    frame = frame.assign(
        **{
            ".chain": np.repeat([1, 2, 3, 4], 16),
            ".iteration": np.tile(np.arange(1, 17), 4),
            ".draw": np.arange(1, 65),
        }
    )
    return data, tree, frame.sample(frac=1, random_state=6)


def test_what_is_written_in_the_names_of_brms_comes_back(round_trip):
    data, tree, frame = round_trip
    back = from_brms(frame, data)
    for name, variable in tree.posterior.data_vars.items():
        np.testing.assert_array_equal(back.posterior[name], variable)
    assert _quiet_loo(back, data).elpd == _quiet_loo(tree, data).elpd


def test_a_brms_fit_without_effects_has_no_u(round_trip):
    data, _, frame = round_trip
    assert "u" not in from_brms(frame.filter(regex=r"^(?!r_)"), data).posterior


def test_categories_and_nested_groups_of_brms():
    """The names that brms 2.18.0 gives to strength ~ kind + (1 | batch/cask), with kinds "u v",
    "w-x" and "z".
    """
    table = load_dataset("Pastes").assign(kind=lambda t: np.resize(["u v", "w-x", "z"], len(t)))
    table["batch"] = "batch " + table["batch"].astype(str)
    data = from_formula("strength ~ kind + (1 | batch/cask)", table)
    rng = np.random.default_rng(7)
    names = [
        "b_Intercept",
        "b_kindwMx",
        "b_kindz",
        "sd_batch__Intercept",
        "sd_batch:cask__Intercept",
        "sigma",
    ]
    names += [f"r_batch[batch.{b},Intercept]" for b in "ABCDEFGHIJ"]
    names += [f"r_batch:cask[batch.{b}_{c},Intercept]" for b in "ABCDEFGHIJ" for c in "abc"]
    frame = pd.DataFrame(
        {name: rng.uniform(1, 2, 6) for name in names} | {".chain": [1, 1, 1, 2, 2, 2]}
    )
    tree = from_brms(frame, data).posterior
    np.testing.assert_array_equal(
        tree.beta.sel(coef="kind[T.w-x]").values.ravel(), frame["b_kindwMx"]
    )
    np.testing.assert_array_equal(
        tree.sd.sel(effect="cask:batch: Intercept").values.ravel(),
        frame["sd_batch:cask__Intercept"],
    )
    u = tree.u.sel(ranef="cask:batch[c:batch E]: Intercept").values.ravel()
    np.testing.assert_array_equal(u, frame["r_batch:cask[batch.E_c,Intercept]"])


def test_a_frame_that_cannot_be_read_is_refused(round_trip):
    data, _, frame = round_trip
    for changed, message in [
        (
            frame.rename(columns=lambda c: c.replace("[", ".").replace(",", ".").replace("]", ".")),
            r"'r_Subject.308.Intercept.'.*check.names",
        ),
        (
            frame.rename(columns={".chain": "X.chain"}),
            "R has changed the names of the columns, 'X.chain' for one",
        ),
        (
            frame.drop(columns=".chain"),
            r"no column '.chain'; write it in R by write.csv\(as_draws_df\(fit\), ...\)",
        ),
        (
            frame[frame[".draw"] > 3],
            "chains must be of one length, got 13 in chain 1, 16 in chain 2, 16 in chain 3, 16 "
            "in chain 4",
        ),
        (
            frame.drop(columns="b_Days"),
            "the draws lack 'b_Days'; the data must be of the formula and the table that were "
            "fitted",
        ),
        (frame.drop(columns="r_Subject[308,Days]"), r"the draws lack 'r_Subject\[308,Days\]'"),
        (frame.assign(b_x=1.0), "the draws have 'b_x' that the design has not"),
        (
            frame.rename(columns=lambda c: c.replace("Subject", "person")),
            "the draws lack 'sd_Subject__Intercept'",
        ),
        (frame.assign(b_Days=np.nan), "beta must be finite, got 64 entries that are not"),
    ]:
        with pytest.raises(ValueError, match=message):
            from_brms(changed, data)
    with pytest.raises(
        TypeError,
        match="from_brms takes a pandas DataFrame with the columns of as_draws_df, got dict",
    ):
        from_brms({}, data)
    with pytest.raises(TypeError, match="data must be a Data, got Design"):
        from_brms(frame, data.design)
    with pytest.raises(
        ValueError, match="have 'cor_Subject__Intercept__Days' that the design has not"
    ):
        from_brms(frame, _sleepstudy())


def _few_rows():
    rng = np.random.default_rng(1)
    columns = {
        "x": rng.normal(5, 2, size=24),
        "b": np.tile([True, False], 12),
        "k": np.tile([1, 2, 3], 8),
        "y": rng.normal(size=24),
    }
    return pd.DataFrame({"g": np.repeat(list("abcd"), 6), **columns})


@pytest.mark.parametrize("function", ["scale(x)", "poly(x, 2)", "bs(x, df=4)"])
@pytest.mark.parametrize("formula", ["y ~ {} + (1 | g)", "y ~ 1 + (0 + {} || g)"])
def test_columns_that_bambi_makes_otherwise_are_refused(function, formula):
    """scale() of formulae divides by the SD with n in its denominator.

    One name, and another column.
    """
    data = from_formula(formula.format(function), _few_rows())
    effects = [e for t in data.design.terms for e in t.effects]
    names = [
        *data.design.coef,
        *(f"{'1' if e == 'Intercept' else e}|g_sigma" for e in effects),
        "sigma",
    ]
    tree = _tree({name: np.ones((2, 5)) for name in names}, None, {name: () for name in names}, {})
    with pytest.raises(
        ValueError,
        match=(
            "is not the same column in Bambi and here, although its name is; put the transformed "
            "column"
        ),
    ):
        from_bambi(tree, data)


def test_centred_columns_are_bambi_s():
    data = from_formula("y ~ center(x) + (1 | g)", _few_rows())
    names = ["Intercept", "center(x)", "1|g_sigma", "sigma"]
    tree = from_bambi(
        _tree({name: np.ones((2, 5)) for name in names}, None, {name: () for name in names}, {}),
        data,
    )
    assert tree.posterior.sizes["coef"] == 2


@pytest.mark.parametrize(
    ("ours", "columns"),
    [
        ("I(x**2)", ["IxE2"]),
        ("b", ["bTRUE"]),
        ("C(k)", ["factork2", "factork3"]),
        ("C(k)", ["as.factork2", "as.factork3"]),
        ("C(k)", ["Ck2", "Ck3"]),
        ("x * C(k)", ["x", "factork2", "factork3", "x:factork2", "x:factork3"]),
        ("x * b", ["x", "bTRUE", "x:bTRUE"]),
        ("np.log(x**2)", ["logxE2"]),
        ("scale(x)", ["scalex"]),
        ("poly(x, 2)", ["polyx21", "polyx22"]),
    ],
)
def test_names_that_r_makes_are_read(ours, columns):
    """The names of R's model.matrix, as brms::rename writes them.

    Each draw is where its name belongs.
    """
    data = from_formula(f"y ~ {ours} + (1 | g)", _few_rows())
    values = {f"b_{name}": 1.0 + i for i, name in enumerate(columns)}
    frame = pd.DataFrame(
        {".chain": [1, 1], "b_Intercept": 0.0, **values, "sd_g__Intercept": 1.0, "sigma": 1.0},
        index=[0, 1],
    )
    beta = from_brms(frame, data).posterior.beta
    # both list the terms in the order of the formula
    np.testing.assert_array_equal(beta[0, 0], np.arange(len(columns) + 1))


def test_effects_of_levels_bear_the_same_names():
    data = from_formula("y ~ x + (I(x**2) + b | g)", _few_rows())
    effects = ["Intercept", "IxE2", "bTRUE"]
    columns = {f"sd_g__{e}": 1.0 + i for i, e in enumerate(effects)}
    columns |= {
        "cor_g__IxE2__Intercept": 0.1,
        "cor_g__Intercept__bTRUE": 0.2,
        "cor_g__IxE2__bTRUE": 0.3,
    }
    columns |= {
        f"r_g[{level},{e}]": 10.0 * j + i
        for j, level in enumerate("abcd")
        for i, e in enumerate(effects)
    }
    frame = pd.DataFrame(
        {".chain": [1, 1], "b_Intercept": 0.0, "b_x": 1.0, "sigma": 1.0, **columns}, index=[0, 1]
    )
    tree = from_brms(frame, data).posterior
    np.testing.assert_allclose(tree.sd[0, 0], [1, 2, 3])
    np.testing.assert_allclose(tree.cor[0, 0], [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(tree.u[0, 0], [10 * j + i for j in range(4) for i in range(3)])


def test_splines_and_polynomials_are_r_s():
    """What R documents of bs() and poly().

    Knots at quantiles of type 7, columns orthonormal and orthogonal to the constant.
    """
    table = _few_rows()
    x = table.x.to_numpy()
    knots = np.concatenate([[x.min()] * 4, np.quantile(x, [1 / 3, 2 / 3]), [x.max()] * 4])
    expected = BSpline.design_matrix(x, knots, 3).toarray()[:, 1:]
    np.testing.assert_allclose(
        from_formula("y ~ bs(x, df=5) + (1 | g)", table).design.X[:, 1:], expected, atol=1e-12
    )
    powers = np.vander(x - x.mean(), 4, increasing=True)
    Q, R = np.linalg.qr(powers)
    by_r = (Q * np.sign(np.diag(R)))[:, 1:]
    np.testing.assert_allclose(
        from_formula("y ~ poly(x, 3) + (1 | g)", table).design.X[:, 1:], by_r, atol=1e-10
    )
