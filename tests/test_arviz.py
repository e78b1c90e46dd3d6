"""ArviZ's usual summaries and figures on every kind of result."""

import arviz_base
import arviz_plots
import arviz_stats
import matplotlib as mpl
import numpy as np
import pytest

from lmmlib import (
    Priors,
    as_draws,
    from_bambi,
    from_formula,
    load_dataset,
    posterior,
    posterior_predict,
    prior_draws,
)

mpl.use("Agg")
DATA = from_formula("Reaction ~ Days + (Days || Subject)", load_dataset("sleepstudy"))
PRIORS = Priors.weak(DATA)
DRAWS = posterior(DATA, PRIORS, 256, rng=1)
BAMBI = {
    "Intercept": "Intercept",
    "Days": "Days",
    "Subject: Intercept": "1|Subject_sigma",
    "Subject.1: Days": "Days|Subject_sigma",
}


def _of_bambi():
    values = {BAMBI[str(c)]: DRAWS.posterior.beta.sel(coef=c) for c in DRAWS.posterior.coef.values}
    values |= {
        BAMBI[str(e)]: DRAWS.posterior.sd.sel(effect=e) for e in DRAWS.posterior.effect.values
    }
    values["sigma"] = DRAWS.posterior.sigma
    return from_bambi(
        arviz_base.from_dict({"posterior": {name: v.to_numpy() for name, v in values.items()}}),
        DATA,
    )


def _from_arrays():
    arrays = {name: v.to_numpy() for name, v in DRAWS.posterior.data_vars.items()}
    return as_draws(data=DATA, **arrays)


RESULTS = {
    "posterior": lambda: DRAWS,
    "weighted": lambda: posterior(DATA, PRIORS, 256, rng=1, weighted=True),
    "prior": lambda: prior_draws(DATA, PRIORS, 100, rng=1),
    "arrays": _from_arrays,
    "Bambi's": _of_bambi,
}


@pytest.mark.parametrize("kind", RESULTS)
def test_summaries_take_it(kind):
    """A row for every entry of every variable."""
    tree = RESULTS[kind]()
    entries = sum(np.prod(v.shape[2:], dtype=int) for v in tree.posterior.data_vars.values())
    assert len(arviz_stats.summary(tree)) == entries


def test_effects_traces_and_replicates_are_drawn():
    arviz_plots.plot_forest(DRAWS, var_names=["beta", "u"], backend="matplotlib")
    arviz_plots.plot_trace_dist(DRAWS, var_names=["beta", "sigma"], backend="matplotlib")
    replicates = posterior_predict(DRAWS, DATA.design, rng=1)
    arviz_plots.plot_ppc_dist(replicates, backend="matplotlib", num_samples=20)
    mpl.pyplot.close("all")
    assert replicates.posterior_predictive.y.dims == ("chain", "draw", "row")
