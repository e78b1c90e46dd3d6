"""How to cite, from records as they may become."""

import json
import tomllib
from pathlib import Path

import pytest
import yaml

import lmmlib

ROOT = Path(__file__).parents[2]
EXTENSIONS = ROOT / "_ext"
RECORD = {
    "title": "A: title",
    "version": "1.2.3",
    "date-released": "2030-01-02",
    "identifiers": [
        {"type": "other", "value": "lmmlib technical report 2030-1", "description": "report number"}
    ],
}
GROUP, PERSONS = (
    [{"name": "The authors"}],
    [{"given-names": "Ada", "family-names": "Eins"}, {"given-names": "Bo", "family-names": "Zwei"}],
)


@pytest.fixture
def extension(monkeypatch):
    monkeypatch.syspath_prepend(EXTENSIONS)
    import citation

    return citation


def test_the_sentence_names_all_and_the_address_once_there_is_one(extension):
    record = RECORD | {"authors": PERSONS}
    plain = "Ada Eins, Bo Zwei (2030). *A: title*. lmmlib technical report 2030-1, version 1.2.3."
    assert extension.sentence(record, "", "") == plain
    assert (
        extension.sentence(record, "https://example.org/", "") == plain + " <https://example.org/>"
    )


def test_bibtex_keeps_a_group_together_and_persons_apart(extension):
    assert "  author = {{The authors}},\n" in extension.bibtex(RECORD | {"authors": GROUP}, "", "")
    entry = extension.bibtex(RECORD | {"authors": PERSONS}, "https://example.org/", "")
    assert "  author = {Ada Eins and Bo Zwei},\n" in entry
    assert "  number = {2030-1},\n" in entry
    assert "  url    = {https://example.org/},\n" in entry
    assert entry.count("{") == entry.count("}")


def test_a_doi_is_cited_once_there_is_one(extension):
    record = RECORD | {"authors": GROUP, "doi": "10.1/a"}
    assert extension.sentence(record, "https://example.org/", "").endswith(
        " <https://doi.org/10.1/a>"
    )
    entry = extension.bibtex(record, "https://example.org/", "")
    assert "  doi    = {10.1/a},\n  url    = {https://example.org/},\n" in entry


def test_the_record_of_this_report_has_what_is_cited(extension):
    record = extension.read(ROOT)
    assert extension.number(record)
    assert str(record["version"]) in extension.sentence(record, "", "2030-01-02")


def test_one_field_tells_whether_a_version_is_released(extension):
    record = RECORD | {"authors": GROUP}
    assert extension.stamp(record, "2030-01-02") == "1.2.3, 2030-01-02"
    record.pop("date-released")
    assert extension.stamp(record, "2031-05-06") == "1.2.3, unreleased, of 2031-05-06"
    assert extension.sentence(record, "", "2031-05-06") == (
        "The authors (2031). *A: title*. lmmlib technical report 2030-1, version 1.2.3, "
        "unreleased, of 2031-05-06."
    )
    assert "@techreport{lmmlib2031,\n" in extension.bibtex(record, "", "2031-05-06")


def test_record_and_changelog_agree_on_the_release(extension):
    record = extension.read(ROOT)
    head = next(
        line
        for line in (ROOT / "CHANGELOG.md").read_text("utf8").splitlines()
        if line.startswith("## [")
    )
    assert head == f"## [{record['version']}] - {record.get('date-released', 'unreleased')}"


def test_the_readme_cites_what_the_record_says(extension):
    record, readme = (
        extension.read(ROOT),
        (ROOT / "README.md").read_text("utf8"),
    )
    told = extension.sentence(
        record
        | {
            "date-released": record.get(
                "date-released", readme.split("The lmmlib authors (")[1][:4]
            )
        },
        "",
        "",
    )
    assert told in " ".join(readme.replace("\n> ", "\n").split())


def test_an_edition_is_of_its_release_or_of_its_commit(extension, monkeypatch, tmp_path):
    import edition

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    (tmp_path / "CITATION.cff").write_text("version: 1.2.3\n", "utf8")
    assert edition.date(tmp_path) == "1970-01-02"
    (tmp_path / "CITATION.cff").write_text("version: 1.2.3\ndate-released: 2030-01-02\n", "utf8")
    assert edition.date(tmp_path) == "2030-01-02"


def test_zenodo_is_told_what_the_record_says(extension):
    record = extension.read(ROOT)
    deposit = json.loads((ROOT / ".zenodo.json").read_text("utf8"))
    assert deposit["title"] == record["title"]
    assert deposit["description"] == record["abstract"]
    assert deposit["version"] == str(record["version"])
    assert deposit["keywords"] == record["keywords"]
    names = [creator["name"] for creator in deposit["creators"]]
    assert names == [
        author.get("name") or f"{author['family-names']}, {author['given-names']}"
        for author in record["authors"]
    ]
    released = (
        {"publication_date": str(record["date-released"])} if "date-released" in record else {}
    )
    assert {key: deposit[key] for key in deposit if key == "publication_date"} == released


def test_record_and_package_agree_on_the_version(extension):
    record = extension.read(ROOT)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    assert project["version"] == lmmlib.__version__ == str(record["version"])
    names = [extension.authors({"authors": [author]}) for author in record["authors"]]
    assert [author["name"] for author in project["authors"]] == names


def test_who_reads_the_preferred_citation_reads_the_same(extension):
    record = extension.read(ROOT)
    preferred = record["preferred-citation"]
    same = {"title", "authors", "version", "date-released", "doi", "url"}
    assert {k: preferred[k] for k in same & set(preferred)} == {
        k: record[k] for k in same & set(record)
    }
    assert preferred["number"] == extension.number(record)
    assert preferred["institution"] == {"name": extension.authors(record)}
    assert str(preferred["year"]) == extension.year(record, "")


def test_the_book_bears_title_authors_and_address_of_the_record(extension):
    record = extension.read(ROOT)
    book = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
    assert book["title"] == record["title"]
    assert book["author"] == extension.authors(record)
    assert book["copyright"] == extension.year(record, "")
    assert book["html"]["baseurl"] == record.get("url", "")


def test_the_tag_of_a_release_is_named_in_its_commands(extension):
    tag = f"v{extension.read(ROOT)['version']}"
    for file in (".ci/pack", ".github/workflows/release.yml"):
        assert tag in (ROOT / file).read_text("utf8")
