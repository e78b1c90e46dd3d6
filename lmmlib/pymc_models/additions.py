"""What a user added to a model of ours, and what of the model it depends on."""

from collections.abc import Iterable
from dataclasses import dataclass

import pymc as pm
from pytensor.graph.basic import Variable
from pytensor.graph.traversal import ancestors

from lmmlib.draws import ADDED, ADDED_ON_U, ADDED_ON_Y
from lmmlib.pymc_models.parameters import Source, stochastic


@dataclass(frozen=True)
class Additions:
    """Names of what enters the density of a model and did not when it was made.

    Attributes
    ----------
    names : tuple of str
        All of it.
    on_u, on_y : tuple of str
        What of it depends on the effects, and on the response.
    """

    names: tuple[str, ...]
    on_u: tuple[str, ...]
    on_y: tuple[str, ...]

    @property
    def attributes(self) -> dict[str, str]:
        """What draws bear of it; they can be saved, so these are texts."""
        names_by_attribute = {ADDED: self.names, ADDED_ON_U: self.on_u, ADDED_ON_Y: self.on_y}
        return {key: ", ".join(names) for key, names in names_by_attribute.items() if names}

    def doubt(self, formulation: str) -> str | None:
        """What the draws cannot be used for, as a sentence.

        None where they can be used for everything.
        """
        if not self.names:
            return None
        if formulation == "marginal":
            names = ", ".join(self.names)
            reason = "so u given y is not known in closed form any more and is left out"
            return f"{names} was added to the marginal model, {reason}"
        if self.on_y:
            reason = "depends on y, so that no leave-one-out is made of these draws"
            return f"{', '.join(self.on_y)} was added to the {formulation} model and {reason}"
        if self.on_u:
            reason = "depends on u, so that loo takes route='conditional' alone"
            return f"{', '.join(self.on_u)} was added to the {formulation} model and {reason}"
        return None


def additions(model: pm.Model, source: Source) -> Additions:
    """What was added to a model since it was made.

    Raises
    ------
    ValueError
        If something that it was made of is not in it any more.
    """
    changed = [
        name
        for name, variable in source.variables.items()
        if model.named_vars.get(name) is not variable
    ]
    if changed:
        raise ValueError(
            f"{', '.join(changed)} of the model is not what it was made with; build the model "
            "anew with other data or priors, or sample this one with pymc.sample"
        )
    names = sorted(stochastic(model) - source.names)
    effects = _variables(model, ["u", *_names_of_effects(source)])
    response = _variables(model, ["y", "y_data"])
    ancestors_of = {name: set(ancestors(_graphs(model, name))) for name in names}
    return Additions(
        names=tuple(names),
        on_u=tuple(name for name in names if effects & ancestors_of[name]),
        on_y=tuple(name for name in names if response & ancestors_of[name]),
    )


def _graphs(model: pm.Model, name: str) -> list[Variable]:
    """An added variable, and the value at which its density is taken."""
    variable = model[name]
    value = model.rvs_to_values.get(variable)
    return [variable] if value is None else [variable, value]


def _variables(model: pm.Model, names: Iterable[str]) -> set[Variable]:
    """Those of the variables that the model has."""
    return {model.named_vars[name] for name in names if name in model.named_vars}


def _names_of_effects(source: Source) -> list[str]:
    """Names that a conditional model gives to effects: they themselves, or standard normals."""
    terms = source.data.design.terms
    owners = [term.name for term in terms]
    owners += [effect for term in terms for effect in term.effect_names]
    return [f"{owner} {kind}" for owner in owners for kind in ("v", "z")]
