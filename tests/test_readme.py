"""The README's program prints what stands below it."""

import contextlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parent.parent / "README.md"
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)")
RUNS = 12  # with other seeds, which tell how far a printed number may lie from another


@dataclass(frozen=True)
class Block:
    """A Python block of the README, and the output that stands below it."""

    code: str
    output: str


def first_block():
    text = README.read_text("utf8")
    found = re.search(r"```python\n(.*?)```\n.*?```text\n(.*?)```", text, re.DOTALL)
    return Block(found[1], found[2])


def printed(code, names):
    """What a block prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(code, names)
    return output.getvalue()


@dataclass(frozen=True)
class Printed:
    """The numbers of an output, and the unit of each one's last digit."""

    values: np.ndarray
    units: np.ndarray


def numbers(output):
    """The numbers of an output."""
    texts = NUMBER.findall(output)
    decimals = [len(text.partition(".")[2]) for text in texts]
    return Printed(np.array([float(text) for text in texts]), 10.0 ** -np.array(decimals))


def words(output):
    """The output without its numbers, and without the blanks that align them."""
    return NUMBER.sub("#", output).split()


def other_seed(code, run):
    """The same program with every seed moved."""
    return re.sub(r"rng=(\d+)", lambda seed: f"rng={int(seed[1]) + 100 * run}", code)


@pytest.fixture(scope="module")
def runs():
    """The numbers that the first block prints in other runs, (RUNS, numbers)."""
    code = first_block().code
    outputs = [printed(other_seed(code, run), {}) for run in range(1, RUNS + 1)]
    return np.array([numbers(output).values for output in outputs])


def test_the_numbers_are_those_of_a_run(runs):
    """Two runs differ by √2 standard errors of one.

    Five of them, and one unit of the last digit.
    """
    block = first_block()
    output = printed(block.code, {})
    assert words(output) == words(block.output)
    stated = numbers(block.output)
    tolerance = 5 * np.sqrt(2) * runs.std(0, ddof=1) + stated.units
    assert np.all(np.abs(numbers(output).values - stated.values) <= tolerance)
    assert np.all(np.abs(runs.mean(0) - stated.values) <= tolerance)
    assert len(stated.values) > 30


@pytest.mark.parametrize(("number", "wrong"), [(251.5, 255.5), (-862.0, -863.0)])
def test_a_wrong_number_would_be_seen(number, wrong, runs):
    """The tolerance is below four in the intercept, whose mean is known to 0.13, and below one
    in elpd.
    """
    stated = numbers(first_block().output)
    place = np.flatnonzero(stated.values == number)[0]
    tolerance = 5 * np.sqrt(2) * runs[:, place].std(ddof=1) + stated.units[place]
    assert tolerance < abs(wrong - number)


def test_the_fit_prints_as_shown():
    """REML estimates are right to far more digits than are printed: one unit of the last."""
    blocks = re.findall(
        r"```python\n(.*?)```\n.*?```text\n(.*?)```", README.read_text("utf8"), re.DOTALL
    )
    code, output = next(block for block in blocks if "estimate" in block[0])
    names = {}
    exec('import lmmlib as lmm\ntable = lmm.load_dataset("sleepstudy")', names)
    exec('data = lmm.from_formula("Reaction ~ Days + (Days | Subject)", table)', names)
    got = printed(code, names)
    assert words(got) == words(output)
    difference = np.abs(numbers(got).values - numbers(output).values)
    assert np.all(difference <= 1.01 * numbers(output).units)
