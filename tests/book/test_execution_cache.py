"""The name of the cache of executed chapters.

Another wherever a chapter could give another output, and else the same.
"""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def execution_cache():
    """The module, which is no package's."""
    spec = importlib.util.spec_from_file_location(
        "execution_cache", ROOT / "tools" / "execution_cache.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sources(tmp_path):
    for name in (
        "lmmlib/linalg/partition.py",
        "lmmlib/tables/published.csv",
        "requirements.txt",
        "benchmarks/RESULTS.json",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("1\n")
    return tmp_path


@pytest.mark.parametrize(
    "name", ["XLA_FLAGS", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "OMP_NUM_THREADS"]
)
def test_another_arithmetic_is_another_cache(execution_cache, sources, name):
    keys = [
        execution_cache.sources_key(sources, environment)
        for environment in ({}, {name: "Nehalem"}, {name: "Haswell"})
    ]
    assert len(set(keys)) == 3


def test_the_environment_is_that_of_the_build(execution_cache, sources, monkeypatch):
    """What MyST-NB and the executor ask for, which pass no environment."""
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    ordinary = execution_cache.cache_path(sources)
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_max_isa=SSE4_2")
    assert execution_cache.cache_path(sources) != ordinary


def test_a_variable_of_another_program_changes_nothing(execution_cache, sources):
    """Nor does an empty one, which is as good as none."""
    key = execution_cache.sources_key(sources, {})
    assert execution_cache.sources_key(sources, {"EDITOR": "vi", "XLA_FLAGS": ""}) == key


@pytest.mark.parametrize(
    "name",
    [
        "lmmlib/linalg/partition.py",
        "lmmlib/tables/published.csv",
        "requirements.txt",
        "benchmarks/RESULTS.json",
    ],
)
def test_another_source_is_another_cache(execution_cache, sources, name):
    key = execution_cache.sources_key(sources, {})
    (sources / name).write_text("2\n")
    assert execution_cache.sources_key(sources, {}) != key
