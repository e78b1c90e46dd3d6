"""The code that a built page shows is whole: each name it uses is defined in a cell before.

``tests/rerun`` runs the same cells.
"""

import scanners

from names_in_code import undefined_names


def test_shown_code_defines_what_it_uses(pages):
    shown = {path.stem: scanners.shown_cells(page) for path, page in pages.items()}
    assert sum(map(bool, shown.values())) > 10
    undefined = {name: undefined_names(cells) for name, cells in shown.items()}
    assert {name: found for name, found in undefined.items() if found} == {}
