"""`resnet-export bench check`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
import pytest
from click.testing import CliRunner

from resnet_export.bench.check import check as hold
from resnet_export.bench.check.results import Status
from resnet_export.bench.estimate import Estimate
from resnet_export.cli.bench_check import check
from resnet_export.data import to_json
from tests.bench.examples import series_of, unsteady
from tests.report.bench.examples import replaced
from tests.report.checked import beside, case, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

GUIDE = Path(__file__).parents[2] / "docs" / "bench-compare.md"


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "baseline.json").write_text(to_json(report(case(20.0, 1), case(case__batch=8))))

    def run(data: Any, *arguments: str) -> Result:
        Path("result.json").write_text(data if isinstance(data, str) else to_json(data))
        words = ["result.json", *arguments]
        if "--baseline" not in words:
            words += ["--baseline", "baseline.json"]
        return CliRunner().invoke(check, words, prog_name="resnet-export bench check")

    return run


AGAIN = report(case(20.0, 2), case(case__batch=8))
SEEN = "resnet-export bench models/net.onnx --batch 1,8 --threads 2"
BESIDE = "Measure both again, the baseline too, beside a network that never changes"
TURNS = "resnet-export bench compare --a model=OLDER_FILE,runtime=ort:cpu --b model=models/net.onnx --fail-if slower"
FAILED = f"""\
error: result.json did not pass: 1 case failed.
{BESIDE}: {SEEN} --reference --seconds 60 --output FILE.json
"""
SLOWER = report(case(22.0, 2), case(case__batch=8))
LARGER = replaced(AGAIN, machine__cpu__affinity=8)


def test_a_pass(invoke: Callable[..., Result]) -> None:
    done = invoke(AGAIN)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.endswith("Passed: nothing is slower by more than 5 %.\n")
    assert "    net.onnx in ort:cpu, batch 1, threads 2\n" in done.stdout


def test_a_regression(invoke: Callable[..., Result]) -> None:
    done = invoke(SLOWER)
    assert (done.exit_code, done.stderr) == (1, FAILED)
    assert "SLOWER" in done.stdout
    assert "Failed: 1 case slower by more than 5 %." in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_pace_that_changes(invoke: Callable[..., Result]) -> None:
    before, now = (
        report(case(measured__series=(series_of(unsteady(20.0, seed)),), relative=beside(ratio, seed)))
        for seed, ratio in ((3, 2.8), (4, 3.08))
    )
    Path("unsteady.json").write_text(to_json(before))
    done = invoke(now, "--baseline", "unsteady.json")
    assert done.exit_code == 1
    assert re.search(r" 2\d\.\d+ +2\d\.\d+ +1\.\d+ +\[.*\] +SLOWER", done.stdout), "milliseconds, and the ratio"
    assert "Case 1: the ratio is that of the times relative to the reference network." in " ".join(done.stdout.split())


def test_samples_that_cannot_tell(invoke: Callable[..., Result]) -> None:
    done = invoke(report(case(samples=4), case(case__batch=8)))
    assert done.exit_code == 6
    assert "the result has too few samples, or too unsteady ones, for an interval" in " ".join(done.stdout.split())
    assert re.search(r"  1 +\d\d\.\d+ +\d+\.\d+ +\d\.\d+ +\? +CAN'T TELL", done.stdout), "both figures all the same"
    assert done.stdout.endswith("Can't tell: 1 case that can't be told.\n")
    assert done.stderr.splitlines() == [
        "error: result.json: 1 case can't be told.",
        f"{BESIDE}: {SEEN} --reference --seconds 60 --output FILE.json",
    ]


@pytest.mark.parametrize(
    ("relative", "seconds"), [(True, 60.0), (False, 600.0)], ids=["was measured with --reference", "was long enough"]
)
@pytest.mark.parametrize(("sha256", "said"), [("ab" * 32, "It is the same file"), ("cd" * 32, f"take turns: {TURNS}")])
def test_the_advice_is_not_what_was_just_done(
    relative: bool, seconds: float, sha256: str, said: str, tmp_path: Path, invoke: Callable[..., Result]
) -> None:
    unclear = {"relative": beside(2.8, ratio=Estimate(2.8, 2.0, 4.0))} if relative else {}
    before = report(case(samples=4, **unclear), seconds=seconds)
    (tmp_path / "before.json").write_text(to_json(before))
    now = report(case(samples=4, case__model__sha256=sha256, **unclear), seconds=seconds)
    done = invoke(now, "--baseline", "before.json")
    assert done.exit_code == 6
    assert said in done.stderr.splitlines()[1]


def test_a_regression_beats_what_cannot_be_told(invoke: Callable[..., Result]) -> None:
    assert invoke(report(case(22.0, 2), case(samples=4, case__batch=8))).exit_code == 1


def test_a_case_that_is_missing(invoke: Callable[..., Result]) -> None:
    done = invoke(report(case(20.0, 2)))
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


def test_junit_and_json_by_suffix(tmp_path: Path, invoke: Callable[..., Result]) -> None:
    done = invoke(SLOWER, "--output", "out.xml", "-o", "out.json", "--json")
    assert (done.exit_code, done.stdout) == (1, (tmp_path / "out.json").read_text())
    assert (tmp_path / "out.xml").read_text().count('<failure type="slower"') == 1


@pytest.mark.parametrize(
    ("data", "arguments", "code", "message"),
    [
        ("{", [], 3, "result.json can't be read: "),
        ("[]", [], 3, "result.json can't be read: "),
        ('{"schema_version": 3}', [], 3, "result.json can't be read: "),
        (replaced(AGAIN, schema_version=9), [], 3, "result.json has schema version 9, and this release reads 3."),
        (LARGER, [], 3, "another machine: usable CPUs 2, and here 8."),
        (report(case(case__runtime="openvino")), [], 3, "have no case in common"),
        (AGAIN, ["--baseline", "no.json"], 3, "There is no file no.json."),
        (AGAIN, ["--baseline", "."], 3, ". cannot be read: "),
        (AGAIN, ["--tolerance", "-5%"], 2, "'-5%' is not a share such as 5% or 0.05."),
        (AGAIN, ["--tolerance", "5"], 2, "5 is 500%. Write 5% if that is meant."),
        (AGAIN, ["--output", "baseline.json", "--force"], 2, "--output baseline.json would replace another file."),
        (AGAIN, ["--output", "no/out.xml"], 2, "The folder no does not exist."),
        (AGAIN, ["--output", "out.csv"], 2, "no form of this result.\nGive a file in .json or .xml."),
        (AGAIN, ["--junit", "out.xml"], 2, "There is no --junit any more; write --output check.xml."),
    ],
)
def test_bad_input(data: Any, arguments: list[str], code: int, message: str, invoke: Callable[..., Result]) -> None:
    done = invoke(data, *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_another_machine_where_that_is_meant(invoke: Callable[..., Result]) -> None:
    done = invoke(LARGER, "--other-machine")
    assert done.exit_code == 0
    assert "  another machine: usable CPUs 2, and here 8\n" in done.stdout


def test_the_guide_knows_every_option_and_every_key() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    options = [max(one.opts, key=len) for one in check.params if isinstance(one, click.Option) and not one.hidden]
    assert [name for name in options if name not in {"--force", "--debug"} and f"`{name}" not in text] == []
    plain = hold(AGAIN, AGAIN).as_dict()
    words = {*plain, *plain["cases"][0], *plain["cases"][0]["times"], *get_args(Status)}
    assert sorted(word for word in words if f"`{word}`" not in text) == []
