"""The version beside which nothing may become slower, measured in the same run.

Times of another day are no measure: on machines of one name the same version of statsmodels has
taken half as long again. ``python earlier.py FOLDER`` unpacks the package of that version there.
"""

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

# Before sparse crossed designs and exact derivatives.
COMMIT = "2593088"
# What was fast then, and is measured a second time with that version.
AGAIN = (
    "density 200 rows, 20 groups, one thread",
    "density 2000 rows, 100 groups, one thread",
    "posterior sleepstudy",
    "posterior thread_like",
    "posterior Penicillin",
    "posterior Pastes",
    "posterior crossed",
    "loo sleepstudy, row",
    "loo sleepstudy, level",
    "loo large, row",
    "loo large, level",
    "engine marginal",
    "engine conditional",
)
FIELDS = ("second", "seconds")


def seconds(result: Mapping[str, object]) -> float:
    """The time that a result is judged by.

    Examples
    --------
    >>> seconds({"first": 0.5, "second": 0.03}), seconds({"reduced": {"median": 1e-4}})
    (0.03, 0.0001)
    """
    if "reduced" in result:
        return result["reduced"]["median"]
    (name,) = (field for field in FIELDS if field in result)
    return result[name]


def unpack(folder: Path) -> None:
    """The package as it was, from the history of the repository.

    Raises
    ------
    SystemExit
        If the commit is not in the history that is at hand.
    """
    archive = subprocess.run(
        ("git", "archive", COMMIT, "lmmlib"),
        cwd=Path(__file__).parents[1],
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        raise SystemExit(f"commit {COMMIT} is not in this clone: git fetch --unshallow")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


if __name__ == "__main__":
    unpack(Path(sys.argv[1]))
    print(json.dumps({}))
