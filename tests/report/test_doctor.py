from __future__ import annotations

import dataclasses

import pytest

from resnet_export.doctor import Problem, Providers, RuntimeCheck
from resnet_export.machine.cgroup import Limits
from resnet_export.machine.clock import Clock
from resnet_export.machine.gpu import Gpu, Gpus
from resnet_export.report.doctor import render
from resnet_export.terminal import WIDTH
from tests.doctor.examples import CLASH, CUDA, MACHINE, example


@pytest.mark.parametrize(
    "fact",
    [
        "resnet-export 0.1.0",
        "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz, x86_64, virtual",
        "AVX2, AVX-512, VNNI, BF16; no AMX-INT8 or AMX-BF16",
        "4 physical, 8 logical, affinity to 2 of them, cgroup quota 1.5, two threads a core",
        "clock 2.70 GHz now, up to 3.80 GHz, governor powersave, boost on",
        "32.0 GiB, cgroup limit 4.0 GiB",
        "NVIDIA H200, 139.0 GiB, compute capability 9.0, driver 570.124.06, 345 MHz now, up to 1980 MHz, power limit ",
        "CUDA up to 12.8, by the driver",
        "Debian GNU/Linux 12 (bookworm), Linux 6.1.0-31-cloud-amd64, glibc 2.36, in a container (docker)",
        "Python CPython 3.11.7",
        "onnxruntime-gpu 1.31.1 providers compiled in: Tensorrt, CUDA, CPU",
        "as tested numpy 2.4.6 ",
        "not tested torch 2.9.0+cpu (2.13.0 was)",
        "Runtimes that run here ort:cpu onnxruntime-gpu 1.31.1, CPU",
        "ort:cuda CUDAExecutionProvider cannot be loaded: libcublasLt.so.13 is not there.",
        'libcublasLt.so.13 is not there. pip install "resnet-export[cuda]" tract',
        "tract not installed: pip install tract",
    ],
)
def test_tells_what_runs_here(fact: str) -> None:
    assert fact in flowing(render(example()))


def test_nothing_is_said_of_problems_where_there_are_none() -> None:
    assert "Problems" not in render(example())


def test_problems_come_with_their_cure() -> None:
    lines = render(example(problems=(CLASH,))).splitlines()
    assert flowing("\n".join(lines)).endswith(f"Problems 1 {CLASH.what} {' '.join(CLASH.cure)}")
    assert [line.strip() for line in lines[-2:]] == list(CLASH.cure)


def test_a_bare_machine() -> None:
    cpu = dataclasses.replace(
        MACHINE.cpu,
        physical_cores=None,
        affinity=None,
        instruction_sets=None,
        model="unknown",
        virtual=None,
        smt=None,
        clock=Clock(),
    )
    system = dataclasses.replace(MACHINE.system, libc=None, container=None)
    machine = dataclasses.replace(MACHINE, cpu=cpu, limits=Limits(), gpus=Gpus(), system=system)
    text = flowing(
        render(example(machine=machine, onnxruntimes={}, providers=Providers(reason="ImportError: no"), runtimes=()))
    )
    assert "CPU unknown, x86_64 instruction sets unknown cores 8 logical, no cgroup quota memory" in text
    assert "32.0 GiB, no cgroup limit GPU none system" in text
    assert "ONNX Runtime not installed cannot be imported: ImportError: no as tested" in text
    assert "Runtimes" not in text


def test_gpus_without_their_driver() -> None:
    gpus = Gpus((Gpu("NVIDIA GPU 10de:2335", None, None, None),), None, "no nvidia-smi, so no NVIDIA driver")
    text = flowing(render(example(machine=dataclasses.replace(MACHINE, gpus=gpus))))
    assert "GPU NVIDIA GPU 10de:2335, no driver no nvidia-smi, so no NVIDIA driver" in text
    assert "CUDA up to" not in text


LONG = RuntimeCheck(
    "a_runtime_of_a_third_party_with_a_long_name",
    "failed",
    "OSError: \x1b[31m/opt/a/very/long/path/" + "x" * 300 + "\x1b[0m\n\x07\tand [bold]more[/bold] " * 50,
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"runtimes": (LONG, CUDA)},
        {"problems": (CLASH, Problem("word " * 60, ("pip install " + "y" * 100,)))},
        {"distributions": tuple(example().distributions) * 20},
        {"providers": Providers(reason="z" * 500)},
    ],
)
def test_stays_within_80_columns(changes: dict[str, object]) -> None:
    lines = render(example(**changes)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert [line for line in lines if line != line.rstrip()] == []


def test_what_others_say_is_plain_text() -> None:
    check = RuntimeCheck("mine", "failed", "\x1b[31m[bold]bad[/bold]\x1b[0m\x07 news\r\n\tof [cuda,cudnn]", None)
    assert "mine [bold]bad[/bold] news of [cuda,cudnn]" in flowing(render(example(runtimes=(check,))))


def test_values_are_not_broken_from_their_units() -> None:
    for line in render(example(distributions=tuple(example().distributions[:1]) * 30)).splitlines():
        assert not line.endswith(" numpy")


def test_fits_one_screen() -> None:
    assert len(render(example()).splitlines()) <= 30


def flowing(text: str) -> str:
    """The text with each run of blanks and line ends as one blank."""
    return " ".join(text.split())
