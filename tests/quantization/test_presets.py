from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_export.cli.quantize import RANGES, TARGETS
from resnet_export.errors import UsageError
from resnet_export.machine.cpu import Cpu
from resnet_export.quantization.presets import PRESETS, THIS_MACHINE, find_preset, is_here, runs_here
from resnet_export.quantization.ranges import AUTO, METHODS

X86 = Cpu("AMD EPYC with VNNI in its name", "x86_64", 2, 2, 2, {"AVX2": True, "VNNI": False}, False)
VNNI = replace(X86, model="some CPU", instruction_sets={"AVX2": True, "VNNI": True})
ARM = replace(X86, architecture="aarch64", instruction_sets={"NEON": True})


@pytest.mark.parametrize(
    ("cpu", "name"),
    [(VNNI, "x86-vnni"), (X86, "x86-avx2"), (replace(X86, instruction_sets=None), "x86-avx2"), (ARM, "arm")],
)
def test_this_machine_is_known_by_its_instruction_sets(cpu: Cpu, name: str) -> None:
    assert find_preset(THIS_MACHINE, cpu).name == name


def test_a_machine_without_a_preset() -> None:
    with pytest.raises(UsageError, match="No preset fits this machine: its architecture is riscv64"):
        find_preset(THIS_MACHINE, replace(X86, architecture="riscv64"))


def test_an_unknown_target() -> None:
    with pytest.raises(UsageError, match="There is no target 'x86'"):
        find_preset("x86", X86)


def test_which_files_are_timed_here() -> None:
    assert [name for name in PRESETS if runs_here(PRESETS[name], VNNI)] == ["x86-vnni", "x86-avx2", "openvino"]
    assert [name for name in PRESETS if is_here(PRESETS[name], VNNI)] == ["x86-vnni", "openvino"]
    assert [name for name in PRESETS if runs_here(PRESETS[name], ARM)] == ["arm", "openvino"]


def test_each_preset_has_a_reason_and_a_source() -> None:
    assert all(preset.reason and preset.source for preset in PRESETS.values())


def test_the_command_has_the_same_names() -> None:
    assert (THIS_MACHINE, *PRESETS) == TARGETS
    assert (AUTO, *METHODS) == RANGES
