"""The door for input: terms, designs, parameters and priors, each checked, copied and frozen where it is made."""

from lmmlib.design.checks import frozen_array
from lmmlib.design.design import Design
from lmmlib.design.layout import Layout
from lmmlib.design.params import Params, Theta
from lmmlib.design.priors import Priors
from lmmlib.design.rng import RNGLike, checked_rng
from lmmlib.design.scale_prior import ScalePrior
from lmmlib.design.term import Term

__all__ = ["Design", "Layout", "Params", "Priors", "RNGLike", "ScalePrior", "Term", "Theta", "checked_rng", "frozen_array"]
