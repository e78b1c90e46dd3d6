"""Each scanner finds what it is for, and leaves a sound page alone."""

from pathlib import Path

import pytest
import scanners
from scanners import parse

SOUND = """
<html><head><title>Two means</title>
<link rel="stylesheet" href="_static/report.css"><script src="_static/mathjax/tex-chtml-full.js"></script>
<style>p { background: url(data:image/png;base64,AA==) }</style></head>
<body><nav><a href="#top">Two means</a></nav>
<article><h1 id="top">Two means</h1>
<p>By <span class="math">\\(\\frac12\\)</span> and <code>{glue:text}`x` $HOME</code>, see <a href="https://example.org/">there</a>.</p>
<img src="a.png" alt="Both means against u">
<div class="cell_output"><pre>0.25</pre></div></article></body></html>
"""  # noqa: E501

BAD = [
    (scanners.foreign_resources, '<script src="https://cdn.example/x.js"></script>'),
    (scanners.foreign_resources, '<link rel="stylesheet" href="//fonts.example/css">'),
    (
        scanners.foreign_resources,
        '<link rel="preload" as="font" href="https://fonts.example/a.woff2">',
    ),
    (scanners.foreign_resources, '<img alt="a" src="http://example.org/a.png">'),
    (scanners.foreign_resources, '<img alt="a" src="a.png" srcset="https://example.org/b.png 2x">'),
    (scanners.foreign_resources, '<style>@import "https://example.org/a.css";</style>'),
    (scanners.foreign_resources, '<p style="background: url(https://example.org/a.png)">a</p>'),
    (scanners.foreign_resources, '<script>require(["https://cdn.example/x.js"])</script>'),
    (scanners.poor_alt, '<img src="a.png">'),
    (scanners.poor_alt, '<img src="a.png" alt=" ">'),
    (scanners.poor_alt, '<img src="a.png" alt="_images/3f2a.png">'),
    (scanners.raw_tex, "<p>$$ x $$</p>"),
    (scanners.raw_tex, "<p>so $x$ is</p>"),
    (scanners.raw_tex, "<p>\\begin{align} x \\end{align}</p>"),
    (scanners.raw_tex, "<p>a half, \\frac12</p>"),
    (scanners.raw_tex, "<title>The mean \\(x\\)</title>"),
    (scanners.raw_tex, '<nav><a><span class="math">\\(x\\)</span></a></nav>'),
    (scanners.raw_markup, "<p>of {pub}`A.sigma`</p>"),
    (scanners.raw_markup, "<p>of {glue:text} the gap</p>"),
    (scanners.raw_markup, "<p>:::{note} a</p>"),
    (scanners.bad_outputs, '<div class="cell_output"><pre>np.float64(0.25)</pre></div>'),
    (
        scanners.bad_outputs,
        '<div class="cell_output"><pre>Traceback (most recent call last)</pre></div>',
    ),
    (scanners.bad_outputs, '<div class="cell_output"><pre>UserWarning: doubtful</pre></div>'),
    (scanners.bad_outputs, '<div class="cell_output"><pre>&lt;Axes object at 0x7f&gt;</pre></div>'),
    (
        scanners.bad_outputs,
        '<div class="cell_output"><div class="output stderr"><pre>hm</pre></div></div>',
    ),
    (scanners.poor_structure, "<h1>a</h1>"),
    (scanners.poor_structure, "<title>a</title><h1>a</h1><h1>b</h1>"),
    (scanners.poor_structure, "<title>a</title><p>a</p>"),
]


@pytest.mark.parametrize(("scanner", "html"), BAD)
def test_scanner_finds_what_it_is_for(scanner, html):
    assert scanner(parse(html))


@pytest.mark.parametrize(
    "scanner", sorted({scanner for scanner, _ in BAD}, key=lambda scanner: scanner.__name__)
)
def test_scanner_leaves_a_sound_page_alone(scanner):
    assert scanner(parse(SOUND)) == []


@pytest.mark.parametrize(
    "css",
    ["@import url('https://example.org/a.css');", "@font-face { src: url(//example.org/a.woff) }"],
)
def test_style_sheet_that_loads_from_elsewhere_is_found(css):
    assert scanners.foreign_in_css(css)


def test_style_sheet_that_loads_from_the_site_is_not():
    assert (
        scanners.foreign_in_css(
            "@import 'a.css'; @font-face { src: url(../a.woff2), url(data:font/woff;base64,AA) }"
        )
        == []
    )


@pytest.mark.parametrize("address", ["gone.html", "#nowhere", "b.html#nowhere", "gone.ipynb"])
def test_dead_link_is_found(address, tmp_path):
    assert scanners.dead_links(*linked_pages(tmp_path, address)) == [address]


@pytest.mark.parametrize(
    "address",
    [
        "#here",
        "b.html",
        "b.html#there",
        "./b.html?x=1",
        "#",
        "https://example.org/gone",
        "mailto:a@example.org",
    ],
)
def test_sound_link_is_not(address, tmp_path):
    assert scanners.dead_links(*linked_pages(tmp_path, address)) == []


def linked_pages(folder: Path, address: str):
    first, second = folder / "a.html", folder / "b.html"
    first.write_text(f'<p id="here"><a href="{address}">x</a></p>')
    second.write_text('<p id="there"></p>')
    return first, {file: parse(file.read_text()) for file in (first, second)}


def test_mathjax_is_found():
    assert scanners.mathjax_loaders(parse(SOUND)) == ["_static/mathjax/tex-chtml-full.js"]
