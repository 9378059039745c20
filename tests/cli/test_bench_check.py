"""`resnet-export bench check`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from xml.etree import ElementTree as ET

import click
import pytest
from click.testing import CliRunner

from resnet_export.bench.check import check as hold
from resnet_export.bench.check.checked import Status
from resnet_export.cli.bench_check import check
from resnet_export.report import check_text
from tests.bench.check.test_check import MACHINE, beside, case, failed, of, result
from tests.bench.examples import unsteady

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

GUIDE = Path(__file__).parents[2] / "docs" / "bench-compare.md"


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "baseline.json").write_text(json.dumps(result(case(20.0, 1), case(batch=8))))

    def run(data: Any, *arguments: str) -> Result:
        Path("result.json").write_text(data if isinstance(data, str) else json.dumps(data))
        words = ["result.json", *arguments]
        if "--baseline" not in words:
            words += ["--baseline", "baseline.json"]
        return CliRunner().invoke(check, words, prog_name="resnet-export bench check")

    return run


AGAIN = result(case(20.0, 2), case(batch=8))
FAILED = """\
error: result.json did not pass: 1 case failed.
To see whether it is the machine, let both take turns: resnet-export bench compare.
"""
SLOWER = result(case(22.0, 2), case(batch=8))


def test_a_pass(invoke: Callable[..., Result]) -> None:
    done = invoke(AGAIN)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.endswith("Passed: nothing is shown to be slower by more than 5 %.\n")
    assert "     net.onnx in ort:cpu, batch 1, threads 2\n" in done.stdout


def test_a_regression(invoke: Callable[..., Result]) -> None:
    done = invoke(SLOWER)
    assert (done.exit_code, done.stderr) == (1, FAILED)
    assert "SLOWER" in done.stdout
    assert "Failed: 1 case slower by more than 5 %." in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_pace_that_changes(invoke: Callable[..., Result]) -> None:
    Path("unsteady.json").write_text(json.dumps(result(of(unsteady(20.0, 3)) | {"relative": beside(2.8, 3)})))
    done = invoke(result(of(unsteady(20.0, 4)) | {"relative": beside(3.08, 4)}), "--baseline", "unsteady.json")
    assert done.exit_code == 1
    assert re.search(r" 2\.\d+ x reference +3\.\d+ x reference +1\.\d+ +\[.*\] +SLOWER", done.stdout)


def test_samples_that_cannot_tell(invoke: Callable[..., Result]) -> None:
    done = invoke(result(case(samples=30), case(batch=8)))
    assert done.exit_code == 1
    assert "too few samples, or too unsteady ones, in the result" in " ".join(done.stdout.split())
    assert "error: result.json did not pass: 1 case failed.\nMeasure both beside a network that never" in done.stderr
    assert "resnet-export bench compare --fail-if slower" in done.stderr


def test_a_case_that_is_missing(invoke: Callable[..., Result]) -> None:
    done = invoke(result(case(20.0, 2)))
    assert (done.exit_code, done.stderr.splitlines()[1:]) == (1, ["Measure what is missing, too, or a new baseline."])
    assert done.stdout.endswith("Failed: 1 case that the result does not have.\n")


@pytest.mark.parametrize("tolerance", ["15%", "0.15", "150%"])
def test_the_tolerance(tolerance: str, invoke: Callable[..., Result]) -> None:
    assert invoke(SLOWER, "--tolerance", tolerance).exit_code == 0


def test_json(invoke: Callable[..., Result]) -> None:
    done = invoke(SLOWER, "--json")
    assert done.exit_code == 1
    data = json.loads(done.stdout, parse_constant=pytest.fail)
    assert (data["passed"], [one["status"] for one in data["cases"]]) == (False, ["slower", "same"])


def test_junit(tmp_path: Path, invoke: Callable[..., Result]) -> None:
    data = result(case(22.0, 2), failed(batch=8), case(batch=2))
    assert invoke(data, "--junit", "out.xml").exit_code == 1
    (suite,) = ET.fromstring((tmp_path / "out.xml").read_text())
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert str(failure.get("message")).startswith("slower: 1.")


def test_junit_says_why_a_ratio_does_not_tell(tmp_path: Path, invoke: Callable[..., Result]) -> None:
    wide = case(22.0, 2, p50_low_ms=15.0, p50_high_ms=30.0)
    assert invoke(result(wide, case(batch=8)), "--junit", "out.xml").exit_code == 1
    error = ET.fromstring((tmp_path / "out.xml").read_text()).find("*/testcase/error")
    assert error is not None
    message = r"unsupported: 1\.\d+ \[.*\] of the baseline's time: the interval of the ratio is too wide: .*"
    assert re.fullmatch(message, str(error.get("message")))


@pytest.mark.parametrize(
    ("data", "arguments", "code", "message"),
    [
        ("{", [], 3, "result.json is not JSON."),
        ([], [], 3, "The result is no result of a benchmark."),
        (AGAIN | {"schema_version": 9}, [], 3, "The result has schema version 9, and this release reads 1."),
        (AGAIN | {"machine": MACHINE | {"usable_cpus": 8.0}}, [], 3, "another machine: usable CPUs 2, and here 8."),
        (result(case(runtime="openvino")), [], 3, "have no case in common"),
        (AGAIN, ["--baseline", "no.json"], 3, "There is no file no.json."),
        (AGAIN, ["--baseline", "."], 3, ". cannot be read: "),
        (AGAIN, ["--tolerance", "-5%"], 2, "'-5%' is not a share such as 5% or 0.05."),
        (AGAIN, ["--tolerance", "5"], 2, "5 is 500%. Write 5% if that is meant."),
        (AGAIN, ["--junit", "baseline.json", "--force"], 2, "--junit baseline.json would replace another file."),
        (AGAIN, ["--junit", "no/out.xml"], 2, "The folder no does not exist."),
    ],
)
def test_bad_input(data: Any, arguments: list[str], code: int, message: str, invoke: Callable[..., Result]) -> None:
    done = invoke(data, *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_another_machine_where_that_is_meant(invoke: Callable[..., Result]) -> None:
    done = invoke(AGAIN | {"machine": MACHINE | {"usable_cpus": 8.0}}, "--other-machine")
    assert done.exit_code == 0
    assert "  another machine: usable CPUs 2, and here 8\n" in done.stdout


def test_the_screen_tells_of_every_kind() -> None:
    searched = {"name": "server", "slo_p99_ms": 50.0}
    before = [case(20.0, runtime=name) for name in ("same", "slower", "faster", "crashed", "short")]
    baseline = result(*before, case(20.0, scenario=searched), case(20.0, runtime="gone"))
    now = result(
        case(20.0, 1, runtime="same"),
        case(25.0, 1, runtime="slower"),
        case(15.0, 1, runtime="faster"),
        failed(runtime="crashed"),
        case(samples=30, runtime="short"),
        case(20.0, scenario=searched),
        case(runtime="unheard of"),
    )
    report = hold(now, baseline)
    assert [one.status for one in report.cases] == list(get_args(Status))
    text = check_text.render(report)
    assert all(word in text for word in check_text.WORDS.values())
    told = "Failed: 1 case slower by more than 5 %, 1 case that the result does not have, 2 cases that can't be told."
    assert told in " ".join(text.split())


def test_the_guide_knows_every_option_and_every_key() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    options = [max(one.opts, key=len) for one in check.params if isinstance(one, click.Option)]
    assert [name for name in options if name not in {"--force", "--debug"} and f"`{name}" not in text] == []
    plain = hold(AGAIN, AGAIN).as_dict()
    words = {*plain, *plain["cases"][0], *get_args(Status)}
    assert sorted(word for word in words if f"`{word}`" not in text) == []
