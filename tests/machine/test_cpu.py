from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from resnet_export.machine import cpu
from resnet_export.machine.cpu import find_instruction_sets, parse_cpuinfo, read_cache, read_cpu, read_smt
from tests.machine.samples import GRAVITON_3, XEON, ZEN_2, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "architecture", "model", "has", "lacks"),
    [
        (
            XEON,
            "x86_64",
            "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
            {"AVX2", "AVX-512", "VNNI", "BF16", "AMX-INT8", "AMX-BF16"},
            set(),
        ),
        (
            ZEN_2,
            "AMD64",
            "AMD EPYC 7742 64-Core Processor",
            {"AVX2"},
            {"AVX-512", "VNNI", "BF16", "AMX-INT8", "AMX-BF16"},
        ),
        (GRAVITON_3, "aarch64", "", {"NEON", "dotprod", "i8mm", "BF16", "SVE"}, set()),
    ],
    ids=["Xeon with AMX", "Zen 2", "Graviton 3"],
)
def test_model_and_instruction_sets(text: str, architecture: str, model: str, has: set[str], lacks: set[str]) -> None:
    found, flags = parse_cpuinfo(text)
    assert found == model
    assert find_instruction_sets(architecture, flags) == dict.fromkeys(has, True) | dict.fromkeys(lacks, False)


@pytest.mark.parametrize(
    ("flags", "name", "there"),
    [
        ("avx512f", "AVX-512", False),  # Knights Landing: without the parts that kernels take for granted
        ("avx512f avx512bw avx512dq avx512vl", "AVX-512", True),
        ("avx_vnni", "VNNI", True),  # Alder Lake: without AVX-512
        ("avx512vnni", "VNNI", True),  # py-cpuinfo's spelling
        ("amx_int8", "AMX-INT8", False),  # the kernel has not let us use the tiles
        ("amx_tile amx_int8", "AMX-INT8", True),
    ],
)
def test_each_needs_all_its_flags(flags: str, name: str, there: bool) -> None:
    found = find_instruction_sets("x86_64", flags.split())
    assert found is not None
    assert found[name] is there


def test_what_is_unknown_is_none() -> None:
    assert find_instruction_sets("x86_64", None) is None
    assert find_instruction_sets("riscv64", ["v"]) is None
    assert parse_cpuinfo("") == ("", None)


def test_where_the_kernel_names_no_model_the_library_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr("cpuinfo.get_cpu_info", lambda: {"brand_raw": "Neoverse-V1", "flags": []})
    found = read_cpu(write(tmp_path, {"proc/cpuinfo": GRAVITON_3}))
    assert (found.model, found.architecture, found.virtual) == ("Neoverse-V1", "aarch64", None)
    assert found.instruction_sets is not None
    assert found.instruction_sets["SVE"] is True


def test_the_library_does_not_know_it_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> None:
        raise Exception("py-cpuinfo currently only works on X86 and some ARM CPUs.")

    monkeypatch.setattr("cpuinfo.get_cpu_info", unknown)
    monkeypatch.setattr(platform, "processor", lambda: "")
    found = read_cpu(tmp_path)
    assert (found.model, found.instruction_sets) == ("unknown", None)


def test_on_linux_the_slow_library_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(cpu, "_ask_library", lambda: pytest.fail("it takes a second"))
    found = read_cpu(write(tmp_path, {"proc/cpuinfo": XEON}))
    assert (found.model, found.virtual) == ("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", True)


def test_cores_and_affinity_of_this_machine() -> None:
    found = read_cpu()
    assert found.logical_cores == psutil.cpu_count()
    assert found.affinity is None or 1 <= found.affinity <= found.logical_cores


def test_no_affinity_on_this_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(psutil.Process, "cpu_affinity", raising=False)
    assert read_cpu().affinity is None


@pytest.mark.parametrize(
    ("active", "physical", "logical", "smt"),
    [("1", 4, 4, True), ("0", 4, 8, False), (None, 4, 8, True), (None, 4, 4, False), (None, None, 8, None)],
)
def test_two_threads_a_core(active: str | None, physical: int | None, logical: int, smt: bool, tmp_path: Path) -> None:
    if active is not None:
        write(tmp_path, {"sys/devices/system/cpu/smt/active": f"{active}\n"})
    assert read_smt(tmp_path, physical, logical) is smt


def test_the_last_level_cache_of_two_sockets(tmp_path: Path) -> None:
    for number, socket in ((0, "0-1"), (1, "0-1"), (2, "2-3"), (3, "2-3")):
        caches = (("0", "1", str(number), "48K"), ("2", "2", str(number), "2048K"), ("3", "3", socket, "32M"))
        for index, level, shared, size in caches:
            folder = f"sys/devices/system/cpu/cpu{number}/cache/index{index}"
            facts = {"level": level, "shared_cpu_list": shared, "size": size}
            write(tmp_path, {f"{folder}/{name}": f"{text}\n" for name, text in facts.items()})
    assert read_cache(tmp_path) == 64 << 20


def test_a_cache_that_is_not_told(tmp_path: Path) -> None:
    assert read_cache(tmp_path) is None
    write(tmp_path, {"sys/devices/system/cpu/cpu0/cache/index0/level": "1\n"})
    assert read_cache(tmp_path) is None
