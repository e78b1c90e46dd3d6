"""What every door asks of an option: numbers, choices and switches."""

from collections.abc import Iterable

import numpy as np


def whole_number(name: str, value: object, least: int, multiple_of: int = 1) -> int:
    """``value`` as an int: Python's or NumPy's, no bool and no float.

    Raises
    ------
    TypeError
        If it is no whole number.
    ValueError
        If it is below ``least``, or no multiple.

    Examples
    --------
    >>> whole_number("draws", np.int64(8), 4)
    8
    >>> whole_number("draws", 10.5, 4)
    Traceback (most recent call last):
        ...
    TypeError: draws must be a whole number, 4 at least, got 10.5
    """
    multiple = f"a multiple of {multiple_of} and " if multiple_of > 1 else ""
    expected = f"{name} must be a whole number, {multiple}{least} at least"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{expected}, got {in_brief(value)}")
    if value < least or value % multiple_of:
        raise ValueError(f"{expected}, got {value}")
    return int(value)


def fraction(name: str, value: object) -> float:
    """``value`` as a float between zero and one.

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is not between the two.
    """
    expected = f"{name} must be a number between 0 and 1"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{expected}, got {in_brief(value)}")
    if not 0 < value < 1:
        raise ValueError(f"{expected}, got {value:g}")
    return float(value)


def choice(name: str, value: object, options: Iterable[str]) -> str:
    """The option that ``value`` names, in upper or lower case.

    Returns
    -------
    str
        The option as it is spelled among the options.

    Raises
    ------
    ValueError
        If it is none of the options; the message names them.

    Examples
    --------
    >>> choice("method", "REML", ["reml", "ml"])
    'reml'
    >>> choice("method", "MLE", ["reml", "ml"])
    Traceback (most recent call last):
        ...
    ValueError: method must be one of reml, ml, got 'MLE'
    """
    known = tuple(options)
    if isinstance(value, str):
        by_lower_case = {option.lower(): option for option in known}
        option = value if value in known else by_lower_case.get(value.lower())
        if option is not None:
            return option
    raise ValueError(f"{name} must be one of {', '.join(known)}, got {in_brief(value)}")


def switch(name: str, value: object) -> bool:
    """``value`` as a bool.

    Raises
    ------
    TypeError
        If it is neither True nor False.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {in_brief(value)}")
    return bool(value)


def in_brief(value: object) -> str:
    """A value in an error: itself where it is short, and else its type.

    Examples
    --------
    >>> in_brief("a"), in_brief(np.zeros((30, 30)))
    ("'a'", 'ndarray')
    """
    is_short = value is None or isinstance(value, str | int | float | np.generic)
    return repr(value) if is_short else type(value).__name__
