from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.bench.check import check, read_report
from resnet_export.bench.compare import paired
from resnet_export.bench.estimate import Estimate
from resnet_export.bench.grade import Grade
from resnet_export.bench.results import BenchReport, CaseResult, Relative
from resnet_export.bench.scenarios.concurrent import Concurrent
from resnet_export.bench.scenarios.offline import Offline
from resnet_export.bench.scenarios.server import Server
from resnet_export.data import to_json
from resnet_export.errors import InputError, UsageError
from resnet_export.machine.gpu import Gpus
from tests.bench import examples
from tests.bench.examples import CASE, MODEL, RAN, crashed, measured, series_of, unsteady
from tests.doctor.examples import MACHINE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

REFERENCE = "reference network 1 in onnxruntime 1.31.1"
HERE = dataclasses.replace(MACHINE, gpus=Gpus())
LABEL = "net.onnx in ort:cpu, batch 1, threads 2"


def case(median_ms: float = 20.0, seed: int = 0, samples: int = 800, **changes: Any) -> CaseResult:
    """A case with independent samples; `changes` are those of `of`."""
    return of(median_ms * np.random.default_rng(seed).lognormal(0.0, 0.05, samples), **changes)


def of(
    drawn: NDArray[np.float64], p50: Estimate | None = None, images_per_s: Estimate | None = None, **changes: Any
) -> CaseResult:
    """A case with these samples, or other figures of them.

    The changes are those of its model, its case, of what ran it, and of the result.
    """

    def taken(*names: str) -> dict[str, Any]:
        return {name: changes.pop(name) for name in names if name in changes}

    model = dataclasses.replace(MODEL, **{"path": "models/net.onnx", **taken("path", "sha256")})
    ran = dataclasses.replace(RAN, **{"version": "onnxruntime 1.31.1", **taken("version", "fallback")})
    own = dataclasses.replace(CASE, model=model, **taken("runtime", "batch", "io", "scenario"))
    series = series_of(drawn)
    if p50 is not None:
        series = dataclasses.replace(series, latency_ms=dataclasses.replace(series.latency_ms, p50=p50))
    if images_per_s is not None:
        series = dataclasses.replace(series, images_per_s=images_per_s)
    return examples.result(case=own, measured=measured(ran=ran, series=(series,)), **changes)


def beside(ratio: float, seed: int = 0, reference: str = REFERENCE, disturbances: tuple[str, ...] = ()) -> Relative:
    """How a case stands to the reference network: what eleven launches find that scatter by 1.5 %."""
    found = paired.estimate(math.log(ratio) + np.random.default_rng(seed).normal(0.0, 0.015, 11))
    return Relative(found, 11, reference, 7.0, disturbances)


def failed() -> CaseResult:
    """A case whose process died."""
    return crashed(case=case().case)


def result(*cases: CaseResult, **changes: Any) -> BenchReport:
    return examples.report(*cases, **{"machine": HERE, **changes})


def p50(found: CaseResult) -> Estimate:
    assert found.measured is not None
    return found.measured.main.latency_ms.p50


def statuses(*arguments: Any, **options: Any) -> list[str]:
    return [one.status for one in check(*arguments, **options).cases]


SAME = result(case())


class TestRegression:
    @pytest.mark.parametrize("seed", range(10))
    def test_ten_percent_fail_and_the_same_again_passes(self, seed: int) -> None:
        baseline = result(case(20.0, seed))
        again, slower = (check(result(case(time, 100 + seed)), baseline) for time in (20.0, 22.0))
        assert (again.passed, again.cases[0].status) == (True, "same")
        assert (slower.passed, slower.cases[0].status) == (False, "slower")
        assert slower.cases[0].times.ratio is not None
        assert slower.cases[0].times.ratio.value == pytest.approx(1.1, rel=0.02)

    @pytest.mark.parametrize("seed", range(10))
    def test_so_too_beside_the_reference_network_when_the_pace_changes(self, seed: int) -> None:
        baseline = result(of(unsteady(20.0, seed), relative=beside(2.8, seed)))
        changed = unsteady(24.0, 100 + seed)
        again, slower = (
            check(result(of(changed, relative=beside(ratio, 100 + seed))), baseline) for ratio in (2.8, 3.08)
        )
        assert [one.times.quantity for one in (*again.cases, *slower.cases)] == ["relative", "relative"]
        assert (again.passed, again.cases[0].status) == (True, "same")
        assert (slower.passed, slower.cases[0].status) == (False, "slower")

    def test_certain_but_small(self) -> None:
        found = check(result(case(20.6, samples=20000)), result(case(20.0, 1, samples=20000)))
        assert found.passed
        ratio = found.cases[0].times.ratio
        assert ratio is not None
        assert ratio.low is not None
        assert ratio.low > 1
        assert statuses(result(case(20.6)), result(case(20.0, 1)), tolerance=0.02) == ["slower"]

    def test_large_but_uncertain(self) -> None:
        wide = {"p50": Estimate(22.0, 15.0, 30.0)}
        (found,) = check(result(case(22.0, **wide)), result(case(20.0))).cases
        assert (found.status, found.failed) == ("undecided", False)
        assert found.reason == "the interval of the ratio is too wide: it has to be known to within 5 %"
        assert statuses(result(case(22.0, **wide)), result(case(20.0)), tolerance=0.5) == ["same"]

    @pytest.mark.parametrize(("factor", "status"), [(0.5, "faster"), (2.0, "slower")])
    def test_large_enough_to_be_certain_all_the_same(self, factor: float, status: str) -> None:
        wide = {"p50": Estimate(20.0 * factor, 17.0 * factor, 24.0 * factor)}
        assert statuses(result(case(**wide)), result(case(20.0))) == [status]

    def test_faster_is_noted(self) -> None:
        report = check(result(case(15.0)), result(case(20.0, 1)))
        assert (report.passed, report.cases[0].status) == (True, "faster")

    def test_the_interval_by_its_formula(self) -> None:
        (found,) = check(
            result(case(p50=Estimate(22.0, 21.0, 23.0))),
            result(case(p50=Estimate(20.0, 19.5, 20.5))),
        ).cases
        half = math.hypot(math.log(23 / 21) / 2, math.log(20.5 / 19.5) / 2)
        assert found.times.ratio is not None
        np.testing.assert_allclose(
            (found.times.ratio.low, found.times.ratio.high), (1.1 * math.exp(-half), 1.1 * math.exp(half))
        )

    @pytest.mark.long
    def test_the_interval_covers_the_truth(self) -> None:
        covered = 0
        for seed in range(300):
            (found,) = check(result(case(22.0, seed, 150)), result(case(20.0, 1000 + seed, 400))).cases
            assert found.times.ratio is not None
            assert found.times.ratio.low is not None
            assert found.times.ratio.high is not None
            covered += found.times.ratio.low <= 1.1 <= found.times.ratio.high
        assert 0.93 <= covered / 300 <= 0.99

    @given(st.floats(0.5, 2), st.floats(0.0, 0.2))
    def test_a_ratio_within_the_tolerance_never_fails(self, ratio: float, tolerance: float) -> None:
        before = p50(SAME.cases[0])
        assert before.low is not None
        assert before.high is not None
        now = Estimate(before.value * ratio, before.low * ratio, before.high * ratio)
        found = check(result(case(samples=8, p50=now)), SAME, tolerance)
        assert found.passed or ratio > 1 + tolerance


def test_offline_compares_the_time_of_an_image() -> None:
    before = case(scenario=Offline((1, 8)))
    now = case(160.0, images_per_s=Estimate(49.0, 48.5, 49.5), scenario=Offline((1, 8)))
    (found,) = check(result(now), result(before)).cases
    assert (found.times.quantity, found.status) == ("image", "same"), "a batch takes longer, an image does not"


class TestMatching:
    def test_a_case_that_is_missing_fails(self) -> None:
        other = case(runtime="openvino")
        report = check(result(case()), result(case(), other))
        assert [one.status for one in report.cases] == ["same", "missing"]
        assert [one.label for one in report.failures] == ["net.onnx in openvino, batch 1, threads 2"]

    def test_a_new_one_is_noted(self) -> None:
        report = check(result(case(batch=8), case()), result(case()))
        assert [one.status for one in report.cases] == ["same", "new"]
        assert report.passed
        assert report.cases[1].label == "net.onnx in ort:cpu, batch 8, threads 2"

    @pytest.mark.parametrize("path", ["net.onnx", "/elsewhere/net.onnx", "C:\\models\\net.onnx"])
    def test_the_folder_of_the_file_does_not_matter(self, path: str) -> None:
        assert statuses(result(case(path=path)), result(case())) == ["same"]

    def test_two_files_of_one_name_are_told_apart_by_their_order(self) -> None:
        both = (case(20.0, path="a/net.onnx"), case(40.0, 1, path="b/net.onnx"))
        report = check(result(*both), result(*both))
        assert [(one.status, one.baseline_ms) for one in report.cases] == [
            ("same", both[0].p50_ms),
            ("same", both[1].p50_ms),
        ]
        assert report.cases[1].label.endswith(", #2")

    @pytest.mark.parametrize(
        "change",
        [
            {"runtime": "ort:cpu,optimization=basic"},
            {"batch": 2},
            {"threads": 1},
            {"io": "device"},
            {"scenario": Concurrent(4)},
        ],
    )
    def test_what_tells_cases_apart(self, change: dict[str, Any]) -> None:
        with pytest.raises(InputError, match=r"have no case in common: the result has net\.onnx in "):
            check(result(case(**change)), result(case()))

    def test_a_scenario_s_settings_tell_cases_apart(self) -> None:
        four, eight = map(Concurrent, (4, 8))
        assert statuses(result(case(scenario=four), case(scenario=eight)), result(case(scenario=eight))) == [
            "same",
            "new",
        ]


class TestWithoutNumbers:
    def test_a_case_that_crashed_fails(self) -> None:
        (found,) = check(result(failed()), result(case())).cases
        assert (found.status, found.failed) == ("unmeasured", True)
        assert found.reason == "the result: its process was ended by SIGSEGV while sampling"

    def test_so_does_one_that_had_crashed(self) -> None:
        (found,) = check(result(case()), result(failed())).cases
        assert found.reason == "the baseline: its process was ended by SIGSEGV while sampling"

    def test_a_rate_that_was_searched_for_is_not_checked(self) -> None:
        searched = {"scenario": Server(50.0)}
        report = check(result(case(**searched), case()), result(case(**searched), case()))
        assert [one.status for one in report.cases] == ["unchecked", "same"]
        assert report.passed

    def test_too_few_samples_do_not_tell(self) -> None:
        report = check(result(case(samples=4)), result(case()))
        (found,) = report.cases
        assert (found.status, found.failed, report.passed, report.failures) == ("undecided", False, False, ())
        assert found.reason == "the result has too few samples, or too unsteady ones, for an interval"
        (both,) = check(result(case(samples=4)), result(case(samples=4))).cases
        assert both.reason == "the result and the baseline have too few samples, or too unsteady ones, for an interval"
        assert found.times.ratio is not None, "the figures are there all the same"
        assert (found.times.ratio.low, found.times.ratio.high) == (None, None)
        assert found.result_ms is not None
        assert found.baseline_ms is not None


class TestMachine:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"cpu": dataclasses.replace(HERE.cpu, model="AMD EPYC")}, f"CPU {HERE.cpu.model}, and here AMD EPYC"),
            ({"limits": dataclasses.replace(HERE.limits, cpus=1.0)}, "usable CPUs 1.5, and here 1"),
            ({"gpus": MACHINE.gpus}, "GPUs none, and here NVIDIA H200"),
        ],
    )
    def test_another_one_is_refused_unless_told_otherwise(self, change: dict[str, Any], told: str) -> None:
        here = result(case(), machine=dataclasses.replace(HERE, **change))
        with pytest.raises(InputError) as raised:
            check(here, result(case()))
        assert raised.value.message == f"The baseline was measured on another machine: {told}."
        assert "--other-machine" in str(raised.value.hint)
        report = check(here, result(case()), other_machine=True)
        assert (report.passed, report.notes) == (True, (f"another machine: {told}",))

    def test_what_else_changed_is_noted(self) -> None:
        now = case(version="onnxruntime 1.32.0", sha256="cd" * 32, fallback="the CPU ran it")
        assert check(result(now), result(case())).notes == (
            "onnxruntime 1.31.1 then, onnxruntime 1.32.0 now",
            f"{LABEL}: FALLBACK: the CPU ran it",
            "models/net.onnx is another file than then",
        )


class TestReference:
    def test_both_figures_in_milliseconds_stand_beside_its_ratio(self) -> None:
        (found,) = check(result(case(24.0, relative=beside(2.8))), result(case(20.0, relative=beside(2.8)))).cases
        assert (found.times.quantity, found.status) == ("relative", "same")
        assert (found.result_ms, found.baseline_ms) == (pytest.approx(24, rel=0.02), pytest.approx(20, rel=0.02))
        assert found.times.ratio is not None
        assert found.times.ratio.value == pytest.approx(1.0)

    def test_one_that_ran_in_something_else_is_left_out(self) -> None:
        older = beside(2.8, reference="reference network 1 in onnxruntime 1.30.0")
        report = check(result(case(relative=beside(5.6))), result(case(relative=older)))
        assert [(one.status, one.times.quantity) for one in report.cases] == [("same", "p50")]
        assert report.notes == (
            "reference network 1 in onnxruntime 1.30.0 then, reference network 1 in onnxruntime 1.31.1 now: it is left "
            "out",
        )

    def test_it_stands_in_for_too_few_samples(self) -> None:
        few = case(samples=4, relative=beside(2.8), grade=Grade("D", ("Few.",), ()))
        report = check(result(few), result(few))
        assert [one.status for one in report.cases] == ["same"]
        assert report.notes == (), "the grade is that of the samples"

    def test_one_without_an_interval_is_left_out_and_said_to_be(self) -> None:
        vague = case(relative=dataclasses.replace(beside(2.8), ratio=Estimate(2.8)))
        report = check(result(vague), result(vague))
        assert [(one.status, one.times.quantity) for one in report.cases] == [("same", "p50")]
        assert report.notes == (
            f"{LABEL}: the times relative to the reference network have no interval; p50 is compared",
        )

    def test_what_disturbed_it_is_noted(self) -> None:
        loud = case(relative=beside(2.8, disturbances=("Other processes used 1 of the 2 CPUs meanwhile.",)))
        assert check(result(case(relative=beside(2.8))), result(loud)).notes == (
            f"{LABEL}: the baseline beside the reference network: Other processes used 1 of the 2 CPUs meanwhile.",
        )

    def test_one_side_without_it(self) -> None:
        report = check(result(case()), result(case(relative=beside(2.8))))
        assert [(one.status, one.times.quantity) for one in report.cases] == [("same", "p50")]
        assert report.notes == (
            f"{LABEL}: only the baseline has a time relative to the reference network; it is left out",
        )
        assert statuses(result(case(samples=4)), result(case(relative=beside(2.8)))) == ["undecided"]


class TestDoubts:
    def test_a_poor_grade_is_noted(self) -> None:
        poor, good = (Grade(letter, ("Others used it.",), ()) for letter in ("C", "B"))
        assert check(result(case(grade=poor)), result(case(grade=good))).notes == (
            f"{LABEL}: the result has grade C: Others used it.",
        )

    def test_another_kernel_and_governor_are_noted(self) -> None:
        clock = dataclasses.replace(HERE.cpu.clock, governor=None)
        here = dataclasses.replace(
            HERE,
            system=dataclasses.replace(HERE.system, kernel="Linux 6.2"),
            cpu=dataclasses.replace(HERE.cpu, clock=clock),
        )
        assert check(result(case(), machine=here), result(case())).notes == (
            "kernel Linux 6.1.0-31-cloud-amd64 then, Linux 6.2 now",
            "governor powersave then, unknown now",
        )


class TestReading:
    @pytest.mark.parametrize("content", ["", "null", "[]", '"text"', "7", "{}", '{"journal": 1}', "\xff"])
    def test_no_result(self, content: str, tmp_path: Path) -> None:
        path = tmp_path / "baseline.json"
        path.write_bytes(content.encode("latin-1"))
        with pytest.raises(InputError, match=r"baseline\.json can't be read: ") as caught:
            read_report(path)
        assert caught.value.hint == "Give what `bench --output` wrote."

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"There is no file .*baseline\.json"):
            read_report(tmp_path / "baseline.json")
        with pytest.raises(InputError, match="cannot be read"):
            read_report(tmp_path)

    def test_what_was_written_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "baseline.json").write_text(to_json(SAME, indent=0))
        assert read_report(tmp_path / "baseline.json") == SAME

    @pytest.mark.parametrize("version", [0, 1, 2, 4])
    def test_another_schema_version(self, version: int, tmp_path: Path) -> None:
        (tmp_path / "old.json").write_text(json.dumps({"schema_version": version, "cases": []}))
        with pytest.raises(InputError, match=rf"has schema version {version}, and this release reads 3\."):
            read_report(tmp_path / "old.json")

    @pytest.mark.parametrize(
        ("spoil", "place"),
        [
            (lambda data: data["cases"][0]["case"].pop("model"), r"\$\.cases\[0\]\.case"),
            (
                lambda data: headline(data)["latency_ms"].pop("p50"),
                r"\$\.cases\[0\]\.measured\.series\[0\]\.latency_ms",
            ),
            (lambda data: data["cases"][0].update(relative={"ratio": 2.8}), r"\$\.cases\[0\]\.relative\.ratio"),
            (lambda data: data["cases"][0]["relative"].pop("reference"), "field `reference`"),
            (lambda data: data["cases"][0]["relative"]["ratio"].update(low=2.9), f"the times of {LABEL} contradict"),
            (lambda data: headline(data)["latency_ms"].update(p50="fast"), "got `str`"),
            (lambda data: headline(data)["latency_ms"]["p50"].update(low=0.0), f"the times of {LABEL} contradict"),
            (lambda data: headline(data)["images_per_s"].update(value=0.0), f"the times of {LABEL} contradict"),
            (lambda data: data["cases"][0]["measured"].update(headline=7), f"the times of {LABEL} contradict"),
            (lambda data: data["cases"].append(None), r"\$\.cases\[1\]"),
            (lambda data: data.update(cases=7), r"\$\.cases"),
            (lambda data: data.update(machine=None), r"\$\.machine"),
            (lambda data: data["machine"].pop("gpus"), "field `gpus`"),
            (lambda data: data["cases"][0]["case"].update(scenario="single"), r"\$\.cases\[0\]\.case\.scenario"),
        ],
    )
    def test_a_damaged_one(self, spoil: Callable[[Any], object], place: str, tmp_path: Path) -> None:
        data = result(case(samples=8, relative=beside(2.8))).as_dict()
        spoil(data)
        (tmp_path / "baseline.json").write_text(json.dumps(data))
        with pytest.raises(InputError, match=rf"baseline\.json .*{place}"):
            read_report(tmp_path / "baseline.json")

    @pytest.mark.parametrize("tolerance", [-0.01, math.nan, math.inf])
    def test_an_invalid_tolerance(self, tolerance: float) -> None:
        with pytest.raises(UsageError):
            check(SAME, SAME, tolerance)


def headline(data: Any) -> Any:
    return data["cases"][0]["measured"]["series"][0]


def test_the_json() -> None:
    plain = json.loads(json.dumps(check(result(failed()), SAME).as_dict(), allow_nan=False))
    assert (plain["schema_version"], plain["passed"], plain["tolerance"]) == (3, False, 0.05)
    assert plain["cases"][0]["status"] == "unmeasured"
    assert plain["cases"][0]["times"]["ratio"] is None
