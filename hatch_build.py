"""What the Python registry shows of the package: those sections of README.md that are about it.

The others are about the repository, and their formulas, pictures and relative links break there.
"""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

SECTIONS = ("Supported versions", "The package in a dozen lines", "What it is not for", "Cite")
OPENING = """\
# lmmlib

{description}.

```
pip install "{name}[pymc,plots]"
```

Without `[pymc,plots]` all works but the PyMC models, `sample` and the figures.
"""


def registry_page(readme: str, name: str, description: str) -> str:
    """Give the text of the page: what the package is, how to install it, and the sections."""
    headed = re.split(r"^## (.+)\n", readme, flags=re.MULTILINE)
    by_heading = dict(zip(headed[1::2], headed[2::2], strict=True))
    parts = [f"## {heading}\n{by_heading[heading].rstrip()}\n" for heading in SECTIONS]
    return "\n".join([OPENING.format(name=name, description=description), *parts])


class RegistryPage(MetadataHookInterface):
    """Hatchling asks it for what ``dynamic`` in pyproject.toml names."""

    def update(self, metadata: dict) -> None:
        """Put the page where the registry looks for it."""
        readme = Path(self.root, "README.md").read_text("utf-8")
        page = registry_page(readme, metadata["name"], metadata["description"])
        metadata["readme"] = {"content-type": "text/markdown", "text": page}
