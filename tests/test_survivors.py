"""Every mutant that is argued for is one of a line that stands in the source."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SURVIVORS = tomllib.loads((ROOT / "tests" / "survivors.toml").read_text("utf8"))
MODULES = tomllib.loads((ROOT / "tests" / "mutation.toml").read_text("utf8"))["modules"]


def test_quoted_lines_stand_in_the_source():
    missing = []
    for file, entries in SURVIVORS.items():
        lines = [line.strip() for line in (ROOT / file).read_text("utf8").splitlines()]
        missing += [(file, entry["line"]) for entry in entries if entry["line"] not in lines]
    assert missing == []


def test_modules_and_their_tests_exist():
    for module, tests in MODULES.items():
        folder = ROOT / "lmmlib" / module
        assert folder.is_dir() or folder.with_suffix(".py").exists(), module
        for test in tests:
            assert (ROOT / test.split("::")[0]).exists(), test
    rooms = {Path(file).parts[1].removesuffix(".py") for file in SURVIVORS}
    assert rooms <= set(MODULES)
