"""Calibration: ranks of known draws, verdicts of exact and of wrong engines, workers that come
and go, recovery.
"""

import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from arviz_stats import ecdf_utils
from scipy import stats

from lmmlib import (
    Design,
    Params,
    Priors,
    ScalePrior,
    Term,
    as_draws,
    calibrate,
    calibration,
    loo,
    posterior,
    prior_draws,
    recover,
)
from lmmlib.calibration import Calibration, ImportanceSampler, SharedNewLevel, VarianceForSD, power
from lmmlib.calibration.quantities import quantities_at, quantity_names
from lmmlib.calibration.uniformity import discrepancy, null_discrepancies
from lmmlib.importance import PosteriorError
from lmmlib.model import Data
from lmmlib.simulation import simulate

DESIGN = Design(np.ones((24, 1)), [Term.grouped("g", np.repeat(np.arange(8), 3))], coef=["mean"])
PRIORS = Priors.build(
    DESIGN, (0.0, 1.0), ScalePrior("half-normal", 1.0), ScalePrior("half-normal", 3.0)
)


def _from_the_prior(data, priors, rng):
    """An engine that ignores the data.

    Truths and draws come from one distribution, so ranks of parameters are uniform.
    """
    return prior_draws(data, priors, 100, rng=rng)


def _constant(data, priors, rng):
    """Draws of known ranks.

    A mean far below every truth, an SD far above, σ above in all but none.
    """
    ones = np.ones((1, 100))
    return as_draws(
        data=data,
        beta=-100 * ones[..., None],
        sd=100 * ones[..., None],
        sigma=100 * ones,
        u=np.ones((1, 100, 8)),
    )


def _failing(data, priors, rng):
    if rng.uniform() < 0.3:
        raise PosteriorError("weights cannot be trusted")
    return _from_the_prior(data, priors, rng)


@pytest.fixture
def one():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_ranks_of_known_draws_are_known(one):
    found = calibrate(DESIGN, PRIORS, _constant, 5, rng=np.random.default_rng(1), executor=one)
    assert found.names[:3] == ("mean", "sd g: Intercept", "sigma")
    np.testing.assert_array_equal(found.ranks[:, :3], np.tile([99, 0, 0], (5, 1)))


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_counted_on_a_terminal_only(one, monkeypatch, is_terminal):
    stderr = io.StringIO()
    stderr.isatty = lambda: is_terminal
    monkeypatch.setattr("sys.stderr", stderr)
    calibrate(DESIGN, PRIORS, _from_the_prior, 2, rng=np.random.default_rng(1), executor=one)
    if is_terminal:
        last = stderr.getvalue().split("\r")[-1]
        assert last.startswith("calibration: 100%")
        assert "2/2" in last
    else:
        assert stderr.getvalue() == ""


def test_ties_are_broken_at_random(one):
    """A fixed SD is a tie of truth and all draws."""
    fixed = Priors.build(
        DESIGN,
        (0.0, 1.0),
        {"g: Intercept": ScalePrior("fixed", 1.0)},
        ScalePrior("half-normal", 1.0),
    )
    found = calibrate(
        DESIGN, fixed, _from_the_prior, 200, rng=np.random.default_rng(1), executor=one
    )
    assert stats.kstest(found.ranks[:, 1] / 99, "uniform").pvalue > 1e-4


def test_the_prior_itself_is_calibrated_in_parameters_and_blind_to_the_data(one):
    """What the data-dependent quantities are for.

    Parameters pass, the likelihoods tell that the data were ignored.
    """
    found = calibrate(
        DESIGN, PRIORS, _from_the_prior, 200, rng=np.random.default_rng(2), executor=one
    )
    p = found.verdict().p_values
    assert (
        p[["mean", "sd g: Intercept", "sigma", "spread of new levels: g: Intercept"]].min() > 1e-3
    )
    assert p[["log p(y)", "log p(y|u)"]].max() < 1e-3
    assert not found.verdict().passed


def test_failed_fits_are_counted_and_shown(one):
    found = calibrate(DESIGN, PRIORS, _failing, 60, rng=np.random.default_rng(3), executor=one)
    failed = len(found.failures)
    assert 5 < failed < 35
    assert len(found.ranks) == 60 - failed
    assert found.failures[0].endswith("PosteriorError: weights cannot be trusted")
    assert not found.verdict().passed  # more than one in twenty
    assert f"{failed} fits failed" in str(found.verdict())
    with pytest.raises(
        RuntimeError, match="all 3 fits failed; the first: replication 0: ValueError: no"
    ):
        calibrate(DESIGN, PRIORS, _refusing, 3, rng=np.random.default_rng(3), executor=one)


def _refusing(data, priors, rng):
    raise ValueError("no")


def test_the_verdict_of_an_exact_sampler_fails_as_rarely_as_it_says():
    """1,000 calibrations with uniform ranks of eight quantities, at a stated rate of 0.1."""
    rng, alarms = np.random.default_rng(4), 0
    for _ in range(1000):
        alarms += (
            not Calibration(tuple("abcdefgh"), rng.integers(100, size=(100, 8)), 99, ())
            .verdict(0.1)
            .passed
        )
    assert alarms / 1000 < 0.1 + 5 * np.sqrt(0.1 * 0.9 / 1000)
    assert alarms / 1000 > 0.1 - 0.05 - 5 * np.sqrt(
        0.1 * 0.9 / 1000
    )  # Bonferroni over independent quantities loses little


def test_the_discrepancy_is_its_definition():
    ranks = np.random.default_rng(5).integers(10, size=(30, 2))
    for q in range(2):
        tails = []
        for k in range(9):
            count, z = np.sum(ranks[:, q] <= k), (k + 1) / 10
            tails.append(2 * min(stats.binom.cdf(count, 30, z), stats.binom.sf(count - 1, 30, z)))
        assert discrepancy(ranks, 9)[q] == pytest.approx(min(tails), rel=1e-12)


def _stays_within(calibration):
    band = calibration.band()
    difference = calibration.ecdf_difference()[:, 0]
    return bool(np.all((band.lower <= difference) & (difference <= band.upper)))


def test_the_band_holds_what_passes():
    right = Calibration(("a",), np.random.default_rng(6).integers(100, size=(300, 1)), 99, ())
    assert right.verdict().passed
    assert _stays_within(right)
    wrong = Calibration(("a",), np.random.default_rng(6).integers(80, size=(300, 1)), 99, ())
    assert not wrong.verdict().passed
    assert not _stays_within(wrong)
    assert len(right.band().z) == 99


def test_the_band_is_arviz_s_at_the_same_thresholds():
    """Its pointwise band at our γ is ours, and its simulated γ is ours but for Monte Carlo error.

    A quantile of 2,000 simulated γ is between the quantiles of 20,000 whose ranks are five binomial
    standard errors away.
    """
    N, L, false_alarm, simulations = 60, 99, 0.05, 2000
    band = Calibration(("a",), np.zeros((N, 1), int), L, ()).band(false_alarm)
    null = null_discrepancies(N, L)
    gamma = np.quantile(null, false_alarm)
    lower, upper = ecdf_utils.get_pointwise_confidence_band(1 - gamma, N, band.z)
    np.testing.assert_allclose(lower - band.z, band.lower, atol=1e-12)
    np.testing.assert_allclose(upper - band.z, band.upper, atol=1e-12)
    theirs = 1 - ecdf_utils.simulate_confidence_bands(
        N, 1, band.z, 1 - false_alarm, simulations, np.random.default_rng(1)
    )
    step = 5 * np.sqrt(false_alarm * (1 - false_alarm) / simulations)
    low, high = np.quantile(null, [false_alarm - step, false_alarm + step])
    assert low <= theirs <= high


def test_a_calibration_prints_its_sizes_and_its_verdict(one):
    result = calibrate(DESIGN, PRIORS, _failing, 20, rng=np.random.default_rng(3), executor=one)
    fits, failed = result.ranks.shape[0], len(result.failures)
    first, second = repr(result).splitlines()
    assert first == f"Calibration: {fits} ranks of 6 quantities among 99 draws"
    assert second == repr(result.verdict()) == str(result.verdict())
    assert second.endswith(f"{failed} fits failed")
    many = Calibration(tuple(map(str, range(201))), np.zeros((1, 201), int), 99, ())
    assert repr(many).count("\n") == 0  # no verdict at the usual rate


def test_power_is_the_share_of_failing_verdicts():
    rng = np.random.default_rng(7)
    pool = Calibration(
        ("a",), np.minimum(rng.integers(106, size=(5000, 1)), 99), 99, ()
    )  # a little too many of the largest
    claimed = power(pool, 100, rng)
    caught = np.mean(
        [
            not Calibration(("a",), np.minimum(rng.integers(106, size=(100, 1)), 99), 99, ())
            .verdict()
            .passed
            for _ in range(400)
        ]
    )
    assert 0.1 < caught < 0.95
    assert abs(claimed - caught) < 5 * np.sqrt(2 * 0.25 / 400)


def test_the_direct_posterior_passes_and_two_controls_fail():
    rng = np.random.default_rng(8)
    right, variance, shared = (
        calibrate(DESIGN, PRIORS, engine, 40, rng=np.random.default_rng(8))
        for engine in (ImportanceSampler(), VarianceForSD(), SharedNewLevel())
    )
    assert right.verdict().passed, right.verdict()
    assert not right.failures
    assert not variance.verdict().passed
    assert not shared.verdict().passed
    assert shared.verdict().p_values.idxmin() == "spread of new levels: g: Intercept"
    assert min(power(found, 40, rng) for found in (variance, shared)) > 0.95
    with ThreadPoolExecutor(1) as pool:  # workers do not matter
        again = calibrate(
            DESIGN, PRIORS, ImportanceSampler(), 40, rng=np.random.default_rng(8), executor=pool
        )
    np.testing.assert_array_equal(again.ranks, right.ranks)


def _slow(data, priors, rng):
    import time

    time.sleep(0.05)
    return _from_the_prior(data, priors, rng)


def test_a_cluster_that_loses_a_worker_gives_the_same_result(one):
    import distributed  # slow to import

    expected = calibrate(DESIGN, PRIORS, _slow, 40, rng=np.random.default_rng(9), executor=one)
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(os.getpid)
        doomed = next(iter(cluster.workers.values()))
        with ThreadPoolExecutor(1) as aside:
            stopped = aside.submit(_stop_soon, doomed.process.pid)
            found = calibrate(
                DESIGN,
                PRIORS,
                _slow,
                40,
                rng=np.random.default_rng(9),
                executor=client.get_executor(),
            )
            assert stopped.result()
    np.testing.assert_array_equal(found.ranks, expected.ranks)


def _stop_soon(pid):
    import signal
    import time

    time.sleep(0.4)
    os.kill(pid, signal.SIGTERM)
    return True


def test_every_quantity_is_there_and_finite():
    design = Design(
        np.ones((12, 1)),
        [
            Term.grouped(
                "g",
                np.repeat(np.arange(3), 4),
                np.column_stack([np.ones(12), np.tile(np.arange(4.0), 3)]),
            )
        ],
    )
    params = Params([1.0], {"g": [[1.0, 0.3], [0.3, 0.5]]}, 0.7)
    made = simulate(design, params, np.random.default_rng(1))
    data = Data(made.y, design)
    theta = params.theta(design).repeat(1)
    values = quantities_at(data, theta, made.u[None], np.random.default_rng(2))[0]
    assert len(values) == len(quantity_names(data)) == 1 + 2 + 1 + 1 + 2 + 2
    assert np.isfinite(values).all()
    np.testing.assert_allclose(
        values[1:5], [1.0, np.sqrt(0.5), 0.3 / np.sqrt(0.5), 0.7], rtol=1e-12
    )


def test_recovery_of_known_truths(one):
    """Balanced one-way: ML's σ² and τ² have known biases.

    β̂ is unbiased, with a standard error √(τ²/J + σ²/n).
    """
    params = Params([2.0], {"g": 4.0}, 1.0)
    priors = Priors.build(DESIGN, (0.0, 10.0), ScalePrior("half-normal", 5.0))
    table = recover(
        {"one": (DESIGN, params, priors)},
        {"ML": "ml", "REML": "reml", "never": _refusing},
        300,
        rng=np.random.default_rng(1),
        executor=one,
    )
    at = table.set_index(["engine", "parameter", "measure"]).sort_index()
    for engine in ("ML", "REML"):
        bias = at.loc[(engine, "mean", "bias")]
        assert abs(bias.value) < 5 * bias.error
        expected = np.sqrt(4 / 8 + 1 / 24)
        rmse = at.loc[(engine, "mean", "rmse")]
        assert abs(rmse.value - expected) < 5 * rmse.error
        assert (engine, "sd g: Intercept", "coverage") not in at.index
        assert (
            0.75 < at.loc[(engine, "mean", "coverage")].value < 0.95
        )  # Wald intervals at estimated variances are short
    assert (
        at.loc[("ML", "sd g: Intercept", "bias")].value
        < at.loc[("REML", "sd g: Intercept", "bias")].value
        < 0.0
    )
    assert at.loc[("never", "all", "failed fits")].value == 300


def test_recovery_by_the_posterior_covers(one):
    params = Params([2.0], {"g": 4.0}, 1.0)
    priors = Priors.build(DESIGN, (0.0, 10.0), ScalePrior("half-normal", 5.0))
    table = recover(
        {"one": (DESIGN, params, priors)},
        {"posterior": ImportanceSampler(4096)},
        30,
        rng=np.random.default_rng(1),
        executor=one,
    )
    covered = table[table.measure == "coverage"]
    assert len(covered) == 3
    assert (abs(covered.value - 0.9) < 5 * np.sqrt(0.9 * 0.1 / 30)).all()


def test_prior_draws_predict_nothing_of_their_data():
    data = Data(np.arange(24.0), DESIGN)
    with pytest.raises(ValueError, match="the draws are of the prior, which no data have informed"):
        loo(prior_draws(data, PRIORS, 100, rng=np.random.default_rng(1)), data)


def test_weighted_draws_are_no_draws_to_rank(one):
    def weighted(data, priors, rng):
        return posterior(data, priors, 1024, rng=rng, weighted=True)

    with pytest.raises(RuntimeError, match="ranks need draws of equal weight, got weighted ones"):
        calibrate(DESIGN, PRIORS, weighted, 2, rng=np.random.default_rng(1), executor=one)


def test_a_verdict_that_could_never_fail_is_refused():
    ranks = Calibration(tuple("abcdefghij"), np.zeros((50, 10), int), 99, ())
    assert not ranks.verdict(0.001).passed
    with pytest.raises(
        ValueError,
        match=r"false_alarm must be at least 0\.0005 for 10 quantities, and below one; got 0\.0001",
    ):
        ranks.verdict(0.0001)


def test_estimates_that_hit_the_truth_have_no_error(one):
    """Groups without spread: the SD of the effects is estimated as zero, which it is."""
    design = Design(np.ones((12, 1)), [Term.grouped("g", list("aabbccddeeff"))], coef=PRIORS.coef)
    truth = Params([1.0], {"g": 0.0}, 1.0)

    def exact(data, priors, rng):
        return as_draws(
            data=data, beta=np.ones((1, 50, 1)), sd=np.zeros((1, 50, 1)), sigma=np.ones((1, 50))
        )

    table = recover(
        {"one": (design, truth, PRIORS)},
        {"exact": exact},
        3,
        rng=np.random.default_rng(1),
        executor=one,
    )
    found = table[table.measure == "rmse"]
    assert (found.value == 0).all()
    assert (found.error == 0).all()


def test_bad_calls_are_told():
    with pytest.raises(ValueError, match="replications must be a whole number, 1 at least, got 0"):
        calibrate(DESIGN, PRIORS, ImportanceSampler(), 0, rng=np.random.default_rng(1))
    with pytest.raises(
        ValueError,
        match=(
            r"rng must be what numpy.random.default_rng takes, a "
            r"seed, a Generator or None; got -1"
        ),
    ):
        calibrate(DESIGN, PRIORS, ImportanceSampler(), 2, rng=-1)
    with pytest.raises(
        ValueError,
        match=r"scenarios must be a mapping from names to \(design, truth, priors\), got none",
    ):
        recover({}, {"x": "ml"}, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="an engine must be 'ml', 'reml' or a callable, got 'mle'"):
        recover({"one": (DESIGN, None, PRIORS)}, {"x": "mle"}, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="priors of sd must be given for"):
        calibrate(
            Design(np.ones((4, 1)), [Term.grouped("h", list("aabb"))]),
            PRIORS,
            ImportanceSampler(),
            rng=np.random.default_rng(1),
        )
    assert calibration.TimesSD().factor == 0.8
