"""Exact Gaussian mixed-model algebra.

Conditional and marginal formulation, leave-one-out, predictive checks.

The public names stand in ``__init__.pyi`` and are loaded at first use, so that ``import lmmlib``
loads neither PyMC, JAX, Matplotlib nor ArviZ's statistics.
"""

import lazy_loader

__version__ = "1.0.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
