r"""Several responses at once, Y = XB + ZU + E, as independent univariate models.

The canonical transformation.

Rows of U have covariance G₀, rows of E have R₀: vec(Y) has covariance G₀⊗ZAZ' + R₀⊗W⁻¹. With R₀ =
LL' and L⁻¹G₀L⁻ᵀ = QDQ', each column of Y L⁻ᵀQ is a univariate model with residual variance 1 and
effects of variance D_k.

Limits: one term of one effect per level, all traits observed in every row, X, Z and W common to all
traits. A prior on B that is not flat does not decouple in general (one with Var vec(B) = R₀⊗S
does), and leaving out one cell of Y is not leaving out a row of the transformed problem: leave out
whole rows or levels. Meyer (1985), Biometrics 41(1), 153-165, estimates covariances this way;
Ducrocq & Chapuis (1997), Genet. Sel. Evol. 29(3), 205-224, take some limits away.
"""

from lmmlib.linalg import ConvergenceWarning
from lmmlib.multivariate.canonical import Canonical, canonical
from lmmlib.multivariate.data import MultivariateData
from lmmlib.multivariate.density import log_density
from lmmlib.multivariate.effects import blup, conditional_sd
from lmmlib.multivariate.fit import estimate
from lmmlib.multivariate.moments import conditional_moments, moments
from lmmlib.multivariate.params import MultivariateParams
from lmmlib.multivariate.result import MultivariateEstimate
from lmmlib.multivariate.simulation import MultivariateSimulated, simulate

__all__ = [
    "Canonical",
    "ConvergenceWarning",
    "MultivariateData",
    "MultivariateEstimate",
    "MultivariateParams",
    "MultivariateSimulated",
    "blup",
    "canonical",
    "conditional_moments",
    "conditional_sd",
    "estimate",
    "log_density",
    "moments",
    "simulate",
]
