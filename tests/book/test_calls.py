"""The right-hand columns of "Your call, ours" are run as they are printed."""

import ast
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lmmlib as lmm

PAGE = Path(__file__).parents[2] / "chapters" / "calls.md"
RIGHT_CELL = re.compile(r"^  - (.*)$", re.MULTILINE)
LEFT_CELL = re.compile(r"^\* - ", re.MULTILINE)


def _calls():
    """Every expression or statement of a right-hand column, in the order of the page."""
    for row in LEFT_CELL.split(PAGE.read_text("utf8"))[1:]:
        for cell in RIGHT_CELL.findall(row):
            for code in re.findall(r"(?<!\})`([^`]+)`", cell):
                if re.match(r"(lmm|fit|draws|print|data =|priors =)\b", code) or "=lmm." in code:
                    yield code if not re.match(r"\w+=", code) else f"dict({code})"


@pytest.fixture(scope="module")
def names():
    """What the page takes for granted."""
    table = lmm.load_dataset("sleepstudy").assign(w=1.0, o=0.0)
    data = lmm.from_formula("Reaction ~ Days + (Days | Subject)", table)
    priors = lmm.Priors.weak(data)
    simpler = lmm.from_formula("Reaction ~ Days + (1 | Subject)", table)
    crossed = lmm.load_dataset("Penicillin").rename(
        columns={"diameter": "y", "plate": "a", "sample": "b"}
    )
    effects = pd.DataFrame({"y": [0.1, 0.5, -0.2], "s": [0.2, 0.3, 0.1], "study": list("abc")})
    meta = lmm.from_formula(
        "y ~ 1 + (1 | study)", effects.assign(w=effects["s"] ** -2), weights="w"
    )
    return {
        "lmm": lmm,
        "table": table,
        "data": data,
        "priors": priors,
        "fit": lmm.estimate(data),
        "smaller": lmm.estimate(simpler, method="ml"),
        "larger": lmm.estimate(data, method="ml"),
        "draws": lmm.posterior(data, priors, rng=1),
        "new": table.head(3),
        "crossed": crossed,
        "meta": meta,
        "codes": ["a", "b", "a"],
        "A": np.array([[1.0, 0.5], [0.5, 1.0]]),
        "Z": np.ones((3, 2)),
    }


def test_the_page_has_calls():
    assert len(list(_calls())) > 40


@pytest.mark.filterwarnings("ignore:.*Pareto k.*:UserWarning")
@pytest.mark.filterwarnings("ignore:.*unreliable.*:UserWarning")
@pytest.mark.parametrize("call", list(dict.fromkeys(_calls())))
def test_our_calls_run_as_printed(names, call, capsys):
    tree = ast.parse(call)
    scope = dict(names)
    if isinstance(tree.body[0], ast.Expr):
        assert eval(compile(call, "calls.md", "eval"), scope) is not None or capsys.readouterr().out
    else:
        exec(compile(call, "calls.md", "exec"), scope)
