"""The lines that the chapter on leave-one-out offers for copying run on draws as they come."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import xarray as xr

import lmmlib as lmm

PAGE = Path(__file__).parents[2] / "chapters" / "loo.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def table():
    return lmm.load_dataset("rats").assign(age=lambda rats: rats.day - 22)


def _posterior(bars, table):
    data = lmm.from_formula(f"weight ~ age + (age {bars} rat)", table)
    return lmm.posterior(data, lmm.Priors.weak(data), 200, rng=1)


def _of_brms(tree):
    """The columns of R's ``as_draws_df``."""
    posterior = tree.posterior.to_dataset().stack(sample=("chain", "draw"))
    columns = {
        "b_Intercept": posterior.beta[0],
        "b_age": posterior.beta[1],
        "sd_rat__Intercept": posterior.sd[0],
        "sd_rat__age": posterior.sd[1],
        "cor_rat__Intercept__age": posterior.cor[0],
        "sigma": posterior.sigma,
        ".chain": posterior.chain + 1,
        ".iteration": posterior.draw + 1,
    }
    return pd.DataFrame({name: values.to_numpy() for name, values in columns.items()})


def _of_bambi(tree, y):
    """The variables of ``Model.fit``, without the effects."""
    posterior = tree.posterior
    variables = {
        "Intercept": posterior.beta[..., 0],
        "age": posterior.beta[..., 1],
        "1|rat_sigma": posterior.sd[..., 0],
        "age|rat_sigma": posterior.sd[..., 1],
        "sigma": posterior.sigma,
    }
    arrays = {name: (("chain", "draw"), values.to_numpy()) for name, values in variables.items()}
    groups = {
        "posterior": xr.Dataset(arrays),
        "observed_data": xr.Dataset({"weight": ("__obs__", y)}),
    }
    return xr.DataTree.from_dict(groups)


def _assert_same_elpd(read, direct, data, leave):
    """Equal but for the length of the smoothed tail, which follows from the efficiency of all
    variables: what was read has no u.
    """
    elpd, expected = (lmm.loo(tree, data, leave=leave).elpd for tree in (read, direct))
    assert elpd == pytest.approx(expected, abs=0.1)


def _names_after(code, table):
    names = {"table": table}
    exec(code, names)
    return names


@pytest.mark.filterwarnings("ignore:Pareto k")  # two hundred draws have a lower threshold
def test_draws_of_brms_leave_out_rows_and_rats(table, monkeypatch, capsys):
    (code,) = [block for block in BLOCKS if "from_brms" in block]
    direct = _posterior("|", table)
    monkeypatch.setattr(pd, "read_csv", lambda name: _of_brms(direct))
    names = _names_after(code, table)
    for leave in ("row", "rat"):
        _assert_same_elpd(names["draws"], direct, names["data"], leave)
    assert capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:Pareto k")
def test_draws_of_bambi_leave_out_rows_and_rats(table, monkeypatch, capsys):
    (code,) = [block for block in BLOCKS if "from_bambi" in block]
    direct = _posterior("||", table)
    fit = SimpleNamespace(fit=lambda: _of_bambi(direct, table.weight))
    stand_in = SimpleNamespace(Model=lambda formula, table: fit)
    monkeypatch.setitem(sys.modules, "bambi", stand_in)
    names = _names_after(code, table)
    for leave in ("row", "rat"):
        _assert_same_elpd(names["draws"], direct, names["data"], leave)
    assert capsys.readouterr().out
