"""What the script that counts words takes for prose, and for folded."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def word_counts():
    """The script as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        import word_counts
    return word_counts


def _page(body):
    return f"<html><nav>not this</nav><article>{body}</article></html>"


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        ("<h1>A title</h1><p>Three more words.</p>", (5, 0)),
        ("<p>It is <span class='pasted-text'>0.27</span> nats, R-hat's.</p>", (4, 0)),
        ("<p>where <span class='math'>x_i y</span> is</p><div class='math'>a = b</div>", (2, 0)),
        ("<div class='cell_input'><div class='highlight'>import x</div></div><p>one</p>", (1, 0)),
        ("<div class='cell_output'><div class='output'>a table</div></div><p>one</p>", (1, 0)),
        ("<figure><figcaption>Two words</figcaption></figure>", (2, 0)),
        (
            "<div class='admonition dropdown'><p class='admonition-title'>Answer</p><p>It is</p>"
            "<details><summary>More</summary><p>three</p></details></div><p>one</p>",
            (1, 3),
        ),
    ],
)
def test_prose_is_told_from_code_and_folded_from_shown(word_counts, body, counts):
    assert word_counts.words_of_page(_page(body)) == counts


def test_a_page_without_an_article_is_refused(word_counts):
    with pytest.raises(ValueError, match="no article"):
        word_counts.words_of_page("<html><p>words</p></html>")


def test_back_matter_does_not_count(word_counts, tmp_path):
    (tmp_path / "chapters").mkdir()
    for name in ("intro", "chapters/fits", "chapters/api", "chapters/notation"):
        (tmp_path / f"{name}.html").write_text(_page("<p>word</p>"))
    assert [page.stem for page in word_counts.pages(tmp_path)] == ["intro", "fits"]
