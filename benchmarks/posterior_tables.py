"""The tables of posteriors in RESULTS.md."""

from formatting import reason, seconds, table

FULL = {
    "posterior sleepstudy": "lmmlib, direct",
    "engine marginal": "lmmlib, marginal PyMC model",
    "engine marginal, uncorrelated": "lmmlib, marginal PyMC model, no correlation",
    "engine conditional": "lmmlib, conditional PyMC model",
    "bambi numpyro": "Bambi, NumPyro",
    "bambi nutpie": "Bambi, nutpie",
    "bambi pymc": "Bambi, PyMC",
    "brms": "brms",
}
THREAD = {
    "posterior thread_like": "lmmlib, direct",
    "rstan conditional": "rstan, conditional",
    "rstan marginal": "rstan, marginal, dense V",
}
POSTERIOR_NOTE = (
    "NUTS: four chains of 1,000 draws after as many for warming up. First fit: compiling and "
    "sampling in a fresh process, imports"
    " before it not counted; for lmmlib, direct, the first call, which loads parts of the "
    "package. Smallest ESS: bulk, over every"
    " parameter and effect; for lmmlib, direct, that of the importance weights, which holds for "
    "all. brms and rstan keep the compiled"
    " program, so that their second fit only samples. Each system has priors of its"
    " own. Bambi's model lacks the correlation of intercepts and slopes: its parser of formulas "
    "makes"
    " two uncorrelated terms of `(Days | Subject)`, so it has one parameter less to sample."
)


def posteriors(measured: dict, names: dict[str, str], quoted: list, work: str) -> str:
    """First and second fit of every system, with effective draws."""
    head = (
        "system",
        "first fit",
        "second fit",
        "sampling alone",
        "smallest ESS",
        "ESS a second, first fit",
        "ESS a second, sampling alone",
    )
    rows = [
        (system, *_posterior(measured[key])) for key, system in names.items() if key in measured
    ]
    rows += [
        (f"{q['system']}: quoted, {q['date']}, {q['what']}", f"{q['seconds']:g} s", *[""] * 5)
        for q in quoted
        if q["work"] == work
    ]
    note = (
        "Quoted figures were measured on another machine with two cores, by the calls that "
        "`peers.py` and `peers.R` make."
    )
    return table(head, rows) + f"\n\n{note}"


def _posterior(result: dict) -> tuple[str, ...]:
    if "failed" in result:
        return reason(result, 6)
    ess = result.get("smallest_ess", result.get("kish_ess"))
    first = result["first"]
    second = result["second"]
    sampling = result.get("sampling", second)
    return (
        seconds(first),
        seconds(second),
        seconds(sampling),
        f"{ess:,.0f}",
        f"{ess / first:,.0f}",
        f"{ess / sampling:,.0f}",
    )


SPLIT = {
    "pytensor": "PyTensor",
    "starts": "starts, and collecting draws",
    "tracing": "tracing and lowering",
    "xla": "XLA",
    "sampling": "sampling",
}


def first_fits(measured: dict) -> str:
    """Where the seconds of first fits by NumPyro go; nothing if none was watched."""
    rows = [
        (FULL[name], seconds(m["first"]), *(seconds(m["first_split"][part]) for part in SPLIT))
        for name, m in measured.items()
        if name in FULL and "first_split" in m
    ]
    return table(("system", "first fit", *SPLIT.values()), rows) if rows else ""


def direct(measured: dict) -> str:
    """The direct posteriors of all tables."""
    head = (
        "data",
        "draws",
        "first call",
        "second call",
        "effective draws",
        "Pareto k",
        "largest memory",
    )
    rows = [
        (key.split(" ", 1)[1], *_direct_row(m))
        for key, m in measured.items()
        if key.startswith("posterior ")
    ]
    return "lmmlib, direct; medians of five processes, of three for crossed.\n\n" + table(
        head, rows
    )


def _direct_row(m: dict) -> tuple[str, ...]:
    if "failed" in m:
        return reason(m, 6)
    times = (seconds(m["first"]), seconds(m["second"]))
    return (
        f"{m['draws']:,.0f}",
        *times,
        f"{m['kish_ess']:,.0f}",
        f"{m['pareto_k']:z.2f}",
        f"{m['peak_mib']:.0f} MiB",
    )
