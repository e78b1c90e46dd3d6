"""The README's program prints what stands below it."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parent.parent / "README.md"
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)")
RUNS = 12  # with other seeds, which tell how far a printed number may lie from another


def blocks():
    """Each Python block of the README with the output that stands below it."""
    text = README.read_text("utf8")
    return re.findall(r"```python\n(.*?)```\n.*?```text\n(.*?)```", text, re.DOTALL)


def printed(code, names):
    """What a block prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(code, names)
    return output.getvalue()


def numbers(output):
    """The numbers of an output, and the unit of each one's last digit."""
    texts = NUMBER.findall(output)
    return np.array([float(t) for t in texts]), np.array(
        [10.0 ** -len(t.partition(".")[2]) for t in texts]
    )


def words(output):
    """The output without its numbers, and without the blanks that align them."""
    return NUMBER.sub("#", output).split()


def other_seed(code, run):
    """The same program with every seed moved."""
    return re.sub(r"rng=(\d+)", lambda seed: f"rng={int(seed[1]) + 100 * run}", code)


@pytest.fixture(scope="module")
def spread():
    """SD over RUNS other runs of each number that the first block prints, and their means."""
    code, _ = blocks()[0]
    runs = np.array([numbers(printed(other_seed(code, run), {}))[0] for run in range(1, RUNS + 1)])
    return runs.std(0, ddof=1), runs.mean(0)


def test_the_numbers_are_those_of_a_run(spread):
    """Two runs differ by √2 standard errors of one.

    Five of them, and one unit of the last digit.
    """
    code, expected = blocks()[0]
    output = printed(code, {})
    assert words(output) == words(expected)
    stated, unit = numbers(expected)
    tolerance = 5 * np.sqrt(2) * spread[0] + unit
    assert np.all(np.abs(numbers(output)[0] - stated) <= tolerance)
    assert np.all(np.abs(spread[1] - stated) <= tolerance)
    assert len(stated) > 30


@pytest.mark.parametrize(("number", "wrong"), [(251.5, 255.5), (-862.0, -863.0)])
def test_a_wrong_number_would_be_seen(number, wrong, spread):
    """The tolerance is below four in the intercept, whose mean is known to 0.13, and below one
    in elpd.
    """
    stated, unit = numbers(blocks()[0][1])
    place = np.flatnonzero(stated == number)[0]
    assert 5 * np.sqrt(2) * spread[0][place] + unit[place] < abs(wrong - number)
