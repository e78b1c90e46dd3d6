"""Simulated tables of many rows, each with its formula; needs NumPy and pandas alone.

``share`` makes a smaller table of the same make, to try a program on.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

FEWEST_LEVELS = 20
SLOPES = "y ~ x + (x | group)"
CROSSED = "y ~ x + (1 | a) + (1 | b)"
PUPILS = "y ~ x + (1 | pupil) + (1 | teacher) + (1 | school)"
RATINGS = "y ~ service + (1 | s) + (1 | d) + (1 | dept)"


@dataclass(frozen=True)
class Work:
    """One table with what is fitted to it.

    Attributes
    ----------
    formula : str
        In lme4's notation.
    method : str
        ``ml`` or ``reml``.
    make : callable
        Makes the table of a share of the size.
    """

    formula: str
    method: str
    make: Callable[[float], pd.DataFrame]


def slopes(groups: int, rows_per_group: int) -> pd.DataFrame:
    """Correlated intercepts and slopes of groups of equal size, rows in any order."""
    rng = np.random.default_rng(groups)
    codes = rng.permutation(np.repeat(np.arange(groups), rows_per_group))
    return _with_slopes(rng, codes, effects_of_groups(groups))


def effects_of_groups(groups: int) -> np.ndarray:
    """Intercepts and slopes of all groups: SDs 1 and 0.5, correlation 0.3."""
    rng = np.random.default_rng((groups, 1))
    return rng.multivariate_normal([0, 0], [[1, 0.15], [0.15, 0.25]], size=groups)


def _with_slopes(rng: np.random.Generator, codes: np.ndarray, u: np.ndarray) -> pd.DataFrame:
    x = rng.normal(size=len(codes))
    mean = 1 + 0.5 * x + u[codes, 0] + u[codes, 1] * x
    y = mean + rng.normal(size=len(codes))
    return pd.DataFrame({"y": y, "x": x, "group": factor("group", codes, len(u))})


def crossed(levels_a: int, levels_b: int, rows: int) -> pd.DataFrame:
    """Two factors crossed at random, every level present."""
    rng = np.random.default_rng((levels_a, levels_b))
    a = _random_codes(rng, levels_a, rows)
    b = _random_codes(rng, levels_b, rows)
    x = rng.normal(size=rows)
    u_a = rng.normal(size=levels_a)
    u_b = 0.5 * rng.normal(size=levels_b)
    y = 1 + 0.5 * x + u_a[a] + u_b[b] + rng.normal(size=rows)
    columns = {"y": y, "x": x, "a": factor("a", a, levels_a), "b": factor("b", b, levels_b)}
    return pd.DataFrame(columns)


def ratings(students: int, lecturers: int, departments: int, rows: int) -> pd.DataFrame:
    """Ratings of lecturers by students: the shape and the variances of lme4's InstEval.

    A lecturer has a department, and one lecture in five belongs to another.
    """
    rng = np.random.default_rng(rows)
    s = _random_codes(rng, students, rows)
    popularity = rng.gamma(1.5, size=lecturers)
    d = _random_codes(rng, lecturers, rows, popularity / popularity.sum())
    home = _random_codes(rng, departments, lecturers)
    elsewhere = rng.random(rows) < 0.2
    dept = np.where(elsewhere, rng.integers(departments, size=rows), home[d])
    service = rng.integers(2, size=rows).astype(float)
    y = 3.3 - 0.1 * service + rng.normal(scale=1.18, size=rows)
    for codes, levels, sd in ((s, students, 0.32), (d, lecturers, 0.51), (dept, departments, 0.08)):
        y = y + rng.normal(scale=sd, size=levels)[codes]
    return pd.DataFrame(
        {
            "y": y,
            "service": service,
            "s": factor("s", s, students),
            "d": factor("d", d, lecturers),
            "dept": factor("dept", dept, departments),
        }
    )


def pupils(
    schools: int, pupils_per_school: int, teachers_per_school: int, elsewhere: float = 0.0
) -> pd.DataFrame:
    """Pupils of schools, each tested under one to four of the school's teachers.

    Pupils and teachers are crossed within a school, and nested in it but for a share of tests
    elsewhere, which tie all schools together.
    """
    rng = np.random.default_rng((schools, pupils_per_school))
    tests = rng.integers(1, 5, size=schools * pupils_per_school)
    pupil = np.repeat(np.arange(len(tests)), tests)
    school = pupil // pupils_per_school
    if elsewhere:
        moved = rng.random(len(pupil)) < elsewhere
        school = np.where(moved, rng.integers(schools, size=len(pupil)), school)
    of_school = rng.integers(teachers_per_school, size=len(pupil))
    teacher = school * teachers_per_school + of_school
    x = rng.normal(size=len(pupil))
    y = 0.5 * x + rng.normal(size=len(pupil))
    columns = {"y": y, "x": x}
    for name, codes, sd in (
        ("pupil", pupil, 1.0),
        ("teacher", teacher, 0.4),
        ("school", school, 0.3),
    ):
        _, present = np.unique(codes, return_inverse=True)
        levels = present.max() + 1
        columns["y"] = columns["y"] + rng.normal(scale=sd, size=levels)[present]
        columns[name] = factor(name, present, levels)
    return pd.DataFrame(columns)


def _random_codes(
    rng: np.random.Generator, levels: int, rows: int, chances: np.ndarray | None = None
) -> np.ndarray:
    """Levels of the rows at random, each level at least once."""
    others = rng.choice(levels, size=rows - levels, p=chances)
    return rng.permutation(np.concatenate([np.arange(levels), others]))


def factor(name: str, codes: np.ndarray, levels: int) -> pd.Categorical:
    """A column of labels, as a categorical."""
    return pd.Categorical.from_codes(codes, [f"{name}{level}" for level in range(levels)])


def part(index: int, parts: int, groups: int, rows: int, order: str) -> pd.DataFrame:
    """One of many tables of one data set with slopes, groups numbered.

    ``by group``: the rows of a group lie in one part. ``any order``: they lie in all of them.
    """
    rng = np.random.default_rng((groups, rows, index))
    if order == "by group":
        of_part = np.arange(index * groups // parts, (index + 1) * groups // parts)
        codes = of_part[np.arange(rows) % len(of_part)]
    else:
        codes = rng.integers(groups, size=rows)
    table = _with_slopes(rng, codes, effects_of_groups(groups))
    return table.assign(group=codes.astype(np.int32))


def _slopes_work(groups: int, rows_per_group: int) -> Work:
    return Work(SLOPES, "reml", lambda share: slopes(scaled(groups, share), rows_per_group))


def _crossed_work(levels_a: int, levels_b: int, rows: int) -> Work:
    def make(share: float) -> pd.DataFrame:
        a = scaled(levels_a, share)
        b = scaled(levels_b, share)
        return crossed(a, b, max(round(rows * share), 4 * a))

    return Work(CROSSED, "ml", make)


def _pupils_work(
    schools: int, pupils_per_school: int, teachers_per_school: int, elsewhere: float = 0.0
) -> Work:
    def make(share: float) -> pd.DataFrame:
        return pupils(scaled(schools, share), pupils_per_school, teachers_per_school, elsewhere)

    return Work(PUPILS, "ml", make)


def _ratings_work(students: int, lecturers: int, departments: int, rows: int) -> Work:
    def make(share: float) -> pd.DataFrame:
        s = scaled(students, share)
        d = scaled(lecturers, share)
        return ratings(s, d, departments, max(round(rows * share), 10 * s))

    return Work(RATINGS, "ml", make)


def scaled(levels: int, share: float) -> int:
    """Share of a number of levels, and enough of them to fit a model."""
    return min(levels, max(FEWEST_LEVELS, round(levels * share)))


WORKS = {
    "slopes 1000": _slopes_work(1_000, 100),
    "slopes 10000": _slopes_work(10_000, 100),
    "slopes 100000": _slopes_work(100_000, 20),
    "crossed 2000 x 1000": _crossed_work(2_000, 1_000, 80_000),
    "crossed 6000 x 3500": _crossed_work(6_000, 3_500, 1_000_000),
    "pupils": _pupils_work(80, 134, 17),
    "pupils who move": _pupils_work(400, 60, 20, elsewhere=0.02),
    "ratings": _ratings_work(2_972, 1_128, 14, 73_421),
}
