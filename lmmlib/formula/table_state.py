"""What a formula takes from its first table, and keeps for every other one."""

from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from lmmlib.formula.expression import Expression


@dataclass
class TableState:
    """What a formula took from its first table; complete once that table has been evaluated.

    Attributes
    ----------
    levels : dict
        Levels of each factor among the terms; None of a column that was numbers.
    transforms : dict
        Means, SDs and knots of each call of one of formulaic's transforms.
    """

    levels: dict[Expression, tuple[str, ...] | None] = field(default_factory=dict)
    transforms: dict[Expression, dict[str, object]] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of all of it."""
        levels = sorted((str(node), str(levels)) for node, levels in self.levels.items())
        transforms = sorted((str(node), repr(_plain(s))) for node, s in self.transforms.items())
        return sha256(repr((levels, transforms)).encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    """What a transform keeps, in Python's own types."""
    if isinstance(value, dict):
        return sorted((str(key), _plain(inner)) for key, inner in value.items())
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
