"""What a design that was made by a formula asks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from lmmlib.model.design import Design
    from lmmlib.model.layout import Layout


class FormulaText(Protocol):
    """A formula as it was read."""

    @property
    def text(self) -> str:
        """The formula as the user wrote it."""


class RowBuilder(Protocol):
    """Makes rows from a table as a formula has it."""

    @property
    def parsed(self) -> FormulaText:
        """The formula."""

    @property
    def taken_from_data(self) -> str:
        """Fingerprint of what the formula took from its first table."""

    def fixed_mean(self, table: pd.DataFrame, beta: np.ndarray) -> pd.Series:
        """Offset + Xβ of the rows of a table, which need not have the grouping columns."""

    def design(self, table: pd.DataFrame, known: Layout | None = None) -> Design:
        """The rows of a table, with at least the levels of ``known``."""
