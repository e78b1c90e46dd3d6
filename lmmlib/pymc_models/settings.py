"""How NUTS is run."""

from dataclasses import dataclass, replace

from lmmlib.model.options import fraction, whole_number

SMALLER_STEPS = 5  # by which the share of proposals that are not accepted is divided


@dataclass(frozen=True)
class NutsSettings:
    """Numbers of iterations and chains, and the target acceptance.

    Attributes
    ----------
    draws : int
        Iterations kept in each chain.
    tune : int
        Iterations discarded in each chain.
    chains : int
        Number of chains.
    target_accept : float
        Target acceptance, between zero and one; NUTS adapts its step size to it.

    Raises
    ------
    TypeError
        If a setting is of another kind.
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> NutsSettings(1000, 500, 4, 0.95).longer(2).with_smaller_steps()
    NutsSettings(draws=2000, tune=1000, chains=4, target_accept=0.99)
    """

    draws: int
    tune: int
    chains: int
    target_accept: float

    def __post_init__(self) -> None:
        whole_number("draws", self.draws, 1)
        whole_number("tune", self.tune, 0)
        whole_number("chains", self.chains, 1)
        fraction("target_accept", self.target_accept)

    def longer(self, times: int) -> "NutsSettings":
        """The same with several times the draws, after twice the tuning."""
        return replace(self, draws=times * self.draws, tune=2 * self.tune)

    def with_smaller_steps(self) -> "NutsSettings":
        """The same with a target acceptance nearer to one."""
        return replace(self, target_accept=1 - (1 - self.target_accept) / SMALLER_STEPS)
