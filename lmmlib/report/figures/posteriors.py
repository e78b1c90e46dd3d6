"""Figures of posterior densities by both formulations."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, figure, figure_legend

WIDTHS = {"conditional": 4.5, "marginal": 1.8}  # so that one curve can be seen under the other
STYLES = {"conditional": "-", "marginal": "--"}


def posteriors_of_both_forms(
    panels: Mapping[str, tuple[np.ndarray, Mapping[str, np.ndarray]]],
) -> Figure:
    """Posterior densities of parameters, those of the marginal form over the conditional ones.

    Parameters
    ----------
    panels : mapping of str to tuple
        By parameter: its values (k,), and densities (k,) by ``conditional`` and ``marginal``.

    Examples
    --------
    >>> x = np.linspace(0, 1, 3)
    >>> densities = {"conditional": np.ones(3), "marginal": np.ones(3)}
    >>> len(posteriors_of_both_forms({"τ": (x, densities)}).axes[0].lines)
    2
    """
    with figure(1, len(panels), height=3.0) as (fig, axes):
        for ax, (parameter, (x, densities)) in zip(axes[0], panels.items(), strict=True):
            for form, density in densities.items():
                ax.plot(x, density, STYLES[form], color=COLORS[form], lw=WIDTHS[form], label=form)
            ax.set(xlabel=parameter, yticks=[], ylim=(0, None))
            ax.grid(visible=False, axis="y")
        axes[0, 0].set_ylabel("posterior density")
        figure_legend(fig, axes[0, 0], columns=2)
    return fig
