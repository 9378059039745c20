from __future__ import annotations

import copy
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_export.bench.check import check
from resnet_export.bench.compare import paired
from resnet_export.bench.statistics import summarise
from resnet_export.errors import InputError, UsageError
from tests.bench.examples import unsteady

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MACHINE = {"cpu": {"model": "AMD EPYC"}, "usable_cpus": 2.0, "gpus": {"devices": []}}


def case(median_ms: float = 20.0, seed: int = 0, samples: int = 800, **changes: Any) -> dict[str, Any]:
    """As `bench` writes one, with what a check reads of it."""
    return of(median_ms * np.random.default_rng(seed).lognormal(0.0, 0.05, samples)) | changes


def of(drawn: NDArray[np.float64]) -> dict[str, Any]:
    """A case with these samples."""
    summary = summarise(drawn)
    p50, mean = summary.median, summary.mean
    return {
        "model": "models/net.onnx",
        "sha256": "ab" * 32,
        "runtime": "ort:cpu",
        "batch": 1,
        "threads": 2,
        "boundary": "host",
        "scenario": {"name": "single", "callers": None, "batches": []},
        "status": "measured",
        "reason": None,
        "version": "onnxruntime 1.31.1",
        "fallback": None,
        "p50_ms": p50.value,
        "p50_low_ms": p50.low,
        "p50_high_ms": p50.high,
        "images_per_s": 1e3 / mean.value,
        "images_per_s_low": mean.high and 1e3 / mean.high,
        "images_per_s_high": mean.low and 1e3 / mean.low,
    }


def beside(ratio: float, seed: int = 0, low: float | None = None, **changes: Any) -> dict[str, Any]:
    """How a case stands to the reference network: what eleven launches find that scatter by 1.5 %."""
    found = paired.estimate(math.log(ratio) + np.random.default_rng(seed).normal(0.0, 0.015, 11))
    interval = {"ratio_low": found.low if low is None else low, "ratio_high": found.high}
    return {"ratio": found.value, **interval, "reference": "reference network 1 in onnxruntime 1.31.1", **changes}


def failed(**changes: Any) -> dict[str, Any]:
    """A case whose process died."""
    plain = {key: value for key, value in case().items() if not key.startswith(("p50", "images"))}
    return plain | {"status": "crashed", "reason": "its process was ended by SIGSEGV"} | changes


def result(*cases: dict[str, Any], **changes: Any) -> dict[str, Any]:
    plain = {"schema_version": 2, "budget": {"seconds": 10.0}, "machine": copy.deepcopy(MACHINE)}
    return plain | {"cases": list(cases)} | changes


def statuses(*arguments: Any, **options: Any) -> list[str]:
    return [one.status for one in check(*arguments, **options).cases]


class TestRegression:
    @pytest.mark.parametrize("seed", range(10))
    def test_ten_percent_fail_and_the_same_again_passes(self, seed: int) -> None:
        baseline = result(case(20.0, seed))
        again, slower = (check(result(case(time, 100 + seed)), baseline) for time in (20.0, 22.0))
        assert (again.passed, again.cases[0].status) == (True, "same")
        assert (slower.passed, slower.cases[0].status) == (False, "slower")
        assert slower.cases[0].ratio is not None
        assert slower.cases[0].ratio.value == pytest.approx(1.1, rel=0.02)

    @pytest.mark.parametrize("seed", range(10))
    def test_so_too_beside_the_reference_network_when_the_pace_changes(self, seed: int) -> None:
        baseline = result(of(unsteady(20.0, seed)) | {"relative": beside(2.8, seed)})
        changed = of(unsteady(24.0, 100 + seed))
        again, slower = (
            check(result(changed | {"relative": beside(ratio, 100 + seed)}), baseline) for ratio in (2.8, 3.08)
        )
        assert [one.quantity for one in (*again.cases, *slower.cases)] == ["relative", "relative"]
        assert (again.passed, again.cases[0].status) == (True, "same")
        assert (slower.passed, slower.cases[0].status) == (False, "slower")

    def test_certain_but_small(self) -> None:
        found = check(result(case(20.6, samples=20000)), result(case(20.0, 1, samples=20000)))
        assert found.passed
        ratio = found.cases[0].ratio
        assert ratio is not None
        assert ratio.low is not None
        assert ratio.low > 1
        assert statuses(result(case(20.6)), result(case(20.0, 1)), tolerance=0.02) == ["slower"]

    def test_large_but_uncertain(self) -> None:
        wide = {"p50_low_ms": 15.0, "p50_high_ms": 30.0}
        (found,) = check(result(case(22.0, **wide)), result(case(20.0))).cases
        assert (found.status, found.failed) == ("undecided", False)
        assert found.reason == "the interval of the ratio is too wide: it has to be known to within 5 %"
        assert statuses(result(case(22.0, **wide)), result(case(20.0)), tolerance=0.5) == ["same"]

    @pytest.mark.parametrize(("factor", "status"), [(0.5, "faster"), (2.0, "slower")])
    def test_large_enough_to_be_certain_all_the_same(self, factor: float, status: str) -> None:
        wide = {"p50_ms": 20.0 * factor, "p50_low_ms": 17.0 * factor, "p50_high_ms": 24.0 * factor}
        assert statuses(result(case(**wide)), result(case(20.0))) == [status]

    def test_faster_is_noted(self) -> None:
        report = check(result(case(15.0)), result(case(20.0, 1)))
        assert (report.passed, report.cases[0].status) == (True, "faster")

    def test_the_interval_by_its_formula(self) -> None:
        (found,) = check(
            result(case(p50_ms=22.0, p50_low_ms=21.0, p50_high_ms=23.0)),
            result(case(p50_ms=20.0, p50_low_ms=19.5, p50_high_ms=20.5)),
        ).cases
        half = math.hypot(math.log(23 / 21) / 2, math.log(20.5 / 19.5) / 2)
        assert found.ratio is not None
        np.testing.assert_allclose((found.ratio.low, found.ratio.high), (1.1 * math.exp(-half), 1.1 * math.exp(half)))

    def test_the_interval_covers_the_truth(self) -> None:
        covered = 0
        for seed in range(300):
            (found,) = check(result(case(22.0, seed, 150)), result(case(20.0, 1000 + seed, 400))).cases
            assert found.ratio is not None
            assert found.ratio.low is not None
            assert found.ratio.high is not None
            covered += found.ratio.low <= 1.1 <= found.ratio.high
        assert 0.93 <= covered / 300 <= 0.99

    @given(st.floats(0.5, 2), st.floats(0.0, 0.2))
    def test_a_ratio_within_the_tolerance_never_fails(self, ratio: float, tolerance: float) -> None:
        before = case()
        now = before | {key: before[key] * ratio for key in ("p50_ms", "p50_low_ms", "p50_high_ms")}
        found = check(result(now), result(before), tolerance)
        assert found.passed or ratio > 1 + tolerance


def test_offline_compares_the_time_of_an_image() -> None:
    offline = {"scenario": {"name": "offline", "callers": None, "batches": [1, 8]}}
    before = case(**offline)
    now = case(160.0, images_per_s=49.0, images_per_s_low=48.5, images_per_s_high=49.5, **offline)
    (found,) = check(result(now), result(before)).cases
    assert (found.quantity, found.status) == ("image", "same"), "its batch of 8 takes longer, and its images do not"


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
        assert statuses(result(case(model=path)), result(case())) == ["same"]

    def test_two_files_of_one_name_are_told_apart_by_their_order(self) -> None:
        both = (case(20.0, model="a/net.onnx"), case(40.0, 1, model="b/net.onnx"))
        report = check(result(*both), result(*both))
        assert [(one.status, one.baseline_ms) for one in report.cases] == [
            ("same", both[0]["p50_ms"]),
            ("same", both[1]["p50_ms"]),
        ]
        assert report.cases[1].label.endswith(", #2")

    @pytest.mark.parametrize(
        "change",
        [
            {"runtime": "ort:cpu,optimization=basic"},
            {"batch": 2},
            {"threads": 1},
            {"boundary": "device"},
            {"scenario": {"name": "concurrent", "callers": 4, "batches": []}},
        ],
    )
    def test_what_tells_cases_apart(self, change: dict[str, Any]) -> None:
        with pytest.raises(InputError, match=r"have no case in common: the result has net\.onnx in "):
            check(result(case(**change)), result(case()))

    def test_a_scenario_s_settings_tell_cases_apart(self) -> None:
        four, eight = ({"name": "concurrent", "callers": count, "batches": []} for count in (4, 8))
        assert statuses(result(case(scenario=four), case(scenario=eight)), result(case(scenario=eight))) == [
            "same",
            "new",
        ]


class TestWithoutNumbers:
    def test_a_case_that_crashed_fails(self) -> None:
        (found,) = check(result(failed()), result(case())).cases
        assert (found.status, found.failed) == ("unmeasured", True)
        assert found.reason == "the result: its process was ended by SIGSEGV"

    def test_so_does_one_that_had_crashed(self) -> None:
        (found,) = check(result(case()), result(failed())).cases
        assert found.reason == "the baseline: its process was ended by SIGSEGV"

    def test_a_rate_that_was_searched_for_is_not_checked(self) -> None:
        searched = {"scenario": {"name": "server", "slo_p99_ms": 50.0}}
        report = check(result(case(**searched), case()), result(case(**searched), case()))
        assert [one.status for one in report.cases] == ["unchecked", "same"]
        assert report.passed

    def test_too_few_samples_do_not_tell(self) -> None:
        report = check(result(case(samples=4)), result(case()))
        (found,) = report.cases
        assert (found.status, found.failed, report.passed, report.failures) == ("undecided", False, False, ())
        assert found.reason == "the result has too few samples, or too unsteady ones, for an interval"
        assert found.ratio is not None, "the figures are there all the same"
        assert (found.ratio.low, found.ratio.high) == (None, None)
        assert found.result_ms is not None
        assert found.baseline_ms is not None


class TestMachine:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"cpu": {"model": "Intel Xeon"}}, "CPU AMD EPYC, and here Intel Xeon"),
            ({"usable_cpus": 4.0}, "usable CPUs 2, and here 4"),
            ({"gpus": {"devices": [{"name": "NVIDIA H200"}]}}, "GPUs none, and here NVIDIA H200"),
        ],
    )
    def test_another_one_is_refused_unless_told_otherwise(self, change: dict[str, Any], told: str) -> None:
        here = result(case(), machine=MACHINE | change)
        with pytest.raises(InputError, match=f"The baseline was measured on another machine: {told}") as raised:
            check(here, result(case()))
        assert "--other-machine" in str(raised.value.hint)
        report = check(here, result(case()), other_machine=True)
        assert (report.passed, report.notes) == (True, (f"another machine: {told}",))

    def test_what_else_changed_is_noted(self) -> None:
        now = case(version="onnxruntime 1.32.0", sha256="cd" * 32, fallback="the CPU ran it")
        assert check(result(now), result(case())).notes == (
            "onnxruntime 1.31.1 then, onnxruntime 1.32.0 now",
            "net.onnx in ort:cpu, batch 1, threads 2: FALLBACK: the CPU ran it",
            "models/net.onnx is another file than then",
        )


class TestReference:
    def test_both_figures_in_milliseconds_stand_beside_its_ratio(self) -> None:
        (found,) = check(result(case(24.0, relative=beside(2.8))), result(case(20.0, relative=beside(2.8)))).cases
        assert (found.quantity, found.status) == ("relative", "same")
        assert (found.result_ms, found.baseline_ms) == (pytest.approx(24, rel=0.02), pytest.approx(20, rel=0.02))
        assert found.ratio is not None
        assert found.ratio.value == pytest.approx(1.0)

    def test_one_that_ran_in_something_else_is_left_out(self) -> None:
        older = beside(2.8, reference="reference network 1 in onnxruntime 1.30.0")
        report = check(result(case(relative=beside(5.6))), result(case(relative=older)))
        assert [(one.status, one.quantity) for one in report.cases] == [("same", "p50")]
        assert report.notes == (
            "reference network 1 in onnxruntime 1.30.0 then, reference network 1 in onnxruntime 1.31.1 now: it is left "
            "out",
        )

    def test_it_stands_in_for_too_few_samples(self) -> None:
        few = case(samples=4, relative=beside(2.8), grade={"letter": "D", "reasons": ["Few."], "advice": []})
        report = check(result(few), result(few))
        assert [one.status for one in report.cases] == ["same"]
        assert report.notes == (), "the grade is that of the samples"

    def test_what_disturbed_it_is_noted(self) -> None:
        loud = case(relative=beside(2.8, disturbances=["Other processes used 1 of the 2 CPUs meanwhile."]))
        assert check(result(case(relative=beside(2.8))), result(loud)).notes == (
            "net.onnx in ort:cpu, batch 1, threads 2: the baseline beside the reference network: Other processes used "
            "1 of the 2 CPUs meanwhile.",
        )

    def test_one_side_without_it(self) -> None:
        report = check(result(case()), result(case(relative=beside(2.8))))
        assert [(one.status, one.quantity) for one in report.cases] == [("same", "p50")]
        assert report.notes == (
            "net.onnx in ort:cpu, batch 1, threads 2: only the baseline has a time relative to the reference network; "
            "it is left out",
        )
        assert statuses(result(case(samples=4)), result(case(relative=beside(2.8)))) == ["undecided"]


class TestDoubts:
    def test_a_poor_grade_is_noted(self) -> None:
        poor, good = ({"letter": letter, "reasons": ["Others used it."], "advice": []} for letter in "CB")
        assert check(result(case(grade=poor)), result(case(grade=good))).notes == (
            "net.onnx in ort:cpu, batch 1, threads 2: the result has grade C: Others used it.",
        )

    def test_another_kernel_and_governor_are_noted(self) -> None:
        here = MACHINE | {
            "system": {"kernel": "Linux 6.2"},
            "cpu": {"model": "AMD EPYC", "clock": {"governor": "powersave"}},
        }
        assert check(result(case(), machine=here), result(case())).notes == (
            "kernel unknown then, Linux 6.2 now",
            "governor unknown then, powersave now",
        )


class TestBadInput:
    @pytest.mark.parametrize("data", [None, [], "text", 7, {}, {"schema_version": 1}, {"journal": 1}])
    def test_no_result(self, data: Any) -> None:
        with pytest.raises(InputError, match="The baseline is no result of a benchmark"):
            check(result(case()), data)
        with pytest.raises(InputError, match="The result is no result of a benchmark"):
            check(data, result(case()))

    @pytest.mark.parametrize("version", [0, 1, "2", None])
    def test_another_schema_version(self, version: Any) -> None:
        with pytest.raises(InputError, match=rf"The baseline has schema version {version}, and this release reads 2\."):
            check(result(case()), result(case(), schema_version=version))

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda data: data["cases"][0].pop("model"),
            lambda data: data["cases"][0].pop("p50_low_ms"),
            lambda data: data["cases"][0].update(relative={"ratio": 2.8}),
            lambda data: data["cases"][0].update(
                relative={key: one for key, one in beside(2.8).items() if key != "reference"}
            ),
            lambda data: data["cases"][0].update(relative=beside(2.8, low=2.9)),
            lambda data: data["cases"][0].update(p50_ms="fast"),
            lambda data: data["cases"].append(None),
            lambda data: data.update(cases=7),
            lambda data: data.update(machine=None),
            lambda data: data["machine"].pop("gpus"),
            lambda data: data["cases"][0].update(scenario="single"),
            lambda data: data["cases"][0].update(p50_low_ms=0.0),
        ],
    )
    def test_a_damaged_one(self, spoil: Callable[[Any], object]) -> None:
        data = result(case())
        spoil(data)
        with pytest.raises(InputError, match="The baseline is damaged"):
            check(result(case()), data)

    @pytest.mark.parametrize("tolerance", [-0.01, math.nan, math.inf])
    def test_a_tolerance_that_cannot_be_meant_so(self, tolerance: float) -> None:
        with pytest.raises(UsageError):
            check(result(case()), result(case()), tolerance)


def test_the_json() -> None:
    plain = json.loads(json.dumps(check(result(failed()), result(case())).as_dict(), allow_nan=False))
    assert (plain["schema_version"], plain["passed"], plain["tolerance"]) == (2, False, 0.05)
    assert plain["cases"][0]["status"] == "unmeasured"
    assert plain["cases"][0]["ratio"] is None
