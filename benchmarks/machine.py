"""What a run was made on, and whether anything else runs there.

Without names of hosts or folders.
"""

import os
import platform
import time
from pathlib import Path


def machine() -> dict[str, object]:
    """Processor, cores, memory, operating system and load of the machine.

    The load is that of the last minute.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": _system(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def wait_until_quiet(longest: float = 120.0) -> None:
    """Wait until the machine is quiet, or ``longest`` seconds.

    All processes together then take less than a tenth of a core for a second.
    """
    end = time.monotonic() + longest
    while time.monotonic() < end:
        busy_before = busy_seconds()
        time.sleep(1)
        if busy_seconds() - busy_before < 0.1:
            return


def busy_seconds() -> float:
    """Seconds that all cores together have worked since the machine started.

    Zero where the system does not tell.
    """
    statistics = Path("/proc/stat")
    if not statistics.exists():
        return 0.0
    all_cores = statistics.read_text("utf8").splitlines()[0].split()
    user, nice, kernel, _, _, interrupts, soft_interrupts = map(int, all_cores[1:8])
    ticks = user + nice + kernel + interrupts + soft_interrupts
    return ticks / os.sysconf("SC_CLK_TCK")


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text("utf8").splitlines() if information.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        name = f"{platform.system()} {platform.release()}"
    return f"{name}, {platform.machine()}"
