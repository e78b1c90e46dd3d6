"""The posterior by nodes in the ratios of SDs is the posterior."""

import numpy as np
import pytest
from scipy import stats

from cases import CASES
from lmmlib.datasets import load_dataset
from lmmlib.formula import from_formula
from lmmlib.importance import node_sampler, posterior
from lmmlib.importance.log_posterior import log_posterior
from lmmlib.importance.ratio_nodes import RatioPosterior
from lmmlib.model import Priors

NAMES = ["balanced", "unbalanced slopes", "crossed", "wide crossed", "weights and offset"]


@pytest.fixture
def all_by_nodes(monkeypatch):
    monkeypatch.setattr(node_sampler, "CHUNK", -1)


@pytest.mark.parametrize("name", NAMES)
def test_a_node_has_the_density_of_every_sigma(name):
    data, _ = CASES[name]()
    priors = Priors.weak(data)
    nodes = RatioPosterior(data.reduction, priors)
    d = len(data.design.effects) + len(data.design.pairs)
    ratios = np.random.default_rng(2).normal(size=d)
    node = nodes.node(ratios)
    free = nodes.free(ratios, node.log_sigma)
    np.testing.assert_allclose(
        node.log_joint, log_posterior(free, data.reduction, priors).log_density, rtol=1e-11
    )


def test_sigma_is_integrated_out():
    """A grid ten times as fine and half as wide again changes the integral by less than 1e-6."""
    data, _ = CASES["crossed"]()
    nodes = RatioPosterior(data.reduction, Priors.weak(data))
    ratios = np.array([0.2, -0.4])
    node = nodes.node(ratios)
    middle = node.log_sigma.mean()
    reach = 1.5 * np.ptp(node.log_sigma) / 2
    fine = np.linspace(middle - reach, middle + reach, 975)
    joint = nodes._log_joint(ratios, fine, node.triangle, node.log_det)
    top = joint.max()
    assert node.log_density == pytest.approx(
        top + np.log(np.trapezoid(np.exp(joint - top), fine)), abs=1e-6
    )


def test_draws_of_sigma_have_the_density_of_the_node():
    data, _ = CASES["balanced"]()
    node = RatioPosterior(data.reduction, Priors.weak(data)).node(np.array([0.1]))
    drawn = node.draw_log_sigma(np.random.default_rng(3).uniform(size=20_000))
    density = np.exp(node.log_joint - node.log_joint.max())
    mass = np.concatenate([[0], np.cumsum(np.diff(node.log_sigma) * (density[1:] + density[:-1]))])
    uniform = np.interp(drawn, node.log_sigma, mass / mass[-1])
    # Within a cell the density is linear where np.interp takes it for constant.
    within_a_cell = np.diff(mass / mass[-1]).max() / 8
    error = np.sqrt(0.5 * np.log(2 / 1e-6) / len(drawn))  # Dvoretzky, Kiefer and Wolfowitz
    assert stats.kstest(uniform, "uniform").statistic < error + within_a_cell


def test_nodes_give_the_posterior(all_by_nodes, monkeypatch):
    monkeypatch.setattr(node_sampler, "NODES", 2048)
    data = from_formula("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
    priors = Priors.weak(data)
    by_nodes = posterior(data, priors, 4096, rng=1)
    monkeypatch.setattr(node_sampler, "CHUNK", np.inf)
    by_draws = posterior(data, priors, 4096, rng=2)
    assert by_nodes.attrs["nodes"] == 2048
    difference = by_nodes.attrs["log_evidence"] - by_draws.attrs["log_evidence"]
    error = np.hypot(by_nodes.attrs["log_evidence_error"], by_draws.attrs["log_evidence_error"])
    assert abs(difference) < 5 * error
    size = min(by_nodes.attrs["kish_ess"], by_draws.attrs["kish_ess"])
    for name in ("beta", "sd", "cor", "sigma", "u"):
        one = by_nodes.posterior[name]
        other = by_draws.posterior[name]
        sd = other.std(("chain", "draw"))
        standardized = (one.mean(("chain", "draw")) - other.mean(("chain", "draw"))) / sd
        assert np.abs(standardized).max() < 5 * np.sqrt(2 / size)


def test_weighted_draws_share_the_weight_of_their_node(all_by_nodes):
    data, _ = CASES["balanced"]()
    draws = posterior(data, Priors.weak(data), 1024, rng=1, weighted=True, effects=False)
    assert np.exp(draws.sample_stats["log_weight"]).sum() == pytest.approx(1)
    assert "u" not in draws.posterior


def test_effects_are_drawn_on_request():
    data, _ = CASES["balanced"]()
    priors = Priors.weak(data)
    without = posterior(data, priors, 512, rng=1, effects=False)
    assert "u" not in without.posterior
    with_effects = posterior(data, priors, 512, rng=1)
    np.testing.assert_array_equal(without.posterior["sd"], with_effects.posterior["sd"])
    with pytest.raises(TypeError, match="effects must be True or False"):
        posterior(data, priors, 512, effects="Subject")
