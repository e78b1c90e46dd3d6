"""The numerical tests under each of OpenBLAS's kernels, one after the other: ``make test-kernels``.

``OPENBLAS_CORETYPE`` names the kernel that the BLAS of NumPy and of SciPy takes, which forms its
sums in another order. A name that OpenBLAS does not know falls back in silence, and a kernel with
instructions that the processor lacks falls back or crashes. So every process of a run asks what it
runs (this file is its pytest plugin), and a kernel that cannot run is named.
"""

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

ROOT = Path(__file__).parents[1]
# From the oldest to the newest: the name by which OpenBLAS calls it (its table begins with Katmai,
# of which Prescott is an alias in 64 bits), and the instructions that it needs.
KERNELS = {
    "Prescott": ("Katmai", {"pni"}),
    "Nehalem": ("Nehalem", {"sse4_2"}),
    "Sandybridge": ("Sandybridge", {"avx"}),
    "Haswell": ("Haswell", {"avx2", "fma"}),
    "SkylakeX": ("SkylakeX", {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}),
}
CORE = [
    "linalg",
    "minimize",
    "sparse_arrowhead",
    "sparse_separator",
    "derivatives",
    "loglik",
    "estimation",
    "importance",
    "modes",
]
NUMERICAL = [
    *CORE,
    "ratio_nodes",
    "profile_intervals",
    "multivariate",
    "random_effects",
    "held_out",
    "crossvalidation",
    "data",
    "moments",
    "prior_predictive",
    "prediction",
]


def main() -> int:
    parser = argparse.ArgumentParser(prog="kernels", description=__doc__)
    parser.add_argument(
        "--extremes",
        action="store_true",
        help="the oldest and the newest kernel that the processor has, core tests only",
    )
    parser.add_argument("pytest", nargs="*", help="further options of pytest, after --")
    options = parser.parse_args()
    modules = CORE if options.extremes else NUMERICAL
    found = runnable()
    if not found:
        print(
            "test-kernels: NOT RUN: the kernels are those of x86-64, and this processor is "
            f"{platform.machine()}"
        )
        return 0
    lacking = _lacking()
    chosen = [found[0], found[-1]] if options.extremes else found
    failed = [kernel for kernel in chosen if _run(kernel, modules, options.pytest)]
    for kernel in KERNELS:
        if lacking[kernel]:
            missing = _in_words(lacking[kernel])
            print(f"test-kernels: {kernel}: NOT RUN: this processor has no {missing}")
    outcome = f"failed under {', '.join(failed)}" if failed else "all passed"
    print(f"test-kernels: ran under {', '.join(chosen)}; {outcome}")
    return int(bool(failed))


def pytest_sessionstart(session: pytest.Session) -> None:
    """End the run where OpenBLAS has not taken the kernel that the environment names."""
    import scipy.linalg  # noqa: F401  its BLAS is not NumPy's
    from threadpoolctl import threadpool_info

    kernel = os.environ["OPENBLAS_CORETYPE"]
    running = {
        pool["filepath"]: pool["architecture"]
        for pool in threadpool_info()
        if pool["internal_api"] == "openblas"
    }
    if len(running) < 2 or set(running.values()) != {KERNELS[kernel][0]}:
        libraries = "".join(f"\n  {name}: {file}" for file, name in running.items()) or " none"
        pytest.exit(
            f"OpenBLAS has not switched to {kernel} in NumPy and SciPy; what runs is{libraries}",
            returncode=1,
        )


def _run(kernel: str, modules: list[str], options: list[str]) -> int:
    """Run the tests of some modules in processes of their own, and return what pytest returns."""
    started = monotonic()
    print(f"test-kernels: {kernel}", flush=True)
    tests = [f"tests/test_{module}.py" for module in modules]
    environment = os.environ | {
        "OPENBLAS_CORETYPE": kernel,
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT / "tests"),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "kernels",
        "-n",
        "auto",
        "--dist",
        "worksteal",
        *tests,
        *options,
    ]
    status = subprocess.run(command, cwd=ROOT, env=environment).returncode
    outcome = "failed" if status else "passed"
    seconds = monotonic() - started
    print(f"test-kernels: {kernel}: {outcome} in {seconds:.0f} s", flush=True)
    return status


def runnable() -> list[str]:
    """Kernels that this processor can run; none on one that is not x86-64."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return []
    lacking = _lacking()
    return [kernel for kernel in KERNELS if not lacking[kernel]]


def _lacking() -> dict[str, set[str]]:
    """Instructions that each kernel needs and this processor lacks."""
    return {kernel: needed - _instructions() for kernel, (_, needed) in KERNELS.items()}


def _instructions() -> set[str]:
    """Those of this processor, by Linux's names."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    flags = next(line for line in lines if line.startswith("flags"))
    return set(flags.split(":")[1].split())


def _in_words(missing: set[str]) -> str:
    """Names of instructions for a reader; the parts of AVX-512 have one."""
    if any(name.startswith("avx512") for name in missing):
        return "AVX-512"
    return ", ".join(sorted(missing))


if __name__ == "__main__":
    sys.exit(main())
