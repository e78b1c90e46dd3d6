"""Programs of the discussion that is answered here, rebuilt from its words and figures.

Its files are not available.
"""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.linalg import solve_triangular

from lmmlib.model import Data, Design, Priors
from lmmlib.pymc_models.machine_warnings import machine_warnings_ignored
from lmmlib.pymc_models.marginal import observe
from lmmlib.pymc_models.parameters import (
    ParameterTensors,
    declare_parameters,
    empty_model,
    product,
    record_source,
)


def random_scale_model(data: Data, priors: Priors, effects_on_variance: bool = False) -> pm.Model:
    r"""Program B read literally, a reconstruction.

    A random vector serves as the standard deviations of the rows.

    V = LL' = ZGZ' + vW⁻¹, z ~ N(0, I), s = Lz, and y_i ~ N(offset_i + x_i'β, s_i²) where every s_i
    is above zero; elsewhere the density is zero. The prior of σ is put on the *variance* v, as in
    :func:`variance_form_model`.

    Parameters
    ----------
    data : Data
        Response and design.
    priors : Priors
        The same object as for any other model.
    effects_on_variance : bool, default: False
        Whether the priors of the effects' SDs are put on variances too.

    Returns
    -------
    pymc.Model
        Model with ``beta``, ``sd``, ``cor``, ``variance``, ``sigma`` (its root), ``z``, ``scale``
        (n,), the SDs of the rows, and the observed ``y``.

    Raises
    ------
    ValueError
        If the priors do not fit the design, or fix an SD that would be a variance.

    Notes
    -----
    Not a mixed model: V is nowhere the covariance of y, and u does not occur. NUTS runs into the
    edge of the support and diverges, so that ``sample`` hands its draws back only with
    ``on_failure="return"``. ``pymc.compute_log_likelihood`` gives log p(y_i|z, θ), which is
    *conditional on z*. A gradient costs O(nK³). All chains start at one point, since hardly any z
    has all scales above zero.

    Examples
    --------
    >>> from lmmlib.model import ScalePrior, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> model = random_scale_model(
    ...     data, Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    ... )
    >>> [v.name for v in model.free_RVs], [v.name for v in model.potentials]
    (['beta', 'sd', 'variance', 'z'], ['scale above zero'])
    """
    design = data.design
    _refuse_fixed(priors, effects_too=effects_on_variance)
    with empty_model(data) as model:
        parameters = declare_parameters(
            design, priors, on_variance=True, effects_on_variance=effects_on_variance
        )
        B = _dense_root(design, parameters)
        d = pt.sqr(parameters.sigma) / design.weights
        z = pm.Normal("z", 0, 1, shape=design.n)
        scale = pm.Deterministic("scale", cholesky_times(B, d, z), dims="row")
        pm.Potential("scale above zero", pt.switch(pt.all(scale > 0), 0.0, -np.inf))
        _independent_rows(design, parameters, pt.abs(scale))
    V = pt.dot(B, B.T) + pt.diag(d)
    inside = _z_inside_the_support(model, V, data.y.std() or 1.0)
    return record_source(model, data, priors, "reconstructed", {"z": inside})


def working_independence_model(data: Data, priors: Priors) -> pm.Model:
    r"""The rival reading of program B.

    y_i ~ N(offset_i + x_i'β, V_ii), the correlations between rows dropped.

    V = ZGZ' + σ²W⁻¹, and nothing else is wrong: a row's own density is the right one.

    Parameters
    ----------
    data : Data
        Response and design.
    priors : Priors
        The same object as for any other model.

    Returns
    -------
    pymc.Model
        Model with ``beta``, ``sd``, ``cor``, ``sigma``, ``scale`` (n,), the SDs √V_ii, and the
        observed ``y``.

    Raises
    ------
    ValueError
        If the priors do not fit the design.

    See Also
    --------
    lmmlib.pymc_models.Refitter : Takes this function, for a control of calibration.

    Notes
    -----
    ``pymc.compute_log_likelihood`` gives log N(y_i; x_i'β, V_ii). Draws hold no u: given the wrong
    density of y it has no distribution that could be called its own.

    Examples
    --------
    >>> from lmmlib.model import ScalePrior, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> model = working_independence_model(
    ...     data, Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    ... )
    >>> [v.name for v in model.free_RVs]
    ['beta', 'sd', 'sigma']
    """
    design = data.design
    with empty_model(data) as model:
        parameters = declare_parameters(design, priors)
        variance = pt.sqr(parameters.sigma) / design.weights
        for term, chol in zip(design.terms, parameters.effect_chols, strict=True):
            cov = pt.dot(chol, chol.T)
            variance = variance + pt.sum(term.row_products * cov, axis=(1, 2))
        scale = pm.Deterministic("scale", pt.sqrt(variance), dims="row")
        _independent_rows(design, parameters, scale)
    return record_source(model, data, priors, "reconstructed")


def variance_form_model(data: Data, priors: Priors) -> pm.Model:
    r"""Program C with "R = σI", a reconstruction.

    y ~ N(offset + Xβ, ZGZ' + vW⁻¹), with the priors of σ and of the effects' SDs put on v and on
    the effects' variances: every scale of the program is taken for a variance.

    Parameters
    ----------
    data : Data
        Response and design.
    priors : Priors
        Its priors of SDs are taken for those of *variances*, in squared units.

    Returns
    -------
    pymc.Model
        Model with ``beta``, a ``variance`` for each effect, their roots ``sd``, ``cor``,
        ``variance`` of the residuals, ``sigma`` (its root) and the observed ``y``.

    Raises
    ------
    ValueError
        If the priors do not fit the design, or fix an SD at a value.

    Notes
    -----
    The marginal model with another prior: a density f of v is 2σ f(σ²) for σ. ``sample`` gives
    exact draws of u, and ``lmmlib.loo`` takes the draws as they are.

    Examples
    --------
    >>> from lmmlib.model import ScalePrior, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> model = variance_form_model(
    ...     data, Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    ... )
    >>> [v.name for v in model.free_RVs]
    ['beta', 'variance g: Intercept', 'variance']
    """
    _refuse_fixed(priors, effects_too=True)
    with empty_model(data) as model:
        parameters = declare_parameters(
            data.design, priors, on_variance=True, effects_on_variance=True
        )
        observe(data.design, parameters)
    return record_source(model, data, priors, "marginal")


def cholesky_times(
    B: pt.TensorVariable, d: pt.TensorVariable, z: pt.TensorVariable
) -> pt.TensorVariable:
    """Lz for LL' = BB' + diag(d), row by row.

    s_i = E[s_i|s_1 … s_{i−1}] + SD[s_i|s_1 … s_{i−1}] z_i. With M_i the covariance of K standard
    normals given the first i entries of s, L_ii² = d_i + b_i'M_{i−1} b_i and
    L_ij = b_i'M_{j−1} b_j / L_jj below.

    Parameters
    ----------
    B : pytensor.tensor.TensorVariable, shape (n, K)
        Rows b_i.
    d : pytensor.tensor.TensorVariable, shape (n,)
        Variances above zero.
    z : pytensor.tensor.TensorVariable, shape (n,)
        Any vector.

    Returns
    -------
    pytensor.tensor.TensorVariable, shape (n,)
        The product.

    Notes
    -----
    n inverses of order K take the place of a factor of order n, which is slow in JAX.
    """
    # Precision of the K normals given the rows before each: I + Σ_{j<i} b_j b_j' / d_j.
    contributions = B[:, :, None] * B[:, None, :] / d[:, None, None]
    precision_gained = pt.cumsum(contributions, axis=0) - contributions
    M = pt.as_tensor(pt.linalg.inv(precision_gained + pt.eye(B.shape[1])))

    # Diagonal of L, and the mean of each entry given those before it.
    M_b = (M @ B[:, :, None])[..., 0]
    diagonal = pt.sqrt(d + pt.sum(B * M_b, axis=1))
    steps = M_b * (z / diagonal)[:, None]
    means_before = pt.cumsum(steps, axis=0) - steps
    return diagonal * z + pt.sum(B * means_before, axis=1)


def _dense_root(design: Design, parameters: ParameterTensors) -> pt.TensorVariable:
    """ZG^½, (n, K), dense."""
    parts = []
    for term, (J, q), chol in zip(
        design.terms, design.shapes, parameters.effect_chols, strict=True
    ):
        Z = term.columns_of_independent_levels().toarray().reshape(design.n, J, q)
        parts.append(pt.dot(Z, chol).reshape((design.n, J * q)))
    return pt.concatenate(parts, axis=1)


def _z_inside_the_support(model: pm.Model, V: pt.TensorVariable, level: float) -> np.ndarray:
    """A z at which all scales are ``level`` at the other parameters' initial values.

    From elsewhere no chain could start.
    """
    with machine_warnings_ignored():
        covariance_at = model.compile_fn(
            model.replace_rvs_by_values([V]),
            inputs=model.value_vars,
            mode="FAST_COMPILE",
            on_unused_input="ignore",
        )
    (covariance,) = covariance_at(model.initial_point())
    chol = np.linalg.cholesky(covariance)
    return solve_triangular(chol, np.full(len(chol), level), lower=True)


def _independent_rows(
    design: Design, parameters: ParameterTensors, scale: pt.TensorVariable
) -> pt.TensorVariable:
    """The response with independent rows of their own SDs, in the model on the stack."""
    mean = design.offset + product(design.X, parameters.beta)
    y_data = pm.modelcontext(None)["y_data"]
    return pm.Normal("y", mean, scale, observed=y_data, dims="row")


def _refuse_fixed(priors: Priors, effects_too: bool) -> None:
    scale_priors = {"sigma": priors.sigma}
    if effects_too:
        scale_priors |= {f"sd of {name}": prior for name, prior in priors.sd.items()}
    for name, prior in scale_priors.items():
        if prior.family == "fixed":
            raise ValueError(
                f"{name} must have a prior, got it fixed at {prior.scale:g}: this form puts it "
                "on the variance, and an SD and a variance of one value are two models; use "
                "marginal_model"
            )
