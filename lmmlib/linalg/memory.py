"""Refusal of work that would not fit into memory, before anything is allocated."""

import os

BYTES = 8  # of a number
SHARE = 0.9  # of the machine's memory that one array may ask for


def check_memory(numbers: int, what: str) -> None:
    """Raise where so many numbers are more than the machine has room for.

    Parameters
    ----------
    numbers : int
        How many will be held at once.
    what : str
        What asks for them, as the message names it.

    Raises
    ------
    MemoryError
        If they would take more than nine tenths of the machine's memory.

    Examples
    --------
    >>> check_memory(10**15, "a separator of 31622776 columns")
    ... # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    MemoryError: a separator of 31622776 columns takes 7450580.6 GiB, and this machine has ...
    """
    needed = BYTES * numbers
    available = _physical_memory()
    if available is not None and needed > SHARE * available:
        raise MemoryError(
            f"{what} takes {needed / 2**30:.1f} GiB, and this machine has {available / 2**30:.1f} "
            "GiB; drop the smaller of two crossed terms, merge its levels, or fit a part of the "
            "rows"
        )


def _physical_memory() -> int | None:
    """Bytes of memory; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None
