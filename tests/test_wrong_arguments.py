"""Every public function with every argument of a wrong kind.

Accepted, or refused by a sentence of ours.
"""

import ast
import inspect
import traceback
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import lmmlib
import lmmlib as lmm
from lmmlib import held_out, loglik, moments, multivariate, random_effects
from lmmlib.report import experiments

PACKAGE = Path(lmmlib.__file__).parent
TABLE = pd.DataFrame(
    {"y": np.cos(np.arange(12.0)), "x": np.sin(np.arange(12.0)), "g": np.repeat(list("abcd"), 3)}
)
DATA = lmm.from_formula("y ~ x + (1 | g)", TABLE)
DESIGN = DATA.design
SMALLER = lmm.Data(DATA.y, lmm.Design(np.ones((12, 1)), DESIGN.terms))
PRIORS = lmm.Priors.weak(DATA)
PARAMS = lmm.Params([0.0, 1.0], {"g": 1.0}, 1.0)
TERM = DESIGN.terms[0]
SCALE = lmm.ScalePrior("half-normal", 1.0)
_RNG = np.random.default_rng(1)
ARRAYS = {
    "beta": _RNG.normal(size=(2, 20, 2)),
    "sd": _RNG.uniform(1, 2, size=(2, 20, 1)),
    "sigma": _RNG.uniform(1, 2, size=(2, 20)),
    "u": _RNG.normal(size=(2, 20, 4)),
}
DRAWS = lmm.as_draws(data=DATA, **ARRAYS)
REPLICATES = lmm.posterior_predict(DRAWS, DESIGN, rng=1)
BRMS = pd.DataFrame(
    {".chain": [1, 1], "b_Intercept": 0.0, "b_x": 1.0, "sd_g__Intercept": 1.0, "sigma": 1.0},
    index=[0, 1],
)
BAMBI = xr.DataTree.from_dict(
    {
        "posterior": xr.Dataset(
            {
                name: (("chain", "draw"), np.ones((2, 5)))
                for name in ("Intercept", "x", "1|g_sigma", "sigma")
            }
        )
    }
)
FIT = lmm.estimate(DATA)
TRAITS = multivariate.MultivariateData(
    np.column_stack([TABLE.y, TABLE.x]), lmm.Design(np.ones((12, 1)), [TERM])
)
OF_TRAITS = multivariate.MultivariateParams([[0.0, 0.0]], np.eye(2), np.eye(2))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    LOO = lmm.loo(DRAWS, DATA)


def _engine(data, priors, rng):
    return lmm.as_draws(data=data, **ARRAYS)


class _Now:
    """An executor that runs what it is given at once."""

    def submit(self, function, *arguments):
        from concurrent.futures import Future

        job = Future()
        job.set_result(function(*arguments))
        return job


# Of each function the arguments that work; every one of them is then replaced by things of other
# kinds.
WORKING = {
    lmm.Data: {"y": DATA.y, "design": DESIGN},
    lmm.Design: {"X": DESIGN.X, "terms": [TERM], "weights": None, "offset": None, "coef": None},
    lmm.Term.grouped: {
        "name": "g",
        "codes": TABLE.g,
        "covariates": None,
        "levels": None,
        "effects": None,
        "correlated": True,
        "between": None,
    },
    lmm.Term.dense: {"name": "z", "Z": np.ones((12, 2)), "between": None, "levels": None},
    lmm.Params: {"beta": [0.0, 1.0], "cov": {"g": 1.0}, "sigma": 1.0},
    lmm.ScalePrior: {"family": "half-normal", "scale": 1.0, "df": None},
    lmm.Priors.build: {"design": DESIGN, "beta": (0, 1), "sd": SCALE, "sigma": None, "cor": 2.0},
    lmm.Priors.weak: {"data": DATA},
    lmm.load_dataset: {"name": "sleepstudy"},
    lmm.from_formula: {
        "formula": "y ~ x + (1 | g)",
        "table": TABLE,
        "weights": None,
        "offset": None,
    },
    lmm.reduce_tables: {
        "formula": "y ~ x + (1 | g)",
        "tables": [TABLE],
        "weights": None,
        "offset": None,
        "missing": "raise",
        "executor": None,
        "retries": 2,
        "in_flight": 8,
        "progress": True,
    },
    lmm.merge_reductions: {"parts": [DATA]},
    lmm.estimate: {"data": DATA, "method": "reml", "sigma": None},
    lmm.anova: {"fit": lmm.estimate(SMALLER, "ml"), "other": lmm.estimate(DATA, "ml")},
    lmm.posterior: {"data": DATA, "priors": PRIORS, "draws": 64, "rng": 1, "weighted": False},
    lmm.prior_draws: {"of": DATA, "priors": PRIORS, "draws": 10, "rng": 1},
    lmm.as_draws: {"data": DATA, **ARRAYS, "cor": None, "stats": None},
    lmm.summary: {"draws": DRAWS},
    lmm.from_bambi: {"tree": BAMBI, "data": DATA},
    lmm.from_brms: {"frame": BRMS, "data": DATA},
    lmm.loo: {
        "draws": DRAWS,
        "data": DATA,
        "leave": "row",
        "route": "leverage",
        "priors": None,
        "rng": None,
        "by": None,
    },
    lmm.loo_pit: {"draws": DRAWS, "data": DATA},
    lmm.compare: {"results": {"a": LOO, "b": LOO}},
    lmm.posterior_predict: {
        "draws": DRAWS,
        "data": DATA,
        "levels": "known",
        "rng": 1,
        "new": None,
    },
    lmm.posterior_epred: {
        "draws": DRAWS,
        "data": DATA,
        "levels": "known",
        "rng": 1,
        "new": None,
    },
    lmm.predictive_check: {
        "replicates": REPLICATES,
        "data": DATA,
        "statistics": ["within"],
        "term": None,
    },
    lmm.simulate: {"design": DESIGN, "params": PARAMS, "rng": 1},
    lmm.calibrate: {
        "design": DESIGN,
        "priors": PRIORS,
        "engine": _engine,
        "replications": 2,
        "rng": 1,
        "draws": 9,
        "executor": _Now(),
    },
    lmm.recover: {
        "scenarios": {"s": (DESIGN, PARAMS, PRIORS)},
        "engines": {"e": "reml"},
        "replications": 2,
        "rng": 1,
        "executor": _Now(),
    },
    experiments.experiment_1: {"rng": 1, "n": 20, "p": 2, "q": 2, "sigma": 0.1},
    experiments.experiment_2: {"rng": 1, "n": 20, "p": 2, "groups": 4, "tau": 0.7, "sigma": 1.0},
    loglik.conditional: {"data": DATA, "params": PARAMS, "u": np.zeros(4)},
    loglik.marginal: {"data": DATA, "params": PARAMS},
    loglik.restricted: {"data": DATA, "params": PARAMS},
    held_out.rows: {"data": DATA, "params": PARAMS},
    moments.conditional: {"design": DESIGN, "params": PARAMS, "u": np.zeros(4)},
    moments.marginal: {"design": DESIGN, "params": PARAMS},
    moments.effects: {"data": DATA, "params": PARAMS},
    moments.effects_covariance: {"design": DESIGN, "params": PARAMS},
    moments.residual_covariance: {"design": DESIGN, "params": PARAMS},
    moments.mutual_information: {"design": DESIGN, "params": PARAMS},
    moments.lautum_information: {"design": DESIGN, "params": PARAMS},
    moments.total_correlation: {"design": DESIGN, "params": PARAMS},
    random_effects.conditional_mean: {"data": DATA, "params": PARAMS},
    random_effects.conditional_covariance: {"data": DATA, "params": PARAMS},
    random_effects.shrinkage_information: {"data": DATA, "params": PARAMS},
    random_effects.leverages: {"data": DATA, "params": PARAMS},
    random_effects.conditional_draws: {
        "data": DATA,
        "theta": PARAMS.theta(DESIGN).repeat(2),
        "rng": 1,
    },
    multivariate.MultivariateData: {"Y": TRAITS.Y, "design": TRAITS.design, "traits": None},
    multivariate.MultivariateParams: {"B": [[0.0, 0.0]], "G0": np.eye(2), "R0": np.eye(2)},
    multivariate.estimate: {"data": TRAITS, "method": "ml"},
    multivariate.simulate: {"design": TRAITS.design, "params": OF_TRAITS, "rng": 1},
    multivariate.moments: {"design": TRAITS.design, "params": OF_TRAITS},
    multivariate.conditional_moments: {
        "design": TRAITS.design,
        "params": OF_TRAITS,
        "U": np.zeros((4, 2)),
    },
    multivariate.canonical: {"params": OF_TRAITS},
    multivariate.log_density: {"data": TRAITS, "params": OF_TRAITS},
    multivariate.blup: {"data": TRAITS, "params": OF_TRAITS},
    multivariate.conditional_sd: {"data": TRAITS, "params": OF_TRAITS},
    FIT.predict: {"new": TABLE, "levels": "known"},
    FIT.conf_int: {"level": 0.95, "parm": "beta", "method": "wald"},
    DESIGN.new_rows: {"table": TABLE},
    DESIGN.level_of_rows: {"term": "g"},
    DESIGN.term: {"name": "g"},
    DATA.with_y: {"y": DATA.y},
    PARAMS.theta: {"design": DESIGN},
    PRIORS.checked: {"design": DESIGN},
}
STRANGE = {
    "None": None,
    "text": "text",
    "3": 3,
    "-1": -1,
    "10.5": 10.5,
    "nan": np.nan,
    "True": True,
    "np.int64": np.int64(3),
    "list": [1, 2],
    "texts": ["a", "b"],
    "dict": {"a": 1},
    "array": np.ones((2, 3)),
    "frame": pd.DataFrame({"a": [1.0, 2.0]}),
    "series": pd.Series([1.0, np.nan]),
    "type": int,
    "Data": DATA,
    "Design": DESIGN,
    "Params": PARAMS,
    "Priors": PRIORS,
    "draws": DRAWS,
    "Dataset": DRAWS.posterior.to_dataset(),
    "replicates": REPLICATES,
    "generator": iter([1, 2]),
}


@cache
def _raises(file):
    """Lines of a file that belong to its raise statements."""
    nodes = [
        node
        for node in ast.walk(ast.parse(Path(file).read_text("utf8")))
        if isinstance(node, ast.Raise)
    ]
    return {line for node in nodes for line in range(node.lineno, node.end_lineno + 1)}


def _is_ours(error):
    """Whether a raise statement of the package made the error, and not something that the
    package called.
    """
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return Path(frame.filename).is_relative_to(PACKAGE) and frame.lineno in _raises(frame.filename)


def _name(function):
    return getattr(function, "__qualname__", function.__name__)


@pytest.mark.parametrize("function", WORKING, ids=_name)
@pytest.mark.filterwarnings("ignore")
def test_arguments_that_work(function):
    function(**WORKING[function])


@pytest.mark.parametrize("function", WORKING, ids=_name)
@pytest.mark.filterwarnings("ignore")
def test_every_argument_of_a_wrong_kind_is_told_by_a_sentence(function):
    foreign = []
    for argument in WORKING[function]:
        for kind, value in STRANGE.items():
            if argument == "executor" and value is None:  # which starts processes
                continue
            if kind == "generator":
                value = iter([1, 2])
            try:
                function(**{**WORKING[function], argument: value})
            except (TypeError, ValueError, RuntimeError) as error:
                if not _is_ours(error):
                    foreign.append(f"{argument}={kind}: {type(error).__name__}: {str(error)[:90]}")
            except Exception as error:
                foreign.append(f"{argument}={kind}: {type(error).__name__}: {str(error)[:90]}")
    assert not foreign, "\n".join(foreign)


WHOLE = [
    (lmm.posterior, "draws", np.int64(64)),
    (lmm.prior_draws, "draws", np.int64(10)),
    (lmm.calibrate, "draws", np.int64(9)),
    (lmm.calibrate, "replications", np.int32(2)),
    (lmm.recover, "replications", np.int64(2)),
    (experiments.experiment_1, "n", np.int64(20)),
    (experiments.experiment_2, "groups", np.int64(4)),
]


@pytest.mark.parametrize(
    ("function", "argument", "value"), WHOLE, ids=lambda v: getattr(v, "__name__", str(v))
)
@pytest.mark.filterwarnings("ignore")
def test_whole_numbers_are_python_s_and_numpy_s_and_nothing_else(function, argument, value):
    function(**{**WORKING[function], argument: value})
    for strange in (True, np.True_, 64.0, np.float64(64), "64", None, [64]):
        with pytest.raises(TypeError, match=f"{argument} must be a whole number"):
            function(**{**WORKING[function], argument: strange})
    with pytest.raises(
        ValueError, match=f"{argument} must be a whole number, .* at least, got -64"
    ):
        function(**{**WORKING[function], argument: -64})


CHOICES = [
    (lmm.estimate, "method", "REML", lambda fit: fit.deviance),
    (lmm.estimate, "method", "ML", lambda fit: fit.deviance),
    (multivariate.estimate, "method", "REML", lambda fit: fit.deviance),
    (lmm.loo, "route", "Conditional", lambda result: result.elpd),
    (lmm.posterior_predict, "levels", "New", lambda tree: float(tree.posterior_predictive.y.sum())),
    (lmm.ScalePrior, "family", "Half-Normal", lambda prior: prior.log_density(1.0)),
]


@pytest.mark.parametrize(
    ("function", "argument", "value", "number"), CHOICES, ids=lambda v: getattr(v, "__name__", v)
)
@pytest.mark.filterwarnings("ignore")
def test_options_are_taken_in_upper_and_lower_case(function, argument, value, number):
    results = [
        number(function(**{**WORKING[function], argument: spelled}))
        for spelled in (value, value.lower())
    ]
    assert results[0] == results[1]


def test_an_option_has_one_spelling_once_it_is_taken():
    assert lmm.ScalePrior("HALF-STUDENT-T", 1.0, 3) == lmm.ScalePrior("half-Student-t", 1.0, 3)


RANDOM = [f for f in WORKING if "rng" in WORKING[f]]


@pytest.mark.parametrize("function", RANDOM, ids=_name)
@pytest.mark.filterwarnings("ignore")
def test_rng_is_what_default_rng_takes(function):
    """A seed gives what its generator gives; None takes one from the system."""
    for rng in (
        None,
        1,
        np.int64(1),
        [1, 2],
        np.random.SeedSequence(1),
        np.random.PCG64(1),
        np.random.default_rng(1),
    ):
        function(**{**WORKING[function], "rng": rng})
    for strange in ("1", 1.5, -1, {}, np.random):
        with pytest.raises(
            (TypeError, ValueError), match=r"rng must be what numpy\.random\.default_rng takes"
        ):
            function(**{**WORKING[function], "rng": strange})


def test_every_public_function_is_here():
    """But for the figures and PyMC's, which have tests of their own."""
    ours = {f for f in map(lmm.__dict__.get, lmm.__all__) if inspect.isfunction(f)} | {
        getattr(lmm, name) for name in lmm.__all__
    }
    functions = {
        f
        for f in ours
        if inspect.isfunction(inspect.unwrap(f)) and "pymc_models" not in f.__module__
    }
    assert {f.__qualname__ for f in functions} <= {_name(f) for f in WORKING}
