"""What Bambi and statsmodels take, in the environment that requirements.txt makes.

``python peers.py TASK ARGUMENT``.
"""

import time
from importlib.metadata import version

import clock
import numpy as np
import pandas as pd

MIXED = {
    "sleepstudy": {"formula": "Reaction ~ Days", "groups": "Subject", "re_formula": "~Days"},
    "Pastes": {
        "formula": "strength ~ 1",
        "groups": "batch",
        "re_formula": "1",
        "vc_formula": {"cask": "0 + C(cask)"},
    },
    "Penicillin": {"formula": "diameter ~ 1", "crossed": ("plate", "sample")},
    "crossed": {"formula": "y ~ x", "crossed": ("student", "teacher", "school")},
}


def bambi(sampler: str, path: str) -> dict:
    """Bambi on sleepstudy with one of its samplers and its own priors.

    It is fitted twice in this process.
    """
    import arviz_stats
    import bambi as bmb

    watched = None
    if sampler == "numpyro":
        import jax_clock

        watched = jax_clock.watch()
    table = pd.read_csv(path, dtype={"Subject": str})
    seconds = []
    splits = []
    for seed in (1, 2):
        start = time.perf_counter()
        model = bmb.Model("Reaction ~ Days + (Days | Subject)", table)
        tree = model.fit(
            draws=1000,
            tune=1000,
            chains=4,
            random_seed=seed,
            progressbar=False,
            inference_method=sampler,
        )
        seconds.append(time.perf_counter() - start)
        if watched:
            splits.append({"first_split": watched.split(start, time.perf_counter())})
    sampling = watched.sampling if watched else float(tree.posterior.attrs["sampling_time"])
    ess = arviz_stats.ess(tree.posterior.to_dataset(), method="bulk")
    return {
        "first": seconds[0],
        "second": seconds[1],
        "sampling": sampling,
        "divergences": int(tree.sample_stats["diverging"].sum()),
        "smallest_ess": min(float(values.min()) for values in ess.values()),
        "draws": int(tree.posterior["sigma"].size),
        **(splits[0] if splits else {}),
    }


def statsmodels(name: str, path: str) -> dict:
    """MixedLM by maximum likelihood.

    Crossed factors are variance components of one group that holds all rows.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM

    table = pd.read_csv(path)
    call = dict(MIXED[name])
    crossed = call.pop("crossed", None)
    if crossed:
        components = {factor: f"0 + C({factor})" for factor in crossed}
        call |= {"groups": np.ones(len(table)), "re_formula": "0", "vc_formula": components}

    fits: list = []

    def fit() -> None:
        fits[:] = [MixedLM.from_formula(data=table, **call).fit(reml=False)]

    return {
        **clock.repeated(fit),
        "criterion": float(-2 * fits[0].llf),
        "converged": bool(fits[0].converged),
    }


def versions() -> dict:
    """Packages of this environment."""
    return {
        name: version(name)
        for name in ("bambi", "statsmodels", "nutpie", "pymc", "numpyro", "jax", "numpy")
    }


if __name__ == "__main__":
    clock.answer({f.__name__: f for f in (bambi, statsmodels, versions)})
