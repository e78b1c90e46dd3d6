"""One promise of the speed, judged on what was measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

DIRECT = "second call in a process, median of five processes"


class NotMeasuredError(ValueError):
    """None of the measurements that a bar needs has a result."""


@dataclass(frozen=True)
class Bar:
    """One promise.

    Attributes
    ----------
    work, how : str
        What is measured, and by what.
    sense : str
        ``at most``, ``below`` or ``at least``.
    limit : float
        In ``unit``.
    unit : str
        ``s``, ``MiB``, ``times`` or nothing.
    steps : tuple of str
        Names of the measurements.
    value : callable
        From their results, in this order.
    """

    work: str
    how: str
    sense: str
    limit: float
    unit: str
    steps: tuple[str, ...]
    value: Callable[..., float]

    def judged(self, measured: Mapping[str, dict]) -> dict:
        """The bar with what was measured and whether it is met.

        None where a measurement failed: its reason stands beside it.
        """
        try:
            value = self.value(*(measured[name] for name in self.steps))
        except (KeyError, NotMeasuredError):
            shown = None
            met = None
        else:
            shown = float(f"{value:.6g}")
            met = {
                "at most": shown <= self.limit,
                "below": shown < self.limit,
                "at least": shown >= self.limit,
            }[self.sense]
        return {
            "work": self.work,
            "how": self.how,
            "measured": shown,
            "sense": self.sense,
            "limit": self.limit,
            "unit": self.unit,
            "met": met,
        }


def field(name: str) -> Callable[[dict], float]:
    """One field of one result."""
    return lambda result: result[name]


def quotient(name: str) -> Callable[[dict, dict], float]:
    """A field of the first result over that of the second."""
    return lambda result, other: result[name] / other[name]


def at_least_seconds(result: dict) -> float:
    """Seconds of a fit; of one that was stopped, those after which it was.

    A quotient with them understates how much faster the other one is.
    """
    return result["stopped"] if "stopped" in result else result["seconds"]
