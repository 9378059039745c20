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
SEEN = "resnet-export bench models/net.onnx --batch 1,8 --threads 2"
BESIDE = "Measure both again, the baseline too, beside a network that never changes"
TURNS = "resnet-export bench compare --a model=OLDER_FILE,runtime=ort:cpu --b model=models/net.onnx --fail-if slower"
FAILED = f"""\
error: result.json did not pass: 1 case failed.
{BESIDE}: {SEEN} --reference --seconds 60 --output FILE
"""
SLOWER = result(case(22.0, 2), case(batch=8))


def test_a_pass(invoke: Callable[..., Result]) -> None:
    done = invoke(AGAIN)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.endswith("Passed: nothing is slower by more than 5 %.\n")
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
    assert re.search(r" 2\d\.\d+ +2\d\.\d+ +1\.\d+ +\[.*\] +SLOWER", done.stdout), "milliseconds, and the ratio"
    assert "Case 1: the ratio is that of the times relative to the reference network." in " ".join(done.stdout.split())


def test_samples_that_cannot_tell(invoke: Callable[..., Result]) -> None:
    done = invoke(result(case(samples=4), case(batch=8)))
    assert done.exit_code == 6
    assert "the result has too few samples, or too unsteady ones, for an interval" in " ".join(done.stdout.split())
    assert re.search(r"  1 +\d\d\.\d+ +\d+\.\d+ +\d\.\d+ +\? +CAN'T TELL", done.stdout), "both figures all the same"
    assert done.stdout.endswith("Can't tell: 1 case that can't be told.\n")
    assert done.stderr.splitlines() == [
        "error: result.json: 1 case can't be told.",
        f"{BESIDE}: {SEEN} --reference --seconds 60 --output FILE",
    ]


@pytest.mark.parametrize(
    ("relative", "seconds"), [(True, 60.0), (False, 600.0)], ids=["was measured with --reference", "was long enough"]
)
@pytest.mark.parametrize(("sha256", "said"), [("ab" * 32, "It is the same file"), ("cd" * 32, f"take turns: {TURNS}")])
def test_the_advice_is_not_what_was_just_done(
    relative: bool, seconds: float, sha256: str, said: str, tmp_path: Path, invoke: Callable[..., Result]
) -> None:
    unclear = {"relative": beside(2.8) | {"ratio_low": 2.0, "ratio_high": 4.0}} if relative else {}
    before = result(case(samples=4, **unclear), budget={"seconds": seconds})
    (tmp_path / "before.json").write_text(json.dumps(before))
    now = result(case(samples=4, sha256=sha256, **unclear), budget={"seconds": seconds})
    done = invoke(now, "--baseline", "before.json")
    assert done.exit_code == 6
    assert said in done.stderr.splitlines()[1]


def test_a_regression_beats_what_cannot_be_told(invoke: Callable[..., Result]) -> None:
    assert invoke(result(case(22.0, 2), case(batch=8, samples=4))).exit_code == 1


def test_a_case_that_is_missing(invoke: Callable[..., Result]) -> None:
    done = invoke(result(case(20.0, 2)))
    assert (done.exit_code, done.stderr.splitlines()[1:]) == (
        1,
        [f"Measure what the baseline has: {SEEN}"],
    )
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
        "failures": "2",
        "errors": "0",
        "skipped": "1",
    }
    slower, died = suite.findall("testcase/failure")
    message = r"slower: 2\d\.\d+ ms, \d+\.\d+ ms in the baseline, ratio 1\.\d+ \[1\.\d+ 1\.\d+\]"
    assert re.fullmatch(message, str(slower.get("message")))
    assert (slower.get("type"), died.get("type")) == ("slower", "unmeasured")
    first = suite.find("testcase")
    assert first is not None
    assert float(str(first.get("time"))) == pytest.approx(0.022, rel=0.02), "seconds"


def test_junit_says_why_a_ratio_does_not_tell(tmp_path: Path, invoke: Callable[..., Result]) -> None:
    wide = case(22.0, 2, p50_low_ms=15.0, p50_high_ms=30.0)
    assert invoke(result(wide, case(batch=8)), "--junit", "out.xml").exit_code == 6
    failure = ET.fromstring((tmp_path / "out.xml").read_text()).find("*/testcase/failure")
    assert failure is not None
    assert failure.get("type") == "undecided"
    message = r"undecided: 2\d\.\d+ ms, .* ratio 1\.\d+ \[.*\], the interval of the ratio is too wide: .*"
    assert re.fullmatch(message, str(failure.get("message")))


@pytest.mark.parametrize(
    ("data", "arguments", "code", "message"),
    [
        ("{", [], 3, "result.json is not JSON."),
        ([], [], 3, "The result is no result of a benchmark."),
        (AGAIN | {"schema_version": 9}, [], 3, "The result has schema version 9, and this release reads 2."),
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
        case(samples=4, runtime="short"),
        case(20.0, scenario=searched),
        case(runtime="unheard of"),
    )
    report = hold(now, baseline)
    assert [one.status for one in report.cases] == list(get_args(Status))
    text = check_text.render(report)
    assert all(word in text for word in check_text.WORDS.values())
    told = "Failed: 1 case slower by more than 5 %, 1 case that the result does not have, 1 case that was not "
    told += "measured, 1 case that can't be told."
    assert told in " ".join(text.split())


def test_the_guide_knows_every_option_and_every_key() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    options = [max(one.opts, key=len) for one in check.params if isinstance(one, click.Option) and not one.hidden]
    assert [name for name in options if name not in {"--force", "--debug"} and f"`{name}" not in text] == []
    plain = hold(AGAIN, AGAIN).as_dict()
    words = {*plain, *plain["cases"][0], *get_args(Status)}
    assert sorted(word for word in words if f"`{word}`" not in text) == []
