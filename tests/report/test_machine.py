from __future__ import annotations

from typing import Any

from resnet_export.machine.cgroup import Limits
from resnet_export.machine.clock import Clock
from resnet_export.machine.gpu import Gpu, Gpus
from resnet_export.report.machine import facts
from tests.report.bench.examples import MACHINE, replaced

GPU = Gpu("NVIDIA H200", 150_000_000_000, "9.0", "570.86", 345, 1980, 700.0)


def changed(**changes: Any) -> dict[str, str]:
    """Name -> fact, of the example with other facts."""
    return {name: ", ".join(parts) for name, parts in facts(replaced(MACHINE, **changes))}


def test_what_the_system_leaves_of_the_cpu() -> None:
    found = changed(cpu__affinity=1, limits=Limits(1.5))
    assert found["cores"] == "1 physical, 2 logical, affinity to 1 of them, cgroup quota 1.5"
    assert found["clock"] == "2.40 GHz now, up to 3.10 GHz"


def test_gpus_with_driver_and_clock() -> None:
    found = changed(gpus=Gpus((GPU,), "12.8"))
    assert found["GPU"] == (
        "NVIDIA H200, 139.7 GiB, compute capability 9.0, driver 570.86, 345 MHz now, up to 1980 MHz, power limit 700 W"
    )
    assert found["CUDA"] == "up to 12.8, by the driver"


def test_what_is_not_told_is_left_out() -> None:
    cpu = replaced(MACHINE.cpu, affinity=None, virtual=None, instruction_sets=None, clock=Clock())
    found = changed(cpu=cpu, gpus=Gpus(reason="no nvidia-smi"))
    assert list(found) == ["CPU", "", "cores", "memory", "GPU", "system", "Python"]
    assert found["GPU"] == "none (no nvidia-smi)"
