"""The sections of RESULTS.md on growth, and on a fit that is too large to be measured."""

from collections.abc import Mapping

from cost_model import FILMS, Films, Prediction, prediction
from formatting import seconds, table
from growth import AXES, CURVES, Curve, curves, exponent


def growth(measured: Mapping[str, dict]) -> str:
    """Exponents and the points they are fitted to; nothing if no curve has two points."""
    found = curves(measured)
    if not found:
        return ""
    exponents = table(
        ("growing", "from", "to", *CURVES.values()),
        [_exponents(axis, curve) for axis, curve in found.items()],
    )
    points = table(
        ("growing", "size", *CURVES.values(), "peak"),
        [row for axis, curve in found.items() for row in _points(axis, curve)],
    )
    note = (
        "One process a point. Exponents: least squares of logarithms of seconds on those of "
        "sizes. A search is by ML; an evaluation in it has whatever derivatives it takes."
    )
    figure = "![Seconds against size on logarithmic scales, a panel an axis](growth.svg)"
    return f"{note}\n\n{exponents}\n\n{figure}\n\n{points}"


def _exponents(axis: str, curve: Curve) -> tuple[str, ...]:
    powers = (f"{exponent(curve.sizes, curve.seconds[key]):z.2f}" for key in CURVES)
    return (AXES[axis], f"{curve.sizes[0]:,.0f}", f"{curve.sizes[-1]:,.0f}", *powers)


def _points(axis: str, curve: Curve) -> list[tuple[str, ...]]:
    return [
        (
            AXES[axis],
            f"{size:,.0f}",
            *(seconds(curve.seconds[key][index]) for key in CURVES),
            f"{curve.peak_mib[index]:.0f} MiB",
        )
        for index, size in enumerate(curve.sizes)
    ]


def films(measured: Mapping[str, dict]) -> str:
    """The prediction of the fits to 27 million ratings, with what it rests on; or nothing."""
    predicted = prediction(measured)
    if predicted is None:
        return ""
    model = predicted.model
    basis = (
        "A prediction; nothing of this size was run. "
        f"An evaluation is taken to cost {model.coupled:.2g} s a coupled pair of levels, "
        f"{model.pairs:.2g} s a product of two of them and {model.separator_cubed:.2g} s times "
        "the cube of the smaller factor's levels: not negative, least squares of relative errors "
        f"of {predicted.points} points of the growth curves above, of which the worst is "
        f"{predicted.worst_error:+.0%} off. On the fit of 6,000 × 3,500 levels, which it has not "
        f"seen, it is {predicted.unseen_error:+.0%} off. Evaluations "
        f"({predicted.evaluations:.0f}) and seconds a row of formula and reduction "
        f"({predicted.reducing:.2g}) are those of that fit. Spread: SD of the ratings of a viewer "
        "in units of their mean, which is assumed. Memory is that of the separator alone, and of "
        "the coupled pairs, 12 bytes each; where it exceeds the machine's there is no fit. "
        "MixedModels.jl is published with 24 minutes to 2 hours for these sizes, on another "
        "machine."
    )
    head = ("ratings", "viewers × films", "spread", "an evaluation", "fit", "memory at least")
    return f"{basis}\n\n" + table(head, [_film_row(predicted, case) for case in FILMS])


def _film_row(predicted: Prediction, case: Films) -> tuple[str, ...]:
    return (
        f"{case.ratings:,.0f}",
        f"{case.viewers:,.0f} × {case.films:,}",
        f"{case.spread:g}",
        seconds(predicted.evaluation(case)),
        seconds(predicted.fit(case)),
        f"{case.bytes / 2**30:.1f} GiB",
    )
