"""A formula is no code.

Nothing but the functions of the list is ever called, whether it is read or refused.
"""

import re
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmmlib import from_formula
from lmmlib.formula.functions import CONTRASTS, ELEMENTWISE, FACTORS, STATEFUL

TABLE = pd.DataFrame({"y": np.arange(6.0) ** 1.5, "x": np.arange(6.0), "g": list("aabbcc")})

# What Python tells of whatever reaches outside: files, processes, sockets, imports, and compiled
# code that is run.
OUTSIDE = (
    "open",
    "os.",
    "subprocess.",
    "socket.",
    "shutil.",
    "import",
    "exec",
    "ctypes.",
    "pickle.",
    "urllib.",
    "tempfile.",
)
_listening: list[list[str]] = []
from_formula("y ~ poly(x, 2) + (1 | g)", TABLE)  # whatever is imported at first use is


def _listen(event, arguments):
    if _listening and event.startswith(OUTSIDE):
        _listening[-1].append(event)


sys.addaudithook(_listen)  # stays for good, and does nothing but while events are collected


@dataclass(frozen=True)
class Reading:
    """What Python saw while a formula was read, and the error if it was refused."""

    events: list[str]
    error: Exception | None


def reading_of(formula):
    _listening.append([])
    try:
        from_formula(formula, TABLE)
        error = None
    except (ValueError, UserWarning) as refusal:
        error = refusal
    finally:
        heard = _listening.pop()
    return Reading(heard, error)


def test_the_hook_hears_what_a_formula_must_not_do(tmp_path):
    _listening.append([])
    try:
        (tmp_path / "file").write_text("heard")
    finally:
        heard = _listening.pop()
    assert "open" in heard


CODE = [
    "open({path!r}, 'w').close()",
    "open({path!r}, 'w')",
    "x.to_csv({path!r})",
    "x.to_csv({path!r}) or x",
    "np.save({path!r}, x)",
    "np.lib.format.open_memmap({path!r})",
    "x.__class__.__base__.__subclasses__()",
    "__import__('os').system('true')",
    "exec('1')",
    "eval('x')",
    "getattr(x, 'sum')()",
    "(lambda: x)()",
    "[v for v in x]",
    "x.values[0]",
    "x[0]",
    "f'{{x}}'",
    "globals()",
    "contr.custom(x)",
    "center(x, _state=open({path!r}, 'w'))",
    "center(open({path!r}, 'w'))",
    "log(open({path!r}, 'w'))",
    "C(g, contr.treatment(open({path!r}, 'w')))",
    "C(g, levels=open({path!r}, 'w'))",
    "poly(x, open({path!r}, 'w'))",
    "hashed(g)",
    "offset(open({path!r}, 'w'))",
    "Q(open({path!r}, 'w'))",
    "c(open({path!r}, 'w'))",
]


@pytest.mark.parametrize("code", CODE)
def test_code_is_refused_before_anything_is_called(tmp_path, code):
    path = tmp_path / "precious"
    path.write_text("precious")
    call = code.format(path=str(path))
    places = (
        "y ~ {} + (1 | g)",
        "y ~ I(x + {}) + (1 | g)",
        "y ~ x + ({} | g)",
        "{} ~ x + (1 | g)",
        "y ~ x + (1 | {})",
    )
    for place in places:
        reading = reading_of(place.format(call))
        assert isinstance(reading.error, ValueError)
        assert reading.events == []
    assert path.read_text() == "precious"
    assert [entry.name for entry in tmp_path.iterdir()] == ["precious"]


KNOWN = [*ELEMENTWISE, *STATEFUL, *FACTORS, *CONTRASTS, "I", "Q", "c", "offset"]
PYTHON = [
    "open",
    "exec",
    "eval",
    "__import__",
    "print",
    "getattr",
    "compile",
    "input",
    "vars",
    "np.load",
    "np.fromfile",
    "x.sum",
    "os.system",
]
ATOMS = st.sampled_from(
    [
        "x",
        "y",
        "g",
        "`x`",
        "1",
        "0",
        "2.5",
        "'a'",
        "True",
        "None",
        "[1, 2]",
        "x.__class__",
        "np",
        "contr.sum",
    ]
)


def calls(inner):
    names = st.sampled_from(KNOWN + PYTHON)
    option = st.sampled_from(["", "df=", "levels=", "_state=", "key="])
    arguments = st.lists(st.tuples(option, inner).map("".join), max_size=3).map(", ".join)
    joined = st.tuples(
        inner,
        st.sampled_from([" + ", " - ", "*", "/", ":", "^", "**", " == ", " < ", ", ", "."]),
        inner,
    ).map("".join)
    return st.one_of(
        st.tuples(names, arguments).map("{0[0]}({0[1]})".format),
        joined,
        inner.map("({})".format),
        inner.map("-{}".format),
    )


FORMULAS = st.tuples(
    st.recursive(ATOMS, calls, max_leaves=6), st.recursive(ATOMS, calls, max_leaves=6)
).map("{0[0]} ~ {0[1]} + (1 | g)".format)


@settings(max_examples=400, deadline=None)
@given(FORMULAS)
def test_whatever_formula_is_written_nothing_else_is_called(formula):
    reading = reading_of(formula)
    assert reading.events == []
    called = set(re.findall(r"([\w.]+)\(", formula))
    if reading.error is None:
        assert called <= set(KNOWN)


@settings(max_examples=400, deadline=None)
@given(st.text(st.sampled_from("xyg`.()|~+-*/:^%=<>[]{}!@$#&'\"\\;, 019abI"), max_size=30))
def test_any_text_is_read_or_refused_by_a_sentence(text):
    for formula in (text, f"y ~ {text} + (1 | g)"):
        assert reading_of(formula).events == []
