"""From a request to a network, and what is said of it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from resnet_export import runtimes
from resnet_export.bench.case import expand_cases
from resnet_export.bench.request import Request
from resnet_export.bench.scenarios import Scenario, make_scenario
from resnet_export.bench.scenarios.single import Single
from resnet_export.bench.worker import CaseWorker
from resnet_export.errors import MissingDependencyError, NotApplicableError, UnavailableError
from resnet_export.runtimes import RuntimeSpec
from resnet_export.runtimes.reference import ReferenceSession
from resnet_export.runtimes.session import Placement

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Options:
    allow_fallback: bool = False


class StandIn(ReferenceSession):
    version = "the CPU's 1.0"

    def placement(self) -> Placement:
        return Placement("CPU", {}, "the CPU ran it")


class Absent:
    """Not here; something else runs in its place where that is allowed."""

    options = Options
    library = "no_such_library"

    def probe(self) -> str:
        raise UnavailableError("There is no such device.")

    def open(self, path: Path, options: Options) -> StandIn:
        assert options.allow_fallback
        return StandIn(path)


class WithoutLibrary(Absent):
    def probe(self) -> str:
        return "absent 2.0"


def request_of(net: Path, runtime: str = "ort:cpu", **changes: Any) -> Request:
    (case,) = expand_cases([net], [runtime])
    return dataclasses.replace(Request.of(case, 1), **changes)


def loaded(request: Request) -> CaseWorker:
    worker = CaseWorker(lambda value: None)
    worker.load(request)
    return worker


def test_what_ran(net: Path) -> None:
    worker = loaded(request_of(net))
    worker.open(Single())
    worker.first_run()
    ran = worker.ran()
    assert "CPUExecutionProvider" in ran.version
    assert ran.nodes.keys() == {"CPUExecutionProvider"}
    assert (ran.precision, ran.device, ran.fallback) == ("float32", "CPU", None)


@pytest.mark.parametrize("absent", [Absent, WithoutLibrary])
def test_the_version_is_that_of_what_stood_in(absent: type[Absent], net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = request_of(net, allow_fallback=True)
    monkeypatch.setattr(runtimes, "find", lambda name: absent())
    worker = loaded(dataclasses.replace(request, spec=RuntimeSpec("absent", Options(allow_fallback=True))))
    worker.open(Single())
    ran = worker.ran()
    assert (ran.version, ran.fallback) == ("the CPU's 1.0", "the CPU ran it")


@pytest.mark.parametrize(("absent", "kind"), [(Absent, UnavailableError), (WithoutLibrary, MissingDependencyError)])
def test_nothing_stands_in_where_nobody_allowed_it(
    absent: type[Absent], kind: type[Exception], net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of(net)
    monkeypatch.setattr(runtimes, "find", lambda name: absent())
    with pytest.raises(kind, match=r"There is no such device|no_such_library is not installed"):
        loaded(dataclasses.replace(request, spec=RuntimeSpec("absent", Options())))


@pytest.mark.parametrize(
    ("runtime", "batch", "scenario", "message"),
    [
        ("synthetic,batch=4", 1, Single(), "takes batches of 4 only"),
        ("reference", 1, make_scenario("concurrent"), "reference takes one caller at a time"),
    ],
)
def test_it_refuses_what_the_runtime_does_not_take(
    runtime: str, batch: int, scenario: Scenario, message: str, net: Path
) -> None:
    worker = loaded(request_of(net, runtime, batch=batch))
    with pytest.raises(NotApplicableError, match=message):
        worker.open(scenario)


@pytest.mark.parametrize("module", ["bench.worker", "bench.profile.worker", "bench.roofline.worker"])
def test_the_start_of_a_process_does_not_wait_for_the_reading_of_graphs(module: str) -> None:
    program = f"import sys, resnet_export.{module}; sys.exit('onnx_ir' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
