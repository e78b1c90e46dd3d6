"""What is left out at a time: a row, or all rows of a level."""

from dataclasses import dataclass

import numpy as np

from lmmlib.model import Data
from lmmlib.model.options import in_brief

ROW = "row"


@dataclass(frozen=True, eq=False)
class Units:
    """What is left out, one unit at a time.

    Attributes
    ----------
    leave : str
        ``row``, or the term whose levels are left out.
    of_rows : ndarray of int, shape (n,)
        Number of the unit with which each row is left out.
    labels : tuple of str
        Labels of the units; a level without rows is none.
    """

    leave: str
    of_rows: np.ndarray
    labels: tuple[str, ...]

    @property
    def are_rows(self) -> bool:
        """Whether each row is a unit."""
        return self.leave == ROW

    @property
    def plural(self) -> str:
        """What the units are called: ``rows``, ``levels of Subject``."""
        return "rows" if self.are_rows else f"levels of {self.leave}"

    @property
    def task(self) -> str:
        """What is predicted from what, in words."""
        if self.are_rows:
            return "row i from all other rows"
        return f"all rows of one {self.leave} from the rows of all others"

    @property
    def coords(self) -> dict[str, np.ndarray | list[str]]:
        """Coordinates of values by unit: numbers of rows, or labels of levels."""
        if self.are_rows:
            return {"row": np.arange(len(self.labels))}
        return {"level": list(self.labels)}


def units_of(data: Data, leave: str) -> Units:
    """The rows of the data, or the levels of a term that have rows.

    Raises
    ------
    ValueError
        If ``leave`` is neither ``row`` nor a grouped term, or a term is called ``row``.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> units_of(data, "g").of_rows.tolist(), units_of(data, "g").labels
    ([0, 1, 1], ('a', 'b'))
    """
    design = data.design
    terms = [t.name for t in design.terms]
    if ROW in terms:
        raise ValueError(
            "a term is named 'row', so that leave='row' has two meanings; give that column "
            "another name"
        )
    if not isinstance(leave, str) or leave not in (ROW, *terms):
        raise ValueError(
            f"leave must be 'row' or a term, {', '.join(terms)}; got {in_brief(leave)}"
        )
    if leave == ROW:
        numbers = np.arange(design.n)
        return Units(leave, numbers, tuple(str(i) for i in numbers))
    levels, units = np.unique(design.level_of_rows(leave), return_inverse=True)
    names = design.term(leave).levels
    return Units(leave, units, tuple(names[j] for j in levels))
