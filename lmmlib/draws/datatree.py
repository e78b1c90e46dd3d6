"""Draws as ArviZ keeps them: an xarray.DataTree with names of dimensions and labels of entries."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from lmmlib.model import Data, Design, Layout, Reduction

# SciPy asks once whether NumPy's arrays are JAX's. arviz_base lists JAX as a module to be loaded
# when it is asked for anything: asked from then on, it would take seconds of a first posterior.
logsumexp([0.0])
import arviz_base  # noqa: E402

DIMS = {"beta": ["coef"], "sd": ["effect"], "cor": ["effect_pair"], "u": ["ranef"], "y": ["row"]}
VARIABLES = ("beta", "sd", "cor", "sigma", "u")
FINGERPRINT = "lmmlib_design"
INDEX = ("term", "level", "covariate")  # of each entry of u

Arrays = Mapping[str, np.ndarray]


def coords(design: Design | Layout, effects: bool = True) -> dict[str, list[str] | np.ndarray]:
    """Labels of every dimension that draws of ``design`` have, those of u where it is drawn.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> coords(Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))["ranef"]
    ['g[a]: Intercept', 'g[b]: Intercept']
    """
    labels: dict[str, list[str] | np.ndarray] = {
        "coef": list(design.coef),
        "effect": list(design.effects),
        "effect_pair": list(design.pairs),
    }
    if effects:
        labels["ranef"] = design.ranef["ranef"]
    if isinstance(design, Design):
        labels["row"] = np.arange(design.n)
    return labels


def assemble(data: Data | Reduction, posterior: Arrays, stats: Arrays) -> xr.DataTree:
    """The tree of :func:`as_draws` from arrays that are known to fit.

    Parameters
    ----------
    data : Data or Reduction
        What the draws are of; the tree of a Reduction has no response.
    posterior : mapping of str to ndarray, shape (chains, draws, ...)
        Draws of the parameters and effects.
    stats : mapping of str to ndarray, shape (chains, draws, ...)
        Arrays of ``sample_stats``.

    Returns
    -------
    xarray.DataTree
        Draws in the one form.
    """
    groups: dict[str, Arrays] = {"posterior": posterior, "sample_stats": stats}
    if isinstance(data, Reduction):
        return tree_of(groups, data.layout)
    groups["observed_data"] = {"y": data.y}
    return tree_of(groups, data.design)


def tree_of(groups: Mapping[str, Arrays], design: Design | Layout) -> xr.DataTree:
    """ArviZ's tree of groups of arrays.

    Where u is among them, ``constant_data`` says of what each entry is. Its term, level and
    covariate are no coordinates of u: ArviZ's summaries want a coordinate in all variables or in
    none.

    Parameters
    ----------
    groups : mapping of str to mapping of str to ndarray
        Arrays of each group, by name; groups and arrays of size zero are left out.
    design : Design or Layout
        Design whose labels the entries get; its fingerprint is kept where it has rows.

    Returns
    -------
    xarray.DataTree
        The groups, with dimensions and labels.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> tree = tree_of({"posterior": {"u": np.zeros((1, 5, 2))}, "sample_stats": {}}, design)
    >>> list(tree.children), tree["constant_data"]["level"].to_numpy().tolist()
    (['posterior', 'constant_data'], ['a', 'b'])
    """
    # A model without fixed effects has draws without beta: ArviZ has no statistics of a variable of
    # size zero.
    filled: dict[str, dict[str, np.ndarray]] = {}
    for group, arrays in groups.items():
        sized = {name: array for name, array in arrays.items() if np.size(array)}
        if sized:
            filled[group] = sized
    has_effects = any("u" in arrays for arrays in filled.values())
    if has_effects:
        filled["constant_data"] = {name: np.array(design.ranef[name]) for name in INDEX}
    dims = DIMS | {name: ["ranef"] for name in INDEX}
    tree = arviz_base.from_dict(filled, coords=coords(design, has_effects), dims=dims)
    if isinstance(design, Design):
        tree.attrs[FINGERPRINT] = design.fingerprint
    return tree
