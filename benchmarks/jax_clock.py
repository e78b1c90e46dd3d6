"""What a fit by NumPyro spends on sampling alone, told apart from JAX's compilation."""

import time
from dataclasses import dataclass, field

EVENTS = ("jaxpr_trace_duration", "jaxpr_to_mlir_module_duration", "backend_compile_duration")


@dataclass
class Watched:
    """Intervals, in seconds of one clock.

    Of NumPyro's runs, of JAX's tracing, lowering and compiling, of that by XLA alone, and of
    PyTensor's making a function for JAX.
    """

    runs: list[tuple[float, float]] = field(default_factory=list)
    compiling: list[tuple[float, float]] = field(default_factory=list)
    by_xla: list[tuple[float, float]] = field(default_factory=list)
    before_jax: list[tuple[float, float]] = field(default_factory=list)

    @property
    def sampling(self) -> float:
        """Seconds of the last run in which nothing was compiled."""
        start, end = self.runs[-1]
        return end - start - _covered(self.compiling, start, end)

    def split(self, start: float, end: float) -> dict[str, float]:
        """Seconds of a fit between two times, by what they went to.

        PyTensor, which makes a function of the density for JAX; NumPyro's run: XLA's compilation,
        tracing and lowering for it, sampling; and all else, which is to find the starts, with what
        is compiled for them, and to collect the draws.
        """
        runs = [run for run in self.runs if start <= run[0] <= end]
        running = sum(run[1] - run[0] for run in runs)
        compiling = sum(_covered(self.compiling, *run) for run in runs)
        xla = sum(_covered(self.by_xla, *run) for run in runs)
        pytensor = _covered(self.before_jax, start, end)
        return {
            "pytensor": pytensor,
            "starts": end - start - running - pytensor,
            "tracing": compiling - xla,
            "xla": xla,
            "sampling": running - compiling,
        }


def watch() -> Watched:
    """Watch all fits by NumPyro in this process from now on."""
    import jax
    import pymc.sampling.jax as pymc_in_jax
    from numpyro.infer import MCMC

    watched = Watched()
    original_run = MCMC.run
    original_jaxify = pymc_in_jax.get_jaxified_graph

    def timed_run(self: MCMC, *args: object, **kwargs: object) -> None:
        start = time.perf_counter()
        original_run(self, *args, **kwargs)
        # JAX returns before it has computed.
        jax.block_until_ready(self.get_samples(group_by_chain=True))
        watched.runs.append((start, time.perf_counter()))

    def timed_jaxify(*args: object, **kwargs: object) -> object:
        start = time.perf_counter()
        function = original_jaxify(*args, **kwargs)
        watched.before_jax.append((start, time.perf_counter()))
        return function

    def listen(event: str, duration: float, **_: object) -> None:
        if event.endswith(EVENTS):
            end = time.perf_counter()
            interval = (end - duration, end)
            watched.compiling.append(interval)
            if event.endswith("backend_compile_duration"):
                watched.by_xla.append(interval)

    MCMC.run = timed_run
    pymc_in_jax.get_jaxified_graph = timed_jaxify
    jax.monitoring.register_event_duration_secs_listener(listen)
    return watched


def _covered(intervals: list[tuple[float, float]], start: float, end: float) -> float:
    """Length of the union of intervals within (start, end): traces nest, and each is listed."""
    total = 0.0
    covered_until = start
    for interval_start, interval_end in sorted(intervals):
        lower = max(interval_start, covered_until)
        upper = min(interval_end, end)
        if upper > lower:
            total += upper - lower
            covered_until = upper
    return total
