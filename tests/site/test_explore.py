"""The figure with controls.

Its formulas against the package, its controls by keyboard, its colours, and what stands in for it.
"""

import re

import numpy as np
import pytest
from visits import set_scheme

import lmmlib as lmm

PAGE = "chapters/explore.html"
SETTINGS = [(50, 10, np.sqrt(0.5)), (1, 2, 0.5), (7, 3, 3.0), (100, 40, 0.01), (5, 4, 0.0)]


@pytest.fixture
def explore(tab, served):
    set_scheme(tab, "light")
    tab.size(1280)
    tab.visit(served + PAGE)
    return tab


def expected(m: int, K: int, ratio: float) -> dict[str, float]:
    """The same quantities by the package, from data at their expectation.

    Half a nat a row is the mean of the square.
    """
    design = lmm.Design(
        np.ones((m * K, 1)), [lmm.Term.grouped("group", np.repeat(np.arange(K), m))]
    )
    params = lmm.Params([0.0], {"group": ratio**2}, 1.0)
    data = lmm.Data(np.zeros(m * K), design)
    given_u = lmm.loglik.conditional(data, params, np.zeros(K)) / (m * K)
    known, fresh = (
        lmm.held_out.rows(data, params)[0] - given_u,
        lmm.loglik.marginal(data, params) / (m * K) - given_u,
    )
    one = np.repeat([1.0] + [0.0] * (K - 1), m)
    mean = np.zeros(m * K)
    mean[:m] = 1 / m
    return {
        "offset": lmm.moments.mutual_information(design, params),
        "shrinkage": lmm.moments.effects(lmm.Data(one, design), params).mean[0],
        "known": known,
        "fresh": fresh,
        "gap": known - fresh,
        "total": m * K * (known - fresh),
        "sdConditional": np.sqrt(mean @ lmm.moments.residual_covariance(design, params) @ mean),
        "sdMarginal": np.sqrt(mean @ lmm.moments.marginal(design, params).cov @ mean),
    }


@pytest.mark.parametrize("setting", SETTINGS)
def test_script_computes_what_the_package_does(setting, explore):
    shown = explore.run("balanced({}, {}, {!r})".format(*map(float, setting)))
    for name, value in expected(*setting).items():
        assert shown[name] == pytest.approx(value, rel=1e-9, abs=1e-11), (
            name
        )  # abs: differences of sums of 4,000 rows


def test_arrow_keys_move_the_figure_and_its_numbers(explore):
    offset, drawn = (
        "document.getElementById('explore-offset').textContent",
        "document.getElementById('explore-densities').innerHTML",
    )
    before, picture = explore.run(offset), explore.run(drawn)
    explore.run("document.getElementById('explore-K').focus()")
    explore.press("ArrowRight", "ArrowRight", 39)
    explore.until("document.getElementById('explore-K').value === '11'")
    assert float(explore.run(offset)) == pytest.approx(float(before) * 11 / 10, abs=0.01)
    assert explore.run(drawn) != picture
    assert explore.run(offset) in explore.run(
        "document.querySelector('#explore-panel [aria-live]').textContent"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_stand_out_from_the_page(scheme, explore, served):
    set_scheme(explore, scheme)
    explore.visit(served + PAGE)
    ground = explore.run("getComputedStyle(document.body).backgroundColor")
    for name in ("conditional", "marginal", "gap"):
        assert (
            contrast(
                explore.run(
                    f"getComputedStyle(document.querySelector('.explore path.{name}')).stroke"
                ),
                ground,
            )
            > 3
        ), name


def contrast(*colours: str) -> float:
    """WCAG's contrast ratio of two opaque colours as browsers print them."""
    shares = [
        np.array([float(x) for x in re.findall(r"[\d.]+", colour)[:3]]) / 255 for colour in colours
    ]
    lit = [
        np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
        for s in shares
    ]
    return (max(lit) + 0.05) / (min(lit) + 0.05)


def test_nothing_moves_by_itself(explore):
    assert (
        explore.run(
            "document.getElementById('explore-panel').getAnimations({subtree: true}).length"
        )
        == 0
    )


SHOWN = (
    "['#explore-panel', '#fig-explore img'].map(s => document.querySelector(s).checkVisibility())"
)


def test_screen_shows_the_controls_and_print_the_picture(explore):
    assert explore.run(SHOWN) == [True, False]
    explore.send("Emulation.setEmulatedMedia", media="print")
    on_paper = explore.run(SHOWN)
    explore.send("Emulation.setEmulatedMedia", media="")
    assert on_paper == [False, True]


def test_picture_stands_in_where_scripts_are_off(explore, served):
    explore.send("Emulation.setScriptExecutionDisabled", value=True)
    explore.visit(served + PAGE)
    shown = explore.run(SHOWN)
    explore.send("Emulation.setScriptExecutionDisabled", value=False)
    assert shown == [False, True]


def test_no_other_page_loads_the_script(pages):
    assert [
        page.name for page, parsed in pages.items() if parsed.select("script[src*='explore.js']")
    ] == ["explore.html"]
