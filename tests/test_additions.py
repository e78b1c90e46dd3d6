"""What users add to models of ours: what of them it depends on, and what is then refused."""

import copy

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy.special import logsumexp

from lmmlib import (
    Priors,
    conditional_model,
    draws,
    from_formula,
    loo,
    loo_pit,
    marginal_model,
    sample,
)
from lmmlib.pymc_models import SamplingWarning
from lmmlib.pymc_models.additions import additions

clone_model = pm.model.fgraph.clone_model

RNG = np.random.default_rng(5)
GROUPS, SIZE = 10, 4
LEVEL = np.repeat(np.arange(GROUPS), SIZE)
EFFECT = RNG.normal(0, 2, GROUPS)
DATA = from_formula(
    "y ~ 1 + (1 | g)",
    pd.DataFrame({"g": LEVEL, "y": 5 + EFFECT[LEVEL] + RNG.normal(size=GROUPS * SIZE)}),
)
PRIORS = Priors.weak(DATA)


def _model(formulation="conditional", **options):
    return (
        marginal_model(DATA, PRIORS)
        if formulation == "marginal"
        else conditional_model(DATA, PRIORS, **options)
    )


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(
    ("add", "on_u", "on_y"),
    [
        (lambda m: pm.Potential("other", -m["sigma"]), False, False),
        (lambda m: pm.Normal("other", m["beta"][0], 1.0, observed=5.0), False, False),
        (lambda m: pm.Normal("other", m["u"], 0.01, observed=EFFECT), True, False),
        (lambda m: pm.Potential("other", -m["u"].sum()), True, False),
        (lambda m: pm.Potential("other", -m["y_data"].sum() * m["sigma"]), False, True),
        (lambda m: pm.Normal("other", m["beta"][0], 1.0, observed=m["y_data"]), False, True),
        (
            lambda m: pm.Normal(
                "other", pm.Deterministic("twice", 2 * m["u"])[0] + m["y"][0], 1.0, observed=0.0
            ),
            True,
            True,
        ),
    ],
)
def test_what_an_addition_depends_on(add, on_u, on_y, centred):
    model = _model(centered=centred)
    with model:
        add(model)
    added = additions(model, model.lmmlib_source)
    assert added.names == ("other",)
    assert (added.on_u, added.on_y) == (("other",) * on_u, ("other",) * on_y)
    assert (added.doubt("conditional") is None) == (not on_u and not on_y)
    assert "u given y is not known in closed form" in added.doubt("marginal")


def test_deterministic_quantities_are_no_additions():
    model = _model()
    with model:
        pm.Deterministic("twice", 2 * model["u"])
    assert additions(model, model.lmmlib_source).attributes == {}


@pytest.mark.parametrize(
    "changed",
    [
        copy.copy,
        copy.deepcopy,
        clone_model,
        lambda m: pm.do(m, {"sigma": 1.0}),
        lambda m: pm.observe(m, {"beta": np.array([5.0])}),
    ],
)
@pytest.mark.parametrize("formulation", ["conditional", "marginal"])
def test_copies_and_what_pymc_makes_of_a_model_are_refused(changed, formulation):
    with pytest.raises(
        ValueError,
        match=(
            r"copies and what pymc\.do, pymc\.observe or clone_model return do not remember "
            r"that; build it"
        ),
    ):
        sample(changed(_model(formulation)), random_seed=1)


def test_a_variable_that_was_replaced_is_named():
    model = _model()
    model.named_vars["sigma"] = model["beta"]
    with pytest.raises(
        ValueError, match="sigma of the model is not what it was made with; build the model anew"
    ):
        sample(model, random_seed=1)


@pytest.mark.parametrize("formulation", ["conditional", "marginal"])
def test_values_of_y_are_asked_for_before_anything_is_sampled(formulation):
    model = _model(formulation)
    with model:
        pm.set_data({"y_data": np.where(np.arange(DATA.y.size) == 3, np.nan, DATA.y)})
    with pytest.raises(
        ValueError, match="y_data must not be masked, got 1 masked entries; remove or replace them"
    ):
        sample(model, random_seed=1)


def test_options_of_a_wrong_kind_are_told():
    model = _model("marginal")
    for options, message in [
        ({"draws": 10.5}, "draws must be a whole number, 1 at least, got 10.5"),
        ({"draws": True}, "draws must be a whole number, 1 at least, got True"),
        ({"tune": "many"}, "tune must be a whole number, 0 at least, got 'many'"),
        ({"chains": 0}, "chains must be a whole number, 1 at least, got 0"),
        ({"target_accept": 1.5}, "target_accept must be a number between 0 and 1, got 1.5"),
        ({"target_accept": None}, "target_accept must be a number between 0 and 1, got None"),
        ({"random_seed": "1"}, r"rng must be what numpy\.random\.default_rng takes, .*; got '1'"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            sample(model, **{"random_seed": 1, **options})
    for build in (marginal_model, conditional_model):
        with pytest.raises(TypeError, match="priors must be a Priors, got NoneType; make one with"):
            build(DATA, None)
        with pytest.raises(TypeError, match="data must be a Data, got Design"):
            build(DATA.design, PRIORS)


@pytest.fixture(scope="module")
def known_u():
    """A second measurement of the groups, so precise that u is known to 0.01."""
    model = _model(centered=True)
    with model:
        pm.Normal("other", model["u"], 0.01, observed=EFFECT)
    with pytest.warns(
        SamplingWarning,
        match="other was added to the conditional model and depends on u, so that loo takes route=",
    ):
        return sample(model, random_seed=1, draws=1000, tune=500)


def test_draws_of_a_model_that_was_added_to_know_it(known_u):
    assert (known_u.attrs[draws.ADDED], known_u.attrs[draws.ADDED_ON_U]) == ("other", "other")
    told = (
        "other was added to the model and depends on u, which is not N.0, G. given the "
        "parameters any more"
    )
    for call in (
        lambda: loo(known_u, DATA),
        lambda: loo(known_u, DATA, leave="g"),
        lambda: loo_pit(known_u, DATA),
    ):
        with pytest.raises(ValueError, match=told):
            call()
    with pytest.raises(
        ValueError,
        match="other was added to the model, and a refit would not know of it; leave priors= out",
    ):
        loo(known_u, DATA, route="conditional", priors=PRIORS)


def test_weights_of_rows_given_u_and_theta_stay_right(known_u):
    """−log mean 1/p(y_i|u,θ) of the draws themselves.

    With u known, weights are all but equal, and smoothing changes little.
    """
    beta, u, sigma = (draws.flat(known_u, name) for name in ("beta", "u", "sigma"))
    scale = sigma[:, None]
    density = (
        -0.5 * np.log(2 * np.pi * scale**2) - 0.5 * ((DATA.y - beta - u[:, LEVEL]) / scale) ** 2
    )
    expected = -(logsumexp(-density, axis=0) - np.log(len(sigma))).sum()
    assert loo(known_u, DATA, route="conditional").elpd == pytest.approx(expected, abs=0.1)
