"""One of several tables: where it comes from, how messages name it, and how it is read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import pandas as pd

# What marks a dataset or its fragment, a table and a batch, of pyarrow's and of those that speak
# Arrow's interface for data frames.
OF_ARROW = ("to_table", "__arrow_c_stream__", "__arrow_c_array__")


@dataclass(frozen=True, eq=False)
class TablePart:
    """One of several tables.

    Attributes
    ----------
    number : int
        Its place among them, from 1.
    source : pandas.DataFrame, path of a Parquet file, or a table or fragment of pyarrow's
        Where its rows are.

    Examples
    --------
    >>> TablePart(2, "rows/b.parquet").name
    "table 2 ('rows/b.parquet')"
    """

    number: int
    source: Any

    @property
    def is_file(self) -> bool:
        """Whether the rows are still to be read from a file."""
        return isinstance(self.source, str | os.PathLike)

    @property
    def is_readable(self) -> bool:
        """Whether the source is of a kind that is read."""
        is_table = isinstance(self.source, pd.DataFrame)
        return self.is_file or is_table or any(hasattr(self.source, name) for name in OF_ARROW)

    @property
    def name(self) -> str:
        """How messages name it: by its number and, where there is one, its file."""
        path = self.source if self.is_file else None
        if hasattr(self.source, "to_table"):  # a fragment, which has a path, or a dataset
            path = getattr(self.source, "path", None)
        return f"table {self.number}" if path is None else f"table {self.number} ({str(path)!r})"

    def read(self, wanted: Iterable[str]) -> pd.DataFrame:
        """The table; of what pandas does not hold yet, the columns wanted alone.

        Parameters
        ----------
        wanted : iterable of str
            Names of columns; where one is missing all columns are read, so that a message can name
            them.

        Returns
        -------
        pandas.DataFrame
            Table with a row an observation.

        Raises
        ------
        TypeError
            If it is no table at all.
        ValueError
            If there is no such file, or it is no Parquet file.
        ImportError
            If it takes pyarrow, and that is not installed.
        """
        source = self.source
        if not self.is_readable:
            raise TypeError(
                "a table must be a pandas DataFrame, the path of a Parquet file, or a table, batch "
                f"or fragment of pyarrow's, got {type(source).__name__}; make one with "
                "pandas.DataFrame(...)"
            )
        if isinstance(source, pd.DataFrame):
            return source
        if self.is_file:
            return _read_parquet(os.fspath(source), wanted)
        if hasattr(source, "to_table"):  # a fragment of a dataset, or a dataset
            schema = source.physical_schema if hasattr(source, "path") else source.schema
            columns = _columns_to_read(schema.names, wanted)
            return source.to_table(columns=columns).to_pandas(ignore_metadata=True)
        table = _pyarrow("pyarrow").table(source)
        columns = _columns_to_read(table.column_names, wanted)
        return table.select(columns).to_pandas(ignore_metadata=True)


def _read_parquet(path: str, wanted: Iterable[str]) -> pd.DataFrame:
    pyarrow = _pyarrow("pyarrow")
    try:
        with _pyarrow("pyarrow.parquet").ParquetFile(path) as file:
            columns = _columns_to_read(file.schema_arrow.names, wanted)
            # the index that pandas may have stored is no part of the table: a column is a column
            return file.read(columns=columns).to_pandas(ignore_metadata=True)
    except FileNotFoundError:
        raise ValueError("there is no such file") from None
    except pyarrow.ArrowInvalid as error:
        raise ValueError(
            f"pyarrow cannot read it as a Parquet file ({error}); read other files by pandas, and "
            "give the tables"
        ) from error


def _columns_to_read(names: Sequence[str], wanted: Iterable[str]) -> list[str]:
    """The columns wanted, in the order of the table, or all where one is not there."""
    chosen = set(wanted)
    return [name for name in names if name in chosen or not chosen <= set(names)]


def _pyarrow(module: str) -> ModuleType:
    """A module of pyarrow's, which is no dependency.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            "Parquet files and tables of Arrow need pyarrow, which is not installed: pip install "
            "pyarrow"
        ) from error
