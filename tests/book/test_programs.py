"""The programs in Python and for lme4 that the chapter on the fits shows are the models it says.

Those in Stan and for brms want compiling: ``tests/slow/test_stan_discussion.py``.
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pymc as pm
import pytest

import discussion
import in_r
import lmmlib as lmm

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "programs"
MODELS = ["A", "C", "C_slip"]
TABLE = ROOT / "lmmlib" / "tables" / "thread_like.csv"


def _names_after(program):
    """What a program has defined when it ends."""
    names = {}
    exec((PROGRAMS / program).read_text("utf8"), names)
    return names


def _log_density(model, values):
    """The compiled one of a PyMC model, whose scales are logarithms."""
    return float(model.compile_logp(mode="FAST_COMPILE")(values))


@pytest.mark.parametrize("model", MODELS)
def test_a_program_of_pymc_has_its_density(model, monkeypatch):
    monkeypatch.chdir(TABLE.parent)
    monkeypatch.setattr(pm, "sample", lambda: None)
    program = _names_after(f"discussion_{model}_pymc.py")[model]
    points = discussion.points()
    found = []
    for beta, u, tau, sigma in points:
        values = {"beta": beta, "tau_log__": np.log(tau), "sigma_log__": np.log(sigma)}
        values |= {"u": u} if model == "A" else {}
        found.append(_log_density(program, values))
    discussion.assert_same_up_to_a_constant(found, model, points)


def _values_of_lmmlib(model, beta, u, tau, sigma):
    """The points under the names that the library's models have for them."""
    if model == "C_slip":
        names = [f"variance {name}_log__" for name in discussion.EFFECTS]
        scales = dict(zip(names, np.log(tau), strict=True))
        return {"beta": beta, "variance_log__": np.log(sigma)} | scales
    values = {"beta": beta, "sd_log__": np.log(tau), "sigma_log__": np.log(sigma)}
    if model == "A":
        values |= {f"{name} v": u[[k]] for k, name in enumerate(discussion.EFFECTS)}
    return values


@pytest.mark.parametrize("model", MODELS)
def test_a_program_of_lmmlib_has_its_density(model, monkeypatch):
    monkeypatch.setattr(lmm, "sample", lambda model: None)
    program = _names_after(f"discussion_{model}_lmmlib.py")[model]
    points = discussion.points()
    found = []
    for beta, u, tau, sigma in points:
        found.append(_log_density(program, _values_of_lmmlib(model, beta, u, tau, sigma)))
    discussion.assert_same_up_to_a_constant(found, model, points)


def test_the_program_of_lme4_maximises_the_density_of_c(tmp_path):
    in_r.needs("lme4")
    shutil.copy(TABLE, tmp_path)
    program = (PROGRAMS / "discussion_C_lmer.R").read_text("utf8")
    shown = "cat(format(c(-2 * logLik(fit), fixef(fit), sigma(fit)), digits = 15))"
    run = subprocess.run(
        ["Rscript", "-e", f"{program}\n{shown}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    deviance, *beta, sigma = map(float, run.stdout.split())
    y, X, Z = discussion.arrays()
    terms = [lmm.Term.dense(name, Z[:, [k]]) for k, name in enumerate(discussion.EFFECTS)]
    data = lmm.Data(y, lmm.Design(X, terms))
    best = lmm.estimate(data, method="ml").params
    assert deviance == pytest.approx(-2 * lmm.loglik.marginal(data, best), abs=1e-6)
    np.testing.assert_allclose([*beta, sigma], [*best.beta, best.sigma], rtol=1e-4)
