"""Times of an earlier run, beside which nothing may become slower.

``python earlier.py`` writes earlier.json from RESULTS.json, before a run that replaces it.
"""

import json
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
OURS = ("posterior ", "loo ", "engine ", "density ", "ML ")
FIELDS = ("second", "seconds", "median")  # in this order: the figure that a result is judged by


def seconds(result: Mapping[str, object]) -> float | None:
    """The time that a result is judged by; None if it has none.

    Examples
    --------
    >>> seconds({"first": 0.5, "second": 0.03}), seconds({"reduced": {"median": 1e-4}})
    (0.03, 0.0001)
    """
    if "reduced" in result:
        return result["reduced"]["median"]
    return next((result[name] for name in FIELDS if name in result), None)


def of_run(results: Mapping[str, object]) -> dict[str, object]:
    """Date, processor and our times of a run."""
    times = {
        name: seconds(result)
        for name, result in results["measured"].items()
        if _is_ours(name) and seconds(result) is not None
    }
    processor = results["machine"]["processor"]
    return {"date": results["date"], "processor": processor, "seconds": times}


def _is_ours(name: str) -> bool:
    """Whether a measurement is of lmmlib alone."""
    if name.startswith("ML "):
        return name.endswith(", lmmlib")
    return name.startswith(OURS) and not name.endswith(", arviz")


def stored() -> dict[str, object]:
    """The earlier run."""
    return json.loads((HERE / "earlier.json").read_text("utf8"))


if __name__ == "__main__":
    run = of_run(json.loads((HERE / "RESULTS.json").read_text("utf8")))
    (HERE / "earlier.json").write_text(json.dumps(run, indent=1) + "\n", "utf8")
