from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from resnet_export.machine import gpu
from resnet_export.machine.gpu import Gpu, Gpus, parse_cuda, parse_gpus, read_gpus, read_pci, read_slowdowns
from tests.machine.samples import HEADER, NO_DRIVER, NO_GPU, ONE_GPU, TWO_GPUS, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 1 << 20
H200 = Gpu("NVIDIA H200", 143771 * MIB, "9.0", "570.124.06", 345, 1980, 700.0)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], None]:
    """`answers(status, text)`: what nvidia-smi does when it is asked for GPUs."""

    def set_up(status: int, text: str) -> None:
        def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
            asked = any(argument.startswith("--query-gpu=") for argument in command)
            return subprocess.CompletedProcess(command, status, text if asked else HEADER, "")

        monkeypatch.setattr(gpu.shutil, "which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr(gpu.subprocess, "run", run)

    return set_up


def test_one() -> None:
    assert parse_gpus(ONE_GPU) == (H200,)


def test_two_and_what_does_not_apply() -> None:
    assert parse_gpus(TWO_GPUS) == (
        Gpu("NVIDIA Tesla T4", 15360 * MIB, "7.5", "535.183.01", 300, 1590, 70.0),
        Gpu("NVIDIA A100-SXM4-40GB MIG 1g.5gb", None, "8.0", "535.183.01"),
    )


def test_the_clock_of_the_moment_tells_no_two_machines_apart() -> None:
    (first,), (second,) = parse_gpus(ONE_GPU), parse_gpus(ONE_GPU.replace("345", "1755"))
    assert (first.clock_mhz, second.clock_mhz) == (345, 1755)
    assert first == second
    assert first != parse_gpus(ONE_GPU.replace("700.00", "350.00"))[0]


def test_how_long_its_clock_was_held_down(answers: Callable[[int, str], None]) -> None:
    answers(0, "1500000, 0, 250000, [N/A]\n0, 0, 0, 0\n")
    assert read_slowdowns() == ((1.5, 0.0, 0.25, 0.0), (0.0, 0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "[N/A], [N/A], [N/A], [N/A]\n"),
        (2, 'Field "clocks_event_reasons_counters.sw_power_cap" is not valid.\n'),
        (0, ""),
    ],
)
def test_a_driver_that_does_not_count(status: int, text: str, answers: Callable[[int, str], None]) -> None:
    answers(status, text)
    assert read_slowdowns() is None


@pytest.mark.parametrize("text", ["", NO_GPU, NO_DRIVER])
def test_none(text: str) -> None:
    assert parse_gpus(text) == ()


@pytest.mark.parametrize(("text", "version"), [(HEADER, "12.8"), ("CUDA UMD Version : 13.0", "13.0"), ("", None)])
def test_cuda(text: str, version: str | None) -> None:
    assert parse_cuda(text) == version


def test_reads_gpus_and_cuda(answers: Callable[[int, str], None], tmp_path: Path) -> None:
    answers(0, ONE_GPU)
    pci(tmp_path, "0000:01:00.0", "0x030200", "0x10de", "0x2335")
    pci(tmp_path, "0000:02:00.0", "0x030000", "0x8086", "0x56c0")
    assert read_gpus(tmp_path) == Gpus((H200, Gpu("Intel GPU 8086:56c0", None, None, None)), "12.8", None)


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (9, NO_DRIVER, "nvidia-smi: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver"),
        (6, NO_GPU, "nvidia-smi: No devices were found"),
        (0, NO_GPU, "nvidia-smi lists no GPU"),
        (1, "", "nvidia-smi: exit status 1"),
    ],
)
def test_why_there_is_none(
    status: int, text: str, reason: str, answers: Callable[[int, str], None], tmp_path: Path
) -> None:
    answers(status, text)
    found = read_gpus(tmp_path)
    assert found.devices == ()
    assert found.reason is not None
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (subprocess.TimeoutExpired("nvidia-smi", 20), "nvidia-smi does not answer within 20 s"),
        (PermissionError(13, "Permission denied"), "nvidia-smi cannot be started: Permission denied"),
    ],
)
def test_it_does_not_answer(error: Exception, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(gpu.shutil, "which", lambda name: name)
    monkeypatch.setattr(gpu.subprocess, "run", run)
    assert read_gpus(tmp_path) == Gpus(reason=reason)


def test_it_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_gpus(tmp_path) == Gpus(reason="no nvidia-smi, so no NVIDIA driver")


def test_pci_without_a_driver_and_with_one(tmp_path: Path) -> None:
    pci(tmp_path, "0000:01:00.0", "0x030200", "0x10de", "0x2335")
    driver = tmp_path / "sys/bus/pci/drivers/amdgpu"
    driver.mkdir(parents=True)
    (pci(tmp_path, "0000:02:00.0", "0x030000", "0x1002", "0x744c") / "driver").symlink_to(driver)
    pci(tmp_path, "0000:03:00.0", "0x030000", "0x1a03", "0x2000")  # a server's display chip
    pci(tmp_path, "0000:04:00.0", "0x020000", "0x8086", "0x1521")  # a network card
    assert read_pci(tmp_path) == (
        Gpu("NVIDIA GPU 10de:2335", None, None, None),
        Gpu("AMD GPU 1002:744c", None, None, "amdgpu"),
    )


def pci(root: Path, slot: str, kind: str, vendor: str, device: str) -> Path:
    """Puts a device on the bus."""
    folder = f"sys/bus/pci/devices/{slot}"
    write(root, {f"{folder}/class": f"{kind}\n", f"{folder}/vendor": f"{vendor}\n", f"{folder}/device": f"{device}\n"})
    return root / folder
