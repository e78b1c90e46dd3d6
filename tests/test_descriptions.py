"""What is printed: three lines of a hundred characters at most, whatever the size."""

from dataclasses import dataclass

import numpy as np
import pytest

import lmmlib as lmm
from lmmlib import (
    Data,
    Design,
    Params,
    Priors,
    ScalePrior,
    Term,
    from_formula,
    load_dataset,
    merge_reductions,
)

SLEEP = from_formula("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
TERMS = "Subject: 18 levels, Intercept and Days, correlated"


def _lines(*lines):
    return "\n".join(lines)


def test_data_of_a_formula():
    lines = ("180 rows", "coefficients: Intercept, Days", TERMS)
    assert str(SLEEP) == _lines("Data: Reaction ~ Days + (Days | Subject), " + lines[0], *lines[1:])
    assert str(SLEEP.design) == str(SLEEP).replace("Data", "Design")
    assert str(merge_reductions([SLEEP])) == _lines("Reduction: " + lines[0], *lines[1:])
    assert str(SLEEP.design.layout) == _lines("Layout", *lines[1:])
    assert repr(SLEEP.design.terms[0]) == f"<Term {TERMS}>"


def test_what_a_design_has_besides():
    terms = [
        Term.grouped("g", list("aabb"), np.eye(4)[:, :2] + 1, correlated=False),
        Term.grouped("h", list("xyxy"), effects=["b"], between=[[1.0, 0.5], [0.5, 1.0]]),
        Term.dense("z", np.ones((4, 1))),
    ]
    design = Design(
        np.zeros((4, 0)),
        terms,
        weights=[1, 2, 1, 1],
        offset=[0, 0, 1, 0],
        dropped="1 of 5 rows dropped: x is missing",
    )
    assert str(design) == _lines(
        "Design: 4 rows, weights, offset; 1 of 5 rows dropped: x is missing",
        "coefficients: none",
        "g: 2 levels, x1 and x2, uncorrelated; h: 2 levels, b, known covariance; "
        "z: 1 column of one SD",
    )
    assert str(design.rows(np.array([0, 1]))).startswith("Design: 2 rows, weights\n")


def test_parameters_and_priors():
    params = Params([251.4051, 10.4673], {"Subject": [[612.1, 9.604], [9.604, 35.07]]}, 25.5918)
    assert repr(params) == _lines(
        "Params: sigma 25.59", "beta: 251.4, 10.47", "Subject: SD 24.74, 5.922, correlation 0.06555"
    )
    assert "correlation 0" in repr(Params([0.0], {"g": np.diag([0.0, 1.0])}, 1.0))
    theta = params.theta(SLEEP.design)
    assert repr(theta) == "<Theta beta (2,), effect_chols (2, 2), sigma ()>"
    priors = Priors.build(SLEEP.design, (0, 10), ScalePrior("exponential", 2.0))
    assert repr(priors) == _lines(
        "Priors: sigma exponential(mean 2)",
        "beta: Intercept 0 ± 10, Days 0 ± 10",
        "sd of Subject: Intercept exponential(mean 2); sd of Subject: Days exponential(mean 2) "
        "and 1 more",
    )


@dataclass(frozen=True)
class LongFormula:
    """What a design of a formula asks of it, for printing."""

    text: str
    taken_from_data: str = ""

    @property
    def parsed(self):
        return self


def _big():
    rng = np.random.default_rng(1)
    names = [f"a_coefficient_of_a_long_name_{j}" for j in range(200)]
    terms = [
        Term.grouped(f"a grouping of a long name {k}", rng.integers(50, size=300))
        for k in range(30)
    ]
    effects = [f"an effect of a long name {i}" for i in range(20)]
    wide = Term.grouped("wide" * 40, np.arange(300) % 7, rng.normal(size=(300, 20)), None, effects)
    formula = LongFormula("y ~ " + " + ".join(names))
    return Design(
        rng.normal(size=(300, 200)),
        [wide, *terms],
        rng.uniform(1, 2, 300),
        coef=names,
        formula_spec=formula,
        dropped="10 of 310 rows dropped: x is missing",
    )


BIG = _big()


@pytest.mark.parametrize(
    "printed",
    [
        BIG,
        BIG.layout,
        BIG.terms[0],
        Data(np.arange(300.0), BIG),
        Data(np.arange(300.0), BIG).reduction,
        Priors.build(BIG, (0, 1), ScalePrior("half-normal", 1.0)),
        Params(np.ones(200), {t.name: np.eye(len(t.effects)) for t in BIG.terms}, 1.0),
        Params(np.ones(200), {t.name: np.eye(len(t.effects)) for t in BIG.terms}, 1.0).theta(BIG),
    ],
    ids=lambda printed: type(printed).__name__,
)
def test_nothing_prints_more_however_large(printed):
    lines = repr(printed).splitlines()
    assert len(lines) <= 3
    assert max(map(len, lines)) <= 100
    assert all(line == line.strip() and line for line in lines)


def test_a_long_formula_is_cut_before_what_follows_it():
    head = str(BIG).splitlines()[0]
    assert head.startswith("Design: y ~ a_coefficient_of")
    assert head.endswith("…, 300 rows, weights; 10 of 310 rows dropped: x is missing")
    assert str(BIG).splitlines()[1].endswith(" more")


@pytest.mark.parametrize("value", [SLEEP, SLEEP.design, Priors.weak(SLEEP), SLEEP.reduction])
def test_sleepstudy_takes_three_hundred_characters(value):
    assert len(repr(value)) <= 300


def test_what_holds_arrays_prints_their_shapes():
    design = Design(np.ones((4, 1)), [Term.grouped("g", list("aabb"))])
    made = lmm.simulate(design, lmm.Params([0.0], {"g": 1.0}, 1.0), rng=1)
    assert repr(made) == "<Simulated: y (4,), u (2,)>"
    moments = lmm.moments.marginal(design, lmm.Params([0.0], {"g": 1.0}, 1.0))
    assert repr(moments) == "<Gaussian: mean (4,), cov (4, 4)>"
    assert repr(lmm.report.experiment_1(rng=1)) == "<Experiment: y (100,), beta (4,), u (5,)>"
