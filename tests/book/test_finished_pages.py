"""What generators write and a screen reader stumbles over is mended.

The rest of a page stays as it is.
"""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def mend(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    return importlib.import_module("finished_pages").mend


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ('<th class="head"></th><th>a</th>', '<td class="head"></td><th>a</th>'),
        ('<div role="list" class="citation-list">', '<div class="citation-list">'),
        (
            '<div class="citation" id="id3" role="doc-biblioentry">',
            '<div class="citation" id="id3">',
        ),
        (
            '<span class="math n">\\(u\\)</span>), <b>',
            '<span class="unbroken"><span class="math n">\\(u\\)</span>),</span> <b>',
        ),
        (
            '<div class="pst-scrollable-table-container">',
            '<div class="pst-scrollable-table-container" tabindex="0">',
        ),
        (
            "<script "
            'src="../_static/vendor/fontawesome/6.5.2/js/all.min.js?digest=d"></script>\n<p>',
            "<p>",
        ),
        (
            '<link rel="preload" as="font" type="font/woff2" crossorigin href="a.woff2" />\n<p>',
            "<p>",
        ),
    ],
)
def test_markup_is_mended(written, mended, mend):
    assert mend(written) == mended


@pytest.mark.parametrize(
    "sound",
    [
        '<thead><tr><th>a</th></tr></thead><ul role="list">',
        '<script src="../explore.js" defer></script>',
    ],
)
def test_sound_markup_stays(sound, mend):
    assert mend(sound) == sound
