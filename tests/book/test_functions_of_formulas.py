"""The table of functions in the chapter on one's own data is the list that formulas are read by."""

import re
from pathlib import Path

from lmmlib.formula.functions import CONTRASTS, ELEMENTWISE, FACTORS, STATEFUL

CHAPTER = Path(__file__).parents[2] / "chapters" / "yours.md"


def test_the_list_in_the_documentation_is_the_list():
    table = re.search(
        r"\{list-table\} The functions of a formula(.*?)\n```", CHAPTER.read_text("utf8"), re.DOTALL
    ).group(1)
    listed = {name.partition("(")[0] for name in re.findall(r"`([^`]+)`", table)} - {"np."}
    assert listed == {*ELEMENTWISE, *STATEFUL, *FACTORS, *CONTRASTS, "I", "Q", "c", "offset"}
