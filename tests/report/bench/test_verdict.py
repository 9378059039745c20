from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from resnet_export.bench.compare.side import read_sides
from resnet_export.bench.scenarios import make_scenario
from resnet_export.report.bench.verdict import verdicts
from tests.bench.examples import CASE, NOISE, crashed, measured, result, series
from tests.report.bench.examples import MACHINE, graded

if TYPE_CHECKING:
    from resnet_export.bench.results import CaseResult

CPUS = int(MACHINE.usable_cpus)


def one(median_ms: float, *, samples: int = 1000, disturbed: bool = False, **changes: Any) -> CaseResult:
    case = dataclasses.replace(CASE, **changes)
    noise = dataclasses.replace(NOISE, others_cpus=1.9) if disturbed else NOISE
    told = measured(series=(series(samples, median_ms, batch=case.batch),))
    return result(case=case, threads=case.threads or CPUS, measured=told, noise=noise)


def told(*cases: CaseResult) -> list[tuple[str, str]]:
    return list(verdicts(graded(*cases)))


def test_two_cases() -> None:
    ((sentence, command),) = told(one(16.0, threads=1), one(31.0, threads=2))
    assert sentence == "1 thread beats 2 threads: 15.94 ms against 30.88 ms (1.94 times as fast)."
    assert command == ""


def test_several_threads_are_plural() -> None:
    assert told(one(31.0, threads=1), one(16.0, threads=2))[0][0].startswith("2 threads beat 1 thread: 15.94 ms")
    cases = [one(ms, threads=count) for count, ms in ((1, 31.0), (2, 16.0), (4, 20.0))]
    assert told(*cases)[0][0].startswith("2 threads are the fastest of 3: 15.94 ms. Next: 4 threads, ")


def test_several_runtimes() -> None:
    cases = [one(ms, runtime=name) for ms, name in ((17.5, "ort:cpu"), (9.1, "openvino"), (30, "torch"))]
    ((sentence, _),) = told(*cases)
    assert sentence == "openvino is the fastest of 3: 9.066 ms. Next: ort:cpu, 17.43 ms (1.92 times as fast)."


def test_batches_are_told_by_their_throughput() -> None:
    ((sentence, _),) = told(one(16.0, batch=1), one(64.0, batch=8))
    assert sentence == "batch 8 beats batch 1: 125.2 images/s against 62.58 images/s (2.00 times as fast)."


@pytest.mark.parametrize("scenario", ["offline", "concurrent"])
def test_throughput_of_other_scenarios(scenario: str) -> None:
    cases = [one(ms, runtime=name, scenario=make_scenario(scenario)) for ms, name in ((8, "ort:cpu"), (4, "openvino"))]
    assert told(*cases)[0][0].startswith("openvino beats ort:cpu: 250.3 images/s against 125.2 images/s")


def test_what_is_too_close_to_call_comes_with_the_command_that_can_tell() -> None:
    ((sentence, command),) = told(one(16.0, threads=CPUS), one(16.01, threads=CPUS + 1, runtime="openvino"))
    assert sentence.startswith("Too close to call: ort:cpu")
    assert sentence.endswith("; their intervals overlap.")
    assert shlex.split(command) == [
        "resnet-export", "bench", "compare", "--a", "model=net.onnx,runtime=ort:cpu",
        "--b", f"model=net.onnx,runtime=openvino,threads={CPUS + 1}",
    ]  # fmt: skip


def test_the_command_can_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model = dataclasses.replace(CASE.model, path="a folder/it's.onnx")
    monkeypatch.setattr("resnet_export.bench.case.read_model", lambda path: dataclasses.replace(model, path=str(path)))
    cases = [one(16.0, model=model, batch=4), one(16.01, model=model, batch=4, runtime="ort:cpu,optimization=basic")]
    *_, a, _, b = shlex.split(told(*cases)[0][1])
    first, second = read_sides(a, b)
    assert (first.model, first.runtime, first.batch) == (model, "ort:cpu", 4)
    assert (second.model, second.runtime, second.batch) == (model, "ort:cpu,optimization=basic", 4)


def test_no_command_for_what_compare_cannot_be_told() -> None:
    model = dataclasses.replace(CASE.model, path="a,b.onnx")
    assert told(one(16.0, model=model, threads=1), one(16.01, model=model, threads=2))[0][1] == ""
    either = [one(16.0, threads=CPUS + 1), one(16.01, runtime="ort:cpu,optimization=basic")]
    assert shlex.split(told(*either)[0][1]) == [], "B would inherit the threads of A"
    batches = [one(16.0, batch=1), one(32.0, batch=2)]
    sentence = "Too close to call: batch 1 (62.58 images/s) and batch 2 (62.58 images/s); their intervals overlap."
    assert told(*batches) == [(sentence, "")]


def test_a_disturbed_case_is_slower_only_where_its_fastest_run_is() -> None:
    ((sentence, _),) = told(one(16.0, threads=1), one(17.0, threads=2, disturbed=True))
    assert sentence.endswith("; what disturbed them may be the difference.")
    assert "beats" in told(one(16.0, threads=1), one(17.0, threads=2))[0][0]
    ((sentence, command),) = told(one(16.0, threads=1), one(31.0, threads=2, disturbed=True))
    assert "beats" in sentence
    assert sentence.endswith(" The machine was disturbed, which may be the difference: compare them in turns.")
    assert command.startswith("resnet-export bench compare --a ")


def test_few_samples_are_told_by_their_ends() -> None:
    assert "beats" in told(one(16.0, samples=4, threads=1), one(31.0, samples=4, threads=2))[0][0]
    assert "Too close" in told(one(16.0, samples=4, threads=1), one(16.2, samples=4, threads=2))[0][0]


def test_nothing_is_said_of_one_case_or_of_what_does_other_work() -> None:
    assert told(one(16.0)) == []
    assert told(one(16.0), crashed()) == []
    assert told(*(one(ms, runtime=name, scenario=make_scenario("idle")) for ms, name in ((8, "a"), (4, "b")))) == []
