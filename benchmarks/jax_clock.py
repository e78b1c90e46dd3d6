"""What a fit by NumPyro spends on sampling alone, told apart from JAX's compilation."""

import time
from dataclasses import dataclass, field

EVENTS = ("jaxpr_trace_duration", "jaxpr_to_mlir_module_duration", "backend_compile_duration")


@dataclass
class Watched:
    """Intervals, in seconds of one clock.

    Of NumPyro's runs, and of JAX's tracing, lowering and compiling.
    """

    runs: list[tuple[float, float]] = field(default_factory=list)
    compiling: list[tuple[float, float]] = field(default_factory=list)

    @property
    def sampling(self) -> float:
        """Seconds of the last run in which nothing was compiled."""
        start, end = self.runs[-1]
        return end - start - _covered(self.compiling, start, end)


def watch() -> Watched:
    """Watch all fits by NumPyro in this process from now on."""
    import jax
    from numpyro.infer import MCMC

    watched = Watched()
    original_run = MCMC.run

    def timed_run(self: MCMC, *args: object, **kwargs: object) -> None:
        start = time.perf_counter()
        original_run(self, *args, **kwargs)
        # JAX returns before it has computed.
        jax.block_until_ready(self.get_samples(group_by_chain=True))
        watched.runs.append((start, time.perf_counter()))

    def listen(event: str, duration: float, **_: object) -> None:
        if event.endswith(EVENTS):
            end = time.perf_counter()
            watched.compiling.append((end - duration, end))

    MCMC.run = timed_run
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
