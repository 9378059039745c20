"""The CPU: model, cores, and the instruction sets that decide how fast a network runs on it."""

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from resnet_export.machine.cgroup import read_limits
from resnet_export.machine.clock import Clock, read_clock
from resnet_export.machine.sysfs import ROOT, read_text

INSTRUCTION_SETS: Mapping[str, Mapping[str, tuple[frozenset[str], ...]]] = {
    "x86": {
        "AVX2": (frozenset({"avx2", "fma"}),),
        # The four that a kernel may take for granted since Skylake-X; ONNX Runtime asks for the same.
        "AVX-512": (frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl"}),),
        "VNNI": (frozenset({"avx512_vnni"}), frozenset({"avx512vnni"}), frozenset({"avx_vnni"})),
        "BF16": (frozenset({"avx512_bf16"}), frozenset({"avx512bf16"})),
        "AMX-INT8": (frozenset({"amx_tile", "amx_int8"}),),
        "AMX-BF16": (frozenset({"amx_tile", "amx_bf16"}),),
    },
    "arm": {
        "NEON": (frozenset({"asimd"}),),
        "dotprod": (frozenset({"asimddp"}),),
        "i8mm": (frozenset({"i8mm"}),),
        "BF16": (frozenset({"bf16"}),),
        "SVE": (frozenset({"sve"}),),
    },
}
"""Family -> name -> the sets of flags of which one has to be there whole. Spellings are Linux's and py-cpuinfo's."""

FAMILIES = {"x86_64": "x86", "amd64": "x86", "i386": "x86", "i686": "x86", "aarch64": "arm", "arm64": "arm"}
"""`platform.machine()` in lower case -> family."""

CPUS = "sys/devices/system/cpu"
"""Where Linux tells of them."""
UNITS = {"K": 1 << 10, "M": 1 << 20}
"""Of a cache's size."""


@dataclass(frozen=True)
class Cpu:
    """The CPU as this system shows it."""

    model: str
    architecture: str
    """As `platform.machine()` has it: `x86_64`, `aarch64`."""
    physical_cores: int | None
    logical_cores: int
    affinity: int | None
    """On how many logical cores this process may run; None where the system has no such thing."""
    instruction_sets: Mapping[str, bool] | None
    """Those that matter on this architecture -> whether they are there; None when that is unknown."""
    virtual: bool | None
    """Whether a hypervisor runs it; None when that is unknown."""
    smt: bool | None = None
    """Whether two threads share a core (Intel: Hyper-Threading); None when that is unknown."""
    cache_bytes: int | None = None
    """The last-level cache, all instances together; None when that is unknown."""
    clock: Clock = field(default_factory=Clock)

    @property
    def saturates(self) -> bool:
        """Whether it is known to add products of unsigned and signed bytes in pairs of 16 bits: x86 without VNNI."""
        return (self.instruction_sets or {}).get("VNNI") is False


def read_cpu(root: Path = ROOT) -> Cpu:
    """The facts of this CPU."""
    architecture = platform.machine()
    model, flags = parse_cpuinfo(read_text(root / "proc/cpuinfo")) if sys.platform == "linux" else ("", None)
    if not model:
        # On x86 it takes a second and knows no more than Linux does; elsewhere it is quick, or the only one who knows.
        asked = _ask_library()
        model = str(asked.get("brand_raw") or platform.processor() or "unknown")
        flags = flags or frozenset(asked.get("flags") or ()) or None
    may_use = read_affinity(psutil.Process())
    logical, physical = psutil.cpu_count() or 1, psutil.cpu_count(logical=False)
    return Cpu(
        model=" ".join(model.split()),
        architecture=architecture,
        physical_cores=physical,
        logical_cores=logical,
        affinity=None if may_use is None else len(may_use),
        instruction_sets=find_instruction_sets(architecture, flags),
        virtual="hypervisor" in flags if flags and FAMILIES.get(architecture.lower()) == "x86" else None,
        smt=read_smt(root, physical, logical),
        cache_bytes=read_cache(root),
        clock=read_clock(root),
    )


def parse_cpuinfo(text: str) -> tuple[str, frozenset[str] | None]:
    """Model and flags of the first processor in the text of `/proc/cpuinfo`; an empty model and None where it has none.

    On ARM the kernel names no model.
    """
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", fields.get("Features"))
    return fields.get("model name", ""), None if flags is None else frozenset(flags.split())


def read_smt(root: Path, physical: int | None, logical: int) -> bool | None:
    """Whether two threads share a core, as Linux tells it, or else by the numbers of cores."""
    word = read_text(root / CPUS / "smt/active")
    if word:
        return word == "1"
    return None if physical is None else logical > physical


def read_cache(root: Path) -> int | None:
    """Bytes of the last-level cache, all its instances together; None where the system doesn't tell."""
    found: dict[tuple[int, str], int] = {}
    for folder in (root / CPUS).glob("cpu[0-9]*/cache/index[0-9]*"):
        level, shared, size = (read_text(folder / name) for name in ("level", "shared_cpu_list", "size"))
        if level.isdigit() and size[:-1].isdigit() and size[-1:] in UNITS:
            found[int(level), shared] = int(size[:-1]) * UNITS[size[-1:]]
    last = max((level for level, _ in found), default=None)
    return None if last is None else sum(size for (level, _), size in found.items() if level == last)


def find_instruction_sets(architecture: str, flags: Iterable[str] | None) -> dict[str, bool] | None:
    """Which of the instruction sets that matter are among the flags; None when flags or architecture are unknown."""
    known = INSTRUCTION_SETS.get(FAMILIES.get(architecture.lower(), ""))
    if known is None or flags is None:
        return None
    present = frozenset(flags)
    return {name: any(wanted <= present for wanted in choices) for name, choices in known.items()}


def _ask_library() -> Mapping[str, Any]:
    import cpuinfo

    try:
        found: Mapping[str, Any] = cpuinfo.get_cpu_info()
    except Exception:
        # It raises a bare Exception on an architecture that it doesn't know: then the model is unknown.
        return {}
    return found


def usable_cpus() -> int:
    """How many CPUs this process can keep busy, by affinity and quota."""
    may_use = len(read_affinity(psutil.Process()) or ()) or os.cpu_count() or 1
    quota = read_limits().cpus
    return may_use if quota is None else max(1, min(may_use, round(quota)))


def read_affinity(process: psutil.Process | None) -> tuple[int, ...] | None:
    """The CPUs that a process may run on; None where that isn't told, or the process is gone."""
    try:
        return None if process is None else tuple(process.cpu_affinity()) or None
    except (AttributeError, psutil.Error):  # macOS has none
        return None
