"""The GPUs: NVIDIA's as its own tool `nvidia-smi` tells them, others as Linux lists them on the PCI bus."""

import csv
import itertools
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from resnet_export.machine.sysfs import ROOT, read_text

FIELDS = ("name", "memory.total", "compute_cap", "driver_version", "clocks.sm", "clocks.max.sm", "power.limit")
SLOWDOWNS = ("sw_power_cap", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown")
"""Why NVIDIA's driver lowers a clock; it counts the microseconds of each."""
TIMEOUT = 20.0
"""Seconds. Without persistence mode the driver is set up anew for each call, some seconds for each of eight GPUs."""
MEBIBYTE = 1 << 20
VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
"""PCI vendors whose GPUs run networks; the display chips of servers are none."""
DISPLAY = "0x03"
"""PCI class of display controllers, which 3D accelerators belong to as well."""


@dataclass(frozen=True)
class Gpu:
    """One GPU."""

    name: str
    memory_bytes: int | None
    compute_capability: str | None
    """NVIDIA's, such as `9.0`."""
    driver: str | None
    """NVIDIA's version, or the name of the kernel's module; None where no driver holds it."""
    clock_mhz: int | None = field(default=None, compare=False)
    """Of the multiprocessors, when it was asked; no part of what tells machines apart."""
    max_clock_mhz: int | None = None
    """The highest that they take."""
    power_limit_w: float | None = None
    """Watts at which the clock goes down."""


@dataclass(frozen=True)
class Gpus:
    """All of them, and how far CUDA goes."""

    devices: tuple[Gpu, ...] = ()
    cuda: str | None = None
    """The newest CUDA that NVIDIA's driver takes."""
    reason: str | None = None
    """Why `nvidia-smi` names none."""


def read_gpus(root: Path = ROOT) -> Gpus:
    """The GPUs of this machine. None is a fact, and no error."""
    text, failure = ask_nvidia(*FIELDS)
    devices, others = parse_gpus(text), read_pci(root)
    if not devices:
        return Gpus(others, reason=failure or "nvidia-smi lists no GPU")
    header, _ = ask_nvidia()
    return Gpus((*devices, *(gpu for gpu in others if not gpu.name.startswith("NVIDIA"))), parse_cuda(header))


def read_slowdowns() -> tuple[tuple[float, ...], ...] | None:
    """For each of NVIDIA's GPUs how many seconds its clock was held down, for each of `SLOWDOWNS`, since some start.

    None where there is no GPU, or its driver doesn't count.
    """
    text, _ = ask_nvidia(*(f"clocks_event_reasons_counters.{name}" for name in SLOWDOWNS))
    rows = [row.replace(" ", "").split(",") for row in text.splitlines()]
    # What a GPU doesn't count comes as `[N/A]`.
    told = [tuple(int(cell) / 1e6 if cell.isdigit() else 0.0 for cell in row) for row in rows]
    return tuple(told) if any(map(str.isdigit, itertools.chain.from_iterable(rows))) else None


def parse_gpus(text: str) -> tuple[Gpu, ...]:
    """The GPUs in what `nvidia-smi` prints when it is asked for `FIELDS`."""
    rows = csv.reader(text.splitlines(), skipinitialspace=True)
    return tuple(_gpu(*(cell.strip() for cell in row)) for row in rows if len(row) == len(FIELDS))


def parse_cuda(text: str) -> str | None:
    """The version of CUDA in the header that `nvidia-smi` prints."""
    found = re.search(r"CUDA(?: \w+)? Version\s*:\s*(\d+(?:\.\d+)+)", text)
    return None if found is None else found[1]


def read_pci(root: Path) -> tuple[Gpu, ...]:
    """The GPUs on the PCI bus, by vendor and number: Linux itself knows no names."""
    found = []
    for device in sorted((root / "sys/bus/pci/devices").glob("*")):
        kind, vendor, number = (read_text(device / name) for name in ("class", "vendor", "device"))
        if kind.startswith(DISPLAY) and vendor in VENDORS:
            driver = device / "driver"
            name = f"{VENDORS[vendor]} GPU {vendor[2:]}:{number[2:]}"
            found.append(Gpu(name, None, None, driver.resolve().name if driver.exists() else None))
    return tuple(found)


def ask_nvidia(*fields: str) -> tuple[str, str | None]:
    """What `nvidia-smi` prints, and why it failed.

    Args:
        fields: a line for each GPU has them, between commas; none for what it prints by itself.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return "", "no nvidia-smi, so no NVIDIA driver"
    arguments = [f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"] if fields else []
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"nvidia-smi does not answer within {TIMEOUT:.0f} s"
    except OSError as error:
        return "", f"nvidia-smi cannot be started: {error.strerror}"
    if done.returncode == 0:
        return done.stdout, None
    # It says why on stdout, mostly, and in several lines of which the first counts.
    words = (done.stdout.strip() or done.stderr.strip() or f"exit status {done.returncode}").splitlines()[0]
    return "", f"nvidia-smi: {words.strip().rstrip('.')}"


def _gpu(name: str, memory: str, capability: str, driver: str, clock: str, max_clock: str, power: str) -> Gpu:
    """What does not apply comes as `[N/A]` or `[Not Supported]`."""
    return Gpu(
        name if name.startswith("NVIDIA") else f"NVIDIA {name}",
        int(memory) * MEBIBYTE if memory.isdigit() else None,
        None if capability.startswith("[") else capability,
        None if driver.startswith("[") else driver,
        int(clock) if clock.isdigit() else None,
        int(max_clock) if max_clock.isdigit() else None,
        float(power) if re.fullmatch(r"\d+(\.\d+)?", power) else None,
    )
