"""A table as a folder of columns, one binary file each, that Python and R read alike.

No digit is lost, and no parser's memory counts in what a fit takes.
"""

from pathlib import Path

import numpy as np
import pandas as pd

# By R's names of what readBin reads.
FORMATS = {"double": np.dtype("<f8"), "integer": np.dtype("<i4")}


def write(folder: Path, table: pd.DataFrame) -> None:
    """Numbers as doubles, factors as codes from zero."""
    folder.mkdir(parents=True)
    for name, column in table.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            kind = "integer"
            values = column.cat.codes
        else:
            kind = "double"
            values = column
        values.to_numpy(FORMATS[kind]).tofile(folder / f"{name}.{kind}")


def read(folder: Path) -> pd.DataFrame:
    """The table: doubles, and categoricals whose labels are the column's name and the code."""
    columns = {}
    for path in sorted(folder.iterdir()):
        values = np.fromfile(path, FORMATS[path.suffix.removeprefix(".")])
        if path.suffix == ".integer":
            labels = [f"{path.stem}{level}" for level in range(values.max() + 1)]
            values = pd.Categorical.from_codes(values, labels)
        columns[path.stem] = values
    return pd.DataFrame(columns)
