"""One case in a process of its own: what it measures, and every way in which it can end."""

from __future__ import annotations

import re
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from resnet_export.bench.case import expand_cases
from resnet_export.bench.runner import Limits, run_case
from resnet_export.bench.sampling import Budget
from resnet_export.bench.scenarios import make_scenario
from resnet_export.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export.bench.results import CaseResult, Measured

SHORT = Budget(0.2, 70, 400)


def result(net: Path, runtime: str, *, timeout_s: float = 120.0, budget: Budget = SHORT) -> CaseResult:
    (case,) = expand_cases([net], [runtime])
    return run_case(case, 2, Limits(budget, timeout_s=timeout_s))


def measured(found: CaseResult) -> Measured:
    assert found.status == "measured", found.reason
    assert found.measured is not None
    return found.measured


def test_onnx_runtime(net: Path) -> None:
    found = result(net, "ort:cpu")
    told = measured(found)
    assert found.threads == 2
    assert (told.ran.device, told.ran.fallback, told.ran.precision) == ("CPU", None, "float32")
    assert set(told.ran.nodes) == {"CPUExecutionProvider"}
    assert "onnxruntime" in told.ran.version
    assert 70 <= len(told.main.samples_ns) <= 400
    assert min(told.import_ns, told.open_ns, told.first_run_ns, *told.warm_up_ns, *told.main.samples_ns) > 0
    memory = told.memory
    assert memory.peak_rss_bytes is not None
    assert 30e6 < memory.steady_rss_bytes < 1.01 * memory.peak_rss_bytes < 500e6, "its own, and not its parent's"
    assert told.main.latency_ms.samples == len(told.main.samples_ns)


def test_a_latency_that_was_asked_for(net: Path) -> None:
    told = measured(result(net, "synthetic,latency_ms=3"))
    assert min(told.first_run_ns, *told.warm_up_ns, *told.main.samples_ns) >= 3e6


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("runtime", "name", "doing"),
    [
        ("synthetic,fail=segfault", "SIGSEGV", "running it for the first time"),
        ("synthetic,fail=crash,after=30,latency_ms=10", "SIGABRT", "sampling"),
    ],
)
def test_a_crash(runtime: str, name: str, doing: str, net: Path) -> None:
    found = result(net, runtime, budget=Budget(1.0, 70))
    assert (found.status, found.signal, found.measured) == ("crashed", name, None)
    assert found.reason == f"its process was ended by {name} while {doing}"
    assert any("Fatal Python error" in line for line in found.log)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_kill_as_when_memory_runs_out(net: Path) -> None:
    def kill() -> None:
        while not (children := psutil.Process().children()):
            time.sleep(0.01)
        children[0].send_signal(signal.SIGKILL)

    threading.Thread(target=kill).start()
    found = result(net, "synthetic,fail=hang")
    assert (found.status, found.signal) == ("crashed", "SIGKILL")
    assert "as the kernel does when memory runs out" in str(found.reason)


def test_a_hang(net: Path) -> None:
    found = result(net, "synthetic,fail=hang", timeout_s=3)
    assert found.status == "hung"
    assert found.reason == (
        "its process gave no sign of life for 3 s while running it for the first time, and was ended"
    )
    assert psutil.Process().children() == []


@pytest.mark.parametrize(
    ("runtime", "message", "code"),
    [
        ("synthetic,fail=load", "The synthetic runtime cannot load net.onnx: it was told so.", 3),
        ("synthetic,fail=run", "It failed: it was told so.", 1),
        ("synthetic,batch=4", "synthetic,batch=4 takes batches of 4 only.", 3),
    ],
)
def test_what_the_runtime_raises(runtime: str, message: str, code: int, net: Path) -> None:
    found = result(net, runtime)
    assert (found.status, found.reason, found.exit_code) == ("failed", message, code)


def test_from_device_to_device(net: Path) -> None:
    (case,) = expand_cases([net], ["ort:cpu"], ios=["device"])
    told = measured(run_case(case, 2, Limits(SHORT)))
    assert len(told.main.samples_ns) >= 70
    assert told.new_shape_ns is not None
    (case,) = expand_cases([net], ["openvino"], ios=["device"])
    refused = run_case(case, 2, Limits(SHORT))
    assert (refused.status, refused.exit_code) == ("failed", 3)
    assert refused.reason == "openvino,threads=2 takes its inputs from the host only."


@pytest.mark.parametrize("runtime", ["ort:cpu", "openvino"])
def test_several_callers(runtime: str, net: Path) -> None:
    (case,) = expand_cases([net], [runtime], scenarios=[make_scenario("concurrent", callers=3)])
    told = measured(run_case(case, 2, Limits(SHORT)))
    assert told.main.callers == 3
    assert len(told.main.samples_ns) >= 70


def test_a_runtime_that_takes_one_caller(net: Path) -> None:
    (case,) = expand_cases([net], ["opencv"], scenarios=[make_scenario("concurrent")])
    refused = run_case(case, 2, Limits(SHORT))
    assert (refused.status, refused.reason) == ("failed", "opencv,threads=2 takes one caller at a time.")


def test_a_file_of_one_batch_is_not_run_with_another(make_net: Callable[..., Path]) -> None:
    assert measured(result(make_net(4), "ort:cpu")).new_shape_ns is None


def test_it_tells_how_it_stands(net: Path) -> None:
    (case,) = expand_cases([net], ["synthetic,latency_ms=10"])
    states: list[str] = []
    run_case(case, 2, Limits(Budget(1.2, 70)), states.append)
    assert "warming up" in states
    assert any(re.fullmatch(r"p50 1\d\.?\d* ms of \d+", state) for state in states)


@pytest.mark.parametrize("value", ["-1", "inf", "nan"])
def test_a_latency_that_cannot_be(value: str, net: Path) -> None:
    with pytest.raises(UsageError, match=rf"synthetic,latency_ms={value} is no duration\."):
        expand_cases([net], [f"synthetic,latency_ms={value}"])
