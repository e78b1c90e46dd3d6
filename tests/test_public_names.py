"""Public names: all are found, and so is every class that something public hands out or raises."""

import importlib
import inspect
import pkgutil
import typing
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import lmmlib

ROOMS = {path.stem for path in Path(lmmlib.__file__).parent.iterdir() if path.stem[0] != "_"}


def _public_names(module):
    """What a module offers: the names of ``__all__``, or those that it defines itself."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [n for n, v in vars(module).items() if _is_defined_in(v, module.__name__)]
    return {name: getattr(module, name) for name in names if name[0] != "_"}


def _is_defined_in(value, name):
    return isinstance(value, type | FunctionType) and value.__module__ == name


def _public_modules():
    """The package, and those of its modules that it offers by name."""
    offered = [getattr(lmmlib, name) for name in lmmlib.__all__]
    return [lmmlib, *(value for value in offered if isinstance(value, ModuleType))]


def _public_values():
    return {id(v): v for module in _public_modules() for v in _public_names(module).values()}


PUBLIC = _public_values()


def _functions():
    """Public functions, and the public methods of public classes of ours."""
    for value in PUBLIC.values():
        if isinstance(inspect.unwrap(value), FunctionType):
            yield inspect.unwrap(value)
        elif isinstance(value, type) and value.__module__.startswith("lmmlib"):
            for name, member in vars(value).items():
                function = getattr(member, "__func__", member)  # of a class method
                if name[0] != "_" and isinstance(function, FunctionType):
                    yield function


def _classes(annotation):
    """Classes of ours that an annotation names, inside of containers and unions too."""
    if isinstance(annotation, type) and annotation.__module__.startswith("lmmlib"):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _classes(argument)


def _returned_classes():
    """What public functions return, by the name of one that does."""
    returned = {}
    for function in _functions():
        annotation = function.__annotations__.get("return")
        if isinstance(annotation, str):
            module = importlib.import_module(function.__module__)
            annotation = _evaluated(annotation, module)
        for returned_class in _classes(annotation):
            returned[returned_class] = function.__qualname__
    return returned


def _evaluated(annotation, module):
    """An annotation in quotation marks; None where it names what is imported for checkers only."""
    try:
        return eval(annotation, vars(module))
    except NameError:
        return None


def test_every_public_name_is_found():
    for name in lmmlib.__all__:
        assert getattr(lmmlib, name) is not None
        assert name in dir(lmmlib)
    with pytest.raises(AttributeError, match="lmer"):
        lmmlib.lmer  # noqa: B018
    functions = {name for name in lmmlib.__all__ if callable(getattr(lmmlib, name))}
    assert not functions & ROOMS  # a function named like a module breaks at the second call


def test_every_room_is_offered():
    assert ROOMS - {"py", "tables"} <= set(dir(lmmlib))


def test_every_class_that_is_returned_can_be_imported():
    returned = _returned_classes()
    assert {lmmlib.Data, lmmlib.Estimate, lmmlib.Simulated, lmmlib.Theta} <= set(returned)
    hidden = {c.__qualname__: by for c, by in returned.items() if id(c) not in PUBLIC}
    assert hidden == {}


def test_results_of_top_level_functions_stand_at_the_top():
    top = {id(getattr(lmmlib, name)) for name in lmmlib.__all__}
    functions = [f for f in _functions() if id(f) in top]
    assert functions
    for function in functions:
        for returned_class in _classes(function.__annotations__.get("return")):
            message = f"{function.__name__} returns {returned_class.__name__}"
            assert id(returned_class) in top, message


def test_every_error_and_warning_can_be_imported():
    modules = pkgutil.walk_packages(lmmlib.__path__, "lmmlib.")
    raised = {}
    for info in modules:
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Exception):
                raised[value] = info.name
    ours = {c: where for c, where in raised.items() if c.__module__.startswith("lmmlib")}
    assert len(ours) >= 5
    assert {c.__name__: where for c, where in ours.items() if id(c) not in PUBLIC} == {}


DRAWING = [
    f for f in _functions() if {"rng", "random_seed", "seed"} & set(inspect.signature(f).parameters)
]


@pytest.mark.parametrize("function", DRAWING, ids=lambda f: f"{f.__module__}.{f.__qualname__}")
def test_what_draws_takes_rng_by_name_and_none_is_a_value(function):
    """SPEC 7; ``sample`` alone keeps PyMC's own word."""
    parameters = inspect.signature(function).parameters
    name = "random_seed" if function.__module__.startswith("lmmlib.pymc_models") else "rng"
    assert name in parameters
    assert parameters[name].kind in (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )
    assert parameters[name].default is None
