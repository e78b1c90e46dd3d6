"""What the colophon shows besides its own run: the seeds of the chapters, and their times.

Times differ between runs, so they stand in a file of their own beside the pages, which would
otherwise not come out alike twice.
"""

import csv
import re
from pathlib import Path

from docutils import nodes
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx_external_toc.parsing import parse_toc_yaml

SEED = re.compile(r"^(?:seed = |rng = np\.random\.default_rng\()(\d+)", re.MULTILINE)
TIMES = "run-times.csv"


def seeds(root: Path) -> dict[str, str]:
    """Give the first seed that each page of the table of contents names, in reading order."""
    pages = {name: root / f"{name}.md" for name in parse_toc_yaml(root / "_toc.yml")}
    texts = {name: page.read_text("utf-8") for name, page in pages.items() if page.exists()}
    matches = {name: SEED.search(text) for name, text in texts.items()}
    return {name: match[1] for name, match in matches.items() if match}


class ChapterSeeds(SphinxDirective):
    """A list of pages and their seeds."""

    def run(self) -> list[nodes.Node]:
        """Return the list, each page as a link."""
        by_page = seeds(Path(self.env.srcdir))
        for name in by_page:
            self.env.note_dependency(f"{name}.md")
        lines = [f"- {{doc}}`/{name}`: `{seed}`" for name, seed in by_page.items()]
        return self.parse_text_to_nodes("\n".join(lines))


def write_times(app: Sphinx, exception: Exception | None) -> None:
    """Write the seconds that the execution of each page took beside the pages."""
    if exception or app.builder.format != "html":
        return
    records = get_cache(app.config.nb_execution_cache_path).list_cache_records()
    taken = {r.uri: r.data["execution_seconds"] for r in records if "execution_seconds" in r.data}
    with Path(app.outdir, TIMES).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["page", "seconds"])
        for uri, seconds in sorted(taken.items()):
            page = Path(uri).relative_to(app.srcdir, walk_up=True).as_posix()
            writer.writerow([page, f"{seconds:.1f}"])


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_directive("chapter-seeds", ChapterSeeds)
    app.connect("build-finished", write_times)
