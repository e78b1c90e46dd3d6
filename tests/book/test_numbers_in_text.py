"""The role ``pub`` and the table it quotes."""

import csv
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "intro.md", *sorted((ROOT / "chapters").glob("*.md"))]


@pytest.fixture(scope="module")
def role():
    """The module of the role."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "_ext")
        import numbers_in_text
    return numbers_in_text


@pytest.fixture(scope="module")
def published():
    """The table as texts, by key."""
    with (ROOT / "lmmlib/tables/published.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["key"] for row in rows}) == len(rows)
    assert all(row["what"] for row in rows)
    return {row["key"]: row["value"] for row in rows}


def _run(role, text):
    """Text of what the role puts on a page, and the messages of its errors."""
    messages = []

    class Inliner:
        reporter = SimpleNamespace(error=lambda message, line: messages.append(message))
        document = SimpleNamespace(
            settings=SimpleNamespace(
                env=SimpleNamespace(srcdir=ROOT, note_dependency=lambda name: None)
            )
        )

        @staticmethod
        def problematic(raw, text, message):
            return role.nodes.problematic(raw, text)

    nodes, _ = role.Published()("pub", f":pub:`{text}`", text, 1, Inliner)
    return nodes[0].astext(), messages


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A.sigma", "0.009063868"),
        ("A.sigma|.4f", "0.0091"),
        ("B.elpd", "\N{MINUS SIGN}124.8"),
        ("C.sigma|.2e", "8.30\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10\N{MINUS SIGN}5"),
        ("B.elpd_mcse", "NA"),
    ],
)
def test_a_figure_is_printed_as_published(role, text, shown):
    assert _run(role, text) == (shown, [])


@pytest.mark.parametrize("text", ["A.sigme", "A.sigma|.2q", "B.elpd_mcse|.1f x"])
def test_an_unknown_key_or_format_is_an_error(role, text):
    _, (message,) = _run(role, text)
    assert message.startswith(text)
    assert "the nearest keys of lmmlib/tables/published.csv are" in message


def test_every_key_that_a_page_quotes_is_in_the_table(published):
    texts = "\n".join(page.read_text("utf8") for page in PAGES)
    quoted = {key.split("|")[0].strip() for key in re.findall(r"\{pub\}`([^`]+)`", texts)}
    assert quoted
    assert quoted <= set(published)


def test_the_table_keeps_what_the_discussion_printed_together(published):
    """Deviance scale, counts of k, and an unknown Monte Carlo error that stays unknown."""
    number = {key: float(value) for key, value in published.items() if value != "NA"}
    for program in "AB":
        assert number[f"{program}.looic"] == -2 * number[f"{program}.elpd"]
    bins = ("good", "ok", "bad", "very_bad")
    assert sum(number[f"B.k_{name}"] for name in bins) == number["one.n"]
    assert all(number[f"B.n_eff_{name}"] < number["one.draws"] for name in bins)
    assert published["A.elpd_mcse"] == "0.1"
    assert published["B.elpd_mcse"] == "NA"
