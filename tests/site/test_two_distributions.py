"""The figure that moves on the first page: what it says against the package, and each control."""

import re

import numpy as np
import pytest
from scipy.stats import norm
from test_explore import contrast
from visits import set_scheme

import lmmlib as lmm

PAGE = "intro.html"
PANEL = "document.querySelector('.two-distributions')"
SETTINGS = [
    (1.2, 3),  # as it stands at first
    (0.0, 8),
    (2.0, 8),
    (1.0, 1),
    (1.0, 40),
    (0.7, 40),  # the ratio of experiment 2, rounded
    (0.1, 1),
    (0.1, 40),
    (2.0, 1),
    (1.0, 4),  # where the gap between the two kinds of leave-one-out is widest
]


@pytest.fixture
def figure(tab, served):
    set_scheme(tab, "light")
    tab.size(1280)
    tab.visit(served + PAGE)
    return tab


def move(tab, name: str, value: float) -> None:
    """Put a slider somewhere."""
    tab.run(
        f"(slider => {{ slider.value = {value}; slider.dispatchEvent(new Event('input')); }})"
        f"({PANEL}.querySelector('[name={name}]'))"
    )


def shown(tab) -> dict[str, str]:
    """Give the numbers below the figure."""
    places = f"[...{PANEL}.querySelectorAll('dd')]"
    return tab.run(f"Object.fromEntries({places}.map(e => [e.dataset.name, e.textContent]))")


def by_the_package(ratio: float, u: list[float], y: list[list[float]]) -> dict[str, float]:
    """Give the same numbers for the rows that the figure shows."""
    K, m = np.shape(y)
    groups = lmm.Term.grouped("group", np.repeat(np.arange(K), m))
    design = lmm.Design(np.ones((K * m, 1)), [groups])
    params = lmm.Params([0.0], {"group": ratio**2}, 1.0)
    data = lmm.Data(np.ravel(y), design)
    conditional = lmm.loglik.conditional(data, params, np.array(u))
    marginal = lmm.loglik.marginal(data, params)
    means = np.mean(y, axis=1)
    return {
        "shrinkage": lmm.moments.effects(data, params).mean[0] / means[0],
        "conditional": conditional,
        "marginal": marginal,
        "offset": conditional - marginal,
        "expected": lmm.moments.mutual_information(design, params),
        "rowLeftOut": lmm.held_out.rows(data, params).mean(),
        "groupLeftOut": marginal / (K * m),
    }


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_numbers_are_the_package_s(setting, figure):
    for name, value in zip(("ratio", "rows"), setting, strict=True):
        move(figure, name, value)
    state = figure.run(f"{PANEL}.state")
    assert np.shape(state["y"]) == (6, setting[1])
    expected = by_the_package(**state)
    computed = figure.run(
        f"twoDistributions({PANEL}.state.ratio ** 2, {PANEL}.state.u, {PANEL}.state.y)"
    )
    printed = shown(figure)
    for name, value in expected.items():
        # abs: a log density is a sum of 240 terms of size one.
        assert computed[name] == pytest.approx(value, rel=1e-9, abs=1e-11), name
        digits = len(printed[name].partition(".")[2])
        assert float(printed[name].replace("−", "-")) == pytest.approx(
            value, abs=0.51 * 10.0**-digits
        )
    effects = [computed["shrinkage"] * mean for mean in np.mean(state["y"], axis=1)]
    assert computed["estimates"] == pytest.approx(effects, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_curves_and_arrows_are_drawn_to_scale(setting, figure):
    """An axis from -8 to 8 in 192 units, and 55 units of width for a density of one."""
    for name, value in zip(("ratio", "rows"), setting, strict=True):
        move(figure, name, value)
    state = figure.run(f"{PANEL}.state")
    curves = [(norm(u, 1), "conditional") for u in state["u"]]
    curves.append((norm(0, np.hypot(1, state["ratio"])), "marginal"))
    for place, (density, kind) in enumerate(curves):
        x, y = path(figure, kind, place % 6)
        written = 0.006  # two decimals, in units of the picture
        assert np.abs(x - x.min() - 55 * density.pdf((112 - y) / 12)).max() < 4 * written
    expected = by_the_package(**state)
    for place, rows in enumerate(state["y"]):
        _, ends = path(figure, "arrow", place)
        start, end = (112 - ends[:2]) / 12
        assert start == pytest.approx(np.mean(rows), abs=1e-9)
        assert end == pytest.approx(expected["shrinkage"] * np.mean(rows), abs=1e-9)


def path(tab, kind: str, place: int) -> np.ndarray:
    """Give the points of a path, as far as they are absolute."""
    line = tab.run(f"{PANEL}.querySelectorAll('path.{kind}')[{place}].getAttribute('d')")
    pairs = re.findall(r"[ML](\S+?) ([-\d.e]+)", line)
    return np.array(pairs, dtype=float).T


@pytest.mark.parametrize(("name", "value"), [("ratio", "1.3"), ("rows", "4")])
def test_arrow_keys_move_sliders(name, value, figure):
    before = shown(figure)
    figure.run(f"{PANEL}.querySelector('[name={name}]').focus()")
    figure.press("ArrowRight", "ArrowRight", 39)
    figure.until(f"{PANEL}.querySelector('[name={name}]').value === '{value}'")
    after = shown(figure)
    assert after["expected"] != before["expected"]
    figure.until(f"{PANEL}.querySelector('[aria-live]').textContent.includes('{after['offset']}')")


@pytest.mark.parametrize(("name", "keeps_u"), [("new-u", False), ("new-rows", True)])
def test_enter_draws_anew(name, keeps_u, figure):
    before = figure.run(f"{PANEL}.state")
    figure.run(f"{PANEL}.querySelector('[name={name}]').focus()")
    figure.press("Enter", "Enter", 13, text="\r")
    figure.until(f"{PANEL}.querySelector('[aria-live]').textContent")
    after = figure.run(f"{PANEL}.state")
    assert (after["u"] == before["u"]) is keeps_u
    assert not set(np.ravel(after["y"])) & set(np.ravel(before["y"]))


def test_a_reader_who_wants_little_motion_gets_none(figure):
    moving = f"{PANEL}.querySelector('circle').getAnimations().length"
    figure.run(f"{PANEL}.querySelector('[name=new-rows]').click()")
    assert figure.run(moving) == 0
    figure.send(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-reduced-motion", "value": "no-preference"}],
    )
    figure.run(f"{PANEL}.querySelector('[name=new-rows]').click()")
    figure.until(moving)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_and_words_stand_out_from_the_page(scheme, figure, served):
    set_scheme(figure, scheme)
    figure.visit(served + PAGE)
    ground = figure.run("getComputedStyle(document.body).backgroundColor")
    for selector, least in (
        ("path.conditional", 3),
        ("path.marginal", 3),
        ("path.arrow", 3),
        ("text.conditional", 4.5),
        ("text.marginal", 4.5),
    ):
        style = f"getComputedStyle({PANEL}.querySelector('{selector}'))"
        colour = figure.run(f"{style}.{'stroke' if least == 3 else 'fill'}")
        assert contrast(colour, ground) > least, selector


def test_everything_can_be_read_on_a_narrow_phone(figure, served):
    figure.size(360)
    figure.visit(served + PAGE)
    box = "(e => [e.left, e.right])(%s.getBoundingClientRect())"
    left, right = figure.run(box % f"{PANEL}.querySelector('svg')")
    assert 0 <= left < right <= 360
    sizes = figure.run(
        f"[...{PANEL}.querySelectorAll('svg text')].map(e => e.getBoundingClientRect().height)"
    )
    assert min(sizes) > 11


PICTURE = f"document.querySelector('#' + {PANEL}.dataset.picture + ' img')"
SHOWN = f"[{PANEL}, {PICTURE}].map(e => e.checkVisibility() && e.clientHeight > 0)"


def test_screen_shows_the_figure_and_print_the_picture(figure):
    assert figure.run(SHOWN) == [True, False]
    figure.send("Emulation.setEmulatedMedia", media="print")
    on_paper = figure.run(SHOWN)
    figure.send("Emulation.setEmulatedMedia", media="")
    assert on_paper == [False, True]


def test_picture_stands_in_where_scripts_are_off(figure, served):
    figure.send("Emulation.setScriptExecutionDisabled", value=True)
    figure.visit(served + PAGE)
    seen = figure.run(SHOWN)
    figure.send("Emulation.setScriptExecutionDisabled", value=False)
    assert seen == [False, True]
