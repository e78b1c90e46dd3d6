"""What the comparison of the pages with and without Jupyter Book 1.x sees."""

from pathlib import Path

import pytest


@pytest.fixture
def way_out(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    import way_out

    return way_out


def written(file, body):
    file.write_text(f"<html><nav>not this</nav><article>{body}</article></html>", "utf8")
    return file


def test_pages_alike_differ_in_nothing(way_out, tmp_path):
    old = written(tmp_path / "a.html", "<p id='x'>One  formula\n(1) \\[ a \\]</p>")
    new = written(tmp_path / "b.html", "<div><p id='x'>One formula (1) \\[a\\]</p></div>")
    assert way_out.differences(old, new) == []


def test_words_anchors_and_pages_that_are_lost_are_named(way_out, tmp_path):
    old = written(tmp_path / "a.html", "<p id='x'>See figure one.</p>")
    new = written(tmp_path / "b.html", "<p>See one.</p>")
    assert way_out.differences(old, new) == [
        "1 anchors are lost, such as x",
        "1 words less, 0 more; first 'figure one.' is 'one.'",
    ]
    assert way_out.differences(old, tmp_path / "c.html") == ["is missing"]


def test_warnings_are_counted_by_kind(way_out):
    kinds = (" [mystnb.glue]", "", " [mystnb.glue]")
    messages = "\n".join(f"a.md:1: WARNING: no key{kind}" for kind in kinds)
    assert way_out.kinds_of_warnings(messages) == [
        "2 warnings [mystnb.glue]",
        "1 warnings [of no kind]",
    ]
