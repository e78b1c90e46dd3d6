"""The programs for Stan and brms that the chapter on the fits shows are the models that it says.

Where R with rstan, or with brms, is found; each program is compiled.
"""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import discussion
import in_r

HERE = Path(__file__).parent
PROGRAMS = HERE.parents[1] / "programs"


def _run(name, points, folder):
    """Log densities by R of a program at points of its unconstrained parameters."""
    y, X, Z = discussion.arrays()
    columns = dict(zip(discussion.COVARIATES, X.T.tolist(), strict=True))
    columns |= dict(zip(discussion.EFFECTS, Z.T.tolist(), strict=True))
    data = {"n": 100, "p": 4, "q": 5, "X": X.tolist(), "Z": Z.tolist(), "y": y.tolist()}
    asked = {"data": data, "columns": columns, "points": {name: points}}
    (folder / "asked.json").write_text(json.dumps(asked))
    script = ["Rscript", str(HERE / "stan_discussion.R"), str(PROGRAMS)]
    subprocess.run([*script, str(folder / "asked.json"), str(folder / "found.json")], check=True)
    return json.loads((folder / "found.json").read_text())[name]


@pytest.mark.parametrize("model", ["A", "C", "C_slip"])
def test_a_program_of_stan_has_its_density(model, tmp_path):
    """Log likelihood, log prior and log Jacobian, up to one constant."""
    in_r.needs("rstan", "jsonlite")
    points = discussion.points()
    unconstrained = [
        [*beta, *(u if model == "A" else []), *np.log([*tau, sigma])]
        for beta, u, tau, sigma in points
    ]
    found = _run(f"discussion_{model}", unconstrained, tmp_path)
    discussion.assert_same_up_to_a_constant(found, model, points)


def test_the_program_of_brms_has_the_density_of_a(tmp_path):
    """Its parameters are β, log σ, log τ and u / τ, which adds the logarithms of τ to a density."""
    in_r.needs("brms", "jsonlite")
    points = discussion.points()
    unconstrained = [
        [*beta, np.log(sigma), *np.log(tau), *(u / tau)] for beta, u, tau, sigma in points
    ]
    found = np.array(_run("discussion_A_brms", unconstrained, tmp_path))
    of_u = found - [np.log(tau).sum() for _, _, tau, _ in points]
    discussion.assert_same_up_to_a_constant(of_u, "A", points)
