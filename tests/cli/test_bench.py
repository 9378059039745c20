from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from resnet_export.bench import sampling, schedule
from resnet_export.bench.check import read_report
from resnet_export.bench.sampling import Budget
from resnet_export.cli import output
from resnet_export.cli.bench_run import run
from resnet_export.errors import UnavailableError
from resnet_export.runtimes import parse_runtime
from tests.bench.conftest import make_net as make_net
from tests.bench.examples import RAN, crashed, measured, result
from tests.cli.test_completion import complete
from tests.cli.test_help import ALLOWED, DUMP, HEAVY
from tests.report.bench.examples import EXAMPLE, MACHINE, graded, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from click.testing import Result

    from resnet_export.bench.case import Case
    from resnet_export.bench.results import BenchReport, CaseResult

GUIDE = Path(__file__).parents[2] / "docs" / "bench.md"
QUICK = Budget(0.2, 64, 400)
PROGRAM = f"""
from resnet_export.bench import sampling
sampling.QUICK = sampling.Budget({QUICK.seconds}, {QUICK.least_samples}, {QUICK.most_samples})
from resnet_export.cli import main
main()
"""


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where journals go."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("RESNET_EXPORT_CACHE", str(folder))
    return folder


@pytest.fixture
def net(make_net: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a file in the folder in which the command runs; and --quick is quicker still."""
    shutil.copy(make_net(), tmp_path / "net.onnx")
    monkeypatch.setattr(sampling, "QUICK", QUICK)
    for name in ("LEAST_JOB_S", "PEAKS_START_S", "PEAKS_S"):  # else it would be said that 0.2 s are too little
        monkeypatch.setattr(schedule, name, 0.01)
    return "net.onnx"


@dataclass
class Measurement:
    """Stands in for `bench.measure`: notes what it was asked for, begins the journal, and gives results."""

    cases: tuple[Case, ...] = ()
    budget: Budget | None = None
    journal: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    becomes: Callable[[Case], CaseResult] = lambda case: result(case=case, threads=case.threads or 2)
    changes: dict[str, Any] = field(default_factory=dict)

    def __call__(
        self, cases: Sequence[Case], budget: Budget, journal: Path | None, progress: Any, **options: Any
    ) -> BenchReport:
        self.cases, self.budget, self.journal, self.options = tuple(cases), budget, journal, options
        if journal is not None:
            journal.write_text("the header\na case\n")
        with contextlib.ExitStack() as stack:
            for case in cases:
                stack.enter_context(progress(case.label))("p50 20 ms of 100")
        return dataclasses.replace(graded(*map(self.becomes, cases), budget=budget), **self.changes)


@pytest.fixture
def stub(net: str, monkeypatch: pytest.MonkeyPatch) -> Measurement:
    found = Measurement()
    monkeypatch.setattr("resnet_export.bench.measure", found)
    monkeypatch.setattr("resnet_export.machine.read_machine", lambda: MACHINE)
    return found


def journals(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.journal"))


def test_for_real(net: str, cache: Path, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    runtimes = ["ort:cpu", "synthetic,fail=segfault", "synthetic,fail=load"]
    files = ["--output", "page.html", "--output", "out.json"]
    done = invoke("bench", net, "--quick", *[f"--runtime={name}" for name in runtimes], *files)
    assert done.exit_code == 3, "the gravest"
    assert done.stderr == (
        "error: 2 cases gave no numbers; net.onnx in synthetic,fail=segfault, batch 1: its process was ended by "
        "SIGSEGV while running it for the first time\n"
    )
    assert re.search(r"^  ort:cpu  +\d.* [A-D]$", done.stdout, re.MULTILINE)
    assert "its process was ended by SIGSEGV" in done.stdout
    report = read_report(tmp_path / "out.json")
    assert [case.status for case in report.cases] == ["measured", "crashed", "failed"]
    assert "Latency by percentile" in (tmp_path / "page.html").read_text()
    assert journals(cache) == [], "it is done"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(net: str, cache: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, "bench", net, "--quick", "--output", "out.json"]
    command += ["--runtime=synthetic,fail=load", "--runtime=synthetic,latency_ms=20"]
    settings: dict[str, Any] = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, start_new_session=True, **settings)
    try:
        while not any(one.read_bytes().count(b"\n") > 1 for one in journals(cache)):  # the first line is the header
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the worker, too
        stdout, stderr = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    (journal,) = journals(cache)
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == f"interrupted; 1 finished case in {journal}: the same command goes on from there"
    assert "Traceback" not in stderr
    again = subprocess.run(command, timeout=120, check=False, **settings)
    assert again.returncode == 3, "the case that cannot be loaded is a result"
    assert "resumed: 1 of 2 cases come from a run that was interrupted" in again.stderr
    report = read_report(tmp_path / "out.json")
    assert (report.resumed, [case.status for case in report.cases]) == (1, ["failed", "measured"])
    assert journals(cache) == []


def test_a_table(stub: Measurement, cache: Path, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("bench", "net.onnx", "--batch", "1,3", "--threads", "1")
    assert (done.exit_code, done.stderr) == (0, "")
    assert ", ort:cpu, 1 thread\n" in done.stdout
    rows = [line for line in done.stdout.splitlines() if re.match(r"  batch \d +\d", line)]
    assert [row.split()[1] for row in rows] == ["1", "3"]
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert stub.journal is not None
    assert journals(cache) == [], "it is done"
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_all_that_is_asked_for_is_measured(stub: Measurement, invoke: Callable[..., Result]) -> None:
    words = ["--runtime", "ort:cpu", "--runtime", "synthetic", "--batch", "1,2", "--allow-fallback"]
    words += ["--scenario", "single", "--scenario", "concurrent", "--callers", "3", "--io", "device", "--io", "host"]
    assert invoke("bench", "net.onnx", *words, "--seconds", "90", "--reference").exit_code == 0
    found = {(one.runtime, one.batch, one.scenario.label, one.io) for one in stub.cases}
    assert len(found) == len(stub.cases) == 16
    assert ("synthetic", 2, "3 concurrent callers", "device") in found
    assert {(one.threads, one.allow_fallback) for one in stub.cases} == {(None, True)}
    assert stub.budget == Budget(90.0)
    assert (stub.options["referenced"], stub.options["machine"]) == (True, MACHINE)


def test_json_and_a_file_in_every_form(stub: Measurement, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    files = ["out.json", "out.csv", "out.md", "page.html"]
    done = invoke("bench", "run", "net.onnx", "--json", *[f"--output={name}" for name in files])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (tmp_path / "out.json").read_text()
    report = read_report(tmp_path / "out.json")
    assert report == graded(*map(stub.becomes, stub.cases))
    assert json.loads(done.stdout, parse_constant=pytest.fail)["cases"][0]["p50_ms"] == report.cases[0].p50_ms
    starts = {"out.csv": "model,sha256,", "out.md": "| case | min ms", "page.html": "<!DOCTYPE html>"}
    assert [name for name, start in starts.items() if not (tmp_path / name).read_text().startswith(start)] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["net.onnx", *files])


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_a_name_that_is_no_text(stub: Measurement, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    name = "mod\udcff.onnx"
    shutil.copy(tmp_path / "net.onnx", tmp_path / name)
    done = invoke("bench", name)
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.endswith("is not in UTF-8, and no runtime opens it.\nRename the file.\n")


def test_plans_and_forms(stub: Measurement, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    (tmp_path / "plan.toml").write_text('seconds = 20\n[[cases]]\nmodels = ["net.onnx"]\nbatches = [1, 2]\n')
    assert invoke("bench", "--plan", "plan.toml", "--csv").stdout.count("\n") == 3
    assert stub.budget == Budget(20.0)
    assert invoke("bench", "--plan", "plan.toml", "--quick", "--markdown").stdout.count("| ort:cpu") == 2
    assert stub.budget == QUICK


def test_what_stands_in_no_table_is_told(stub: Measurement, invoke: Callable[..., Result]) -> None:
    stub.changes = {"resumed": 1}
    done = invoke("bench", "net.onnx")
    assert (done.exit_code, done.stderr) == (0, "resumed: 1 of 1 cases come from a run that was interrupted\n")


def test_remarks_of_every_kind_where_they_are_asked_for(stub: Measurement, invoke: Callable[..., Result]) -> None:
    ran = replaced(RAN, fallback="the CPU ran it")
    stub.becomes = lambda case: result(case=case, threads=64, measured=measured(ran=ran))
    short, long = invoke("bench", "net.onnx", "--threads", "64"), invoke("bench", "net.onnx", "--threads", "64", "-v")
    assert "FALLBACK: the CPU ran it (-v: 1 more)\n" in short.stdout
    assert "It ran 64 threads on 2 CPUs." not in short.stdout
    assert "It ran 64 threads on 2 CPUs." in " ".join(long.stdout.split())
    assert "  resnet-export bench net.onnx --threads 2\n" in short.stdout, "better, and ready to be pasted"
    assert (short.stderr, "net.onnx in ort:cpu, batch 1, threads 64" in long.stderr) == ("", True)


@pytest.mark.parametrize(("exit_codes", "code"), [((None,), 1), ((None, 5, 3), 5), ((4, 3), 4), ((2,), 2)])
def test_the_exit_code_is_that_of_the_gravest(
    exit_codes: tuple[int | None, ...], code: int, stub: Measurement, invoke: Callable[..., Result]
) -> None:
    codes = iter([*exit_codes, None])
    stub.becomes = lambda case: (
        result(case=case) if case.batch == 1 else crashed(case=case, exit_code=next(codes), hint="Do it.")
    )
    batches = ",".join(map(str, range(1, len(exit_codes) + 2)))
    done = invoke("bench", "net.onnx", "--batch", batches)
    assert done.exit_code == code
    assert done.stderr.splitlines()[-1] == "Do it."
    assert "net.onnx in ort:cpu, batch 2: its process was ended by SIGSEGV" in done.stderr


class TestFailures:
    def test_an_output_that_fails_leaves_the_numbers_and_the_journal(
        self, stub: Measurement, cache: Path, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: str, text: str) -> None:
            raise UnavailableError(f"{path} cannot be written: No space left on device.")

        with monkeypatch.context() as full:
            full.setattr(output, "write", refuse)
            done = invoke("bench", "net.onnx", "--output", "out.json")
        assert (done.exit_code, done.stderr) == (5, "error: out.json cannot be written: No space left on device.\n")
        assert "ort:cpu" in done.stdout
        assert journals(cache) == [stub.journal]
        again = invoke("bench", "net.onnx", "--output", "out.json")
        assert (again.exit_code, again.stdout) == (0, done.stdout)
        assert journals(cache) == []

    def test_a_journal_that_fails_leaves_the_numbers(self, stub: Measurement, invoke: Callable[..., Result]) -> None:
        stub.changes = {"unkept": "it.journal cannot be written: No space left on device."}
        done = invoke("bench", "net.onnx", "--output", "out.json")
        assert (done.exit_code, done.stderr) == (5, f"error: {stub.changes['unkept']}\n")
        assert "ort:cpu" in done.stdout
        assert read_report(Path("out.json")).cases[0].status == "measured"

    def test_no_place_for_a_journal_that_nobody_asked_for(
        self, stub: Measurement, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RESNET_EXPORT_CACHE", "/proc/nowhere")
        done = invoke("bench", "net.onnx")
        assert (done.exit_code, done.stderr, stub.journal) == (0, "", None)

    def test_a_time_that_does_not_suffice_is_said(
        self, stub: Measurement, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(schedule, "LEAST_JOB_S", 1.0)
        done = invoke("bench", "net.onnx", "--quick", "--batch", "1,2")
        told = "2 cases here take about 3 s, not 0.2 s: each has a process of its own\n"
        assert (done.exit_code, done.stderr) == (0, told)

    def test_a_journal_of_another_plan(self, net: str, invoke: Callable[..., Result]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            stub = Measurement()
            patch.setattr("resnet_export.bench.measure", stub)
            assert invoke("bench", net).exit_code == 0
        assert stub.journal is not None
        stub.journal.write_text('{"journal": 2, "plan": "another"}\n')
        done = invoke("bench", net)
        assert (done.exit_code, done.stdout) == (3, "")
        assert f"{stub.journal} is the journal of another plan" in done.stderr


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            (["--runtime", "sinthetic"], 2, "There is no runtime 'sinthetic'.\nDid you mean synthetic?"),
            (["--runtime", "ort:cpu,thread=2"], 2, "ort:cpu has no option 'thread'.\nDid you mean threads?"),
            (["--batch", "0"], 2, "'0' is not a whole number from 1."),
            (["--batch", "1,-8"], 2, "'-8' is not a whole number from 1."),
            (["--batch", "1,,2"], 2, "'' is not a whole number from 1."),
            (["--threads", "x"], 2, "'x' is not a whole number from 1."),
            (["--threads", "0"], 2, "'0' is not a whole number from 1."),
            (["--quick", "--seconds", "20"], 2, "--quick and --seconds exclude each other."),
            (["--seconds", "4"], 2, "'4' is not a whole number from 5."),
            (["--mlperf"], 2, "There is no --mlperf any more; write --seconds 600."),
            (["--no-such-option"], 2, "--no-such-option"),
            (["no.onnx"], 3, "There is no file no.onnx."),
            (["--output", "nowhere/out.json"], 2, "The folder nowhere does not exist."),
            (["--output", "a.csv", "--output", "./a.csv"], 2, "--output ./a.csv would replace another file."),
            (["--output", "out.xml"], 2, "no form of this result.\nGive a file in .json, .csv, .md or .html."),
            (["--output", "net.onnx", "--force"], 2, "--output net.onnx: its suffix names no form of this result."),
            (["--html", "page.html"], 2, "There is no --html any more; write --output page.html."),
            (["--boundary", "device"], 2, "There is no --boundary any more; write --io host or --io device."),
            (["--json", "--csv"], 2, "--json and --csv exclude each other."),
            (["--plan", "plan.toml"], 2, "--plan says what to measure, and so does the command."),
            (["--scenario", "single", "--callers", "2"], 2, "--callers belongs to --scenario concurrent."),
            (["--slo-p99", "x"], 2, "'x' is not a duration such as 50ms or 0.05s."),
            (["--slo-p99", "0"], 2, "The scenario server has an invalid value: "),
            (["--gaps", "1,,2"], 2, "'' is not a duration such as 50ms or 0.05s."),
        ],
    )
    def test_is_found_before_the_measuring(
        self,
        arguments: list[str],
        code: int,
        message: str,
        stub: Measurement,
        cache: Path,
        invoke: Callable[..., Result],
    ) -> None:
        done = invoke("bench", "net.onnx", *arguments)
        assert (done.exit_code, done.stdout) == (code, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert (stub.cases, journals(cache)) == ((), [])

    def test_no_file(self, invoke: Callable[..., Result]) -> None:
        done = invoke("bench")
        assert done.exit_code == 2
        assert "Missing argument 'FILE...'" in done.stderr

    def test_a_batch_that_the_file_forbids(
        self, make_net: Callable[..., Path], tmp_path: Path, invoke: Callable[..., Result]
    ) -> None:
        shutil.copy(make_net(4), tmp_path / "fixed.onnx")
        done = invoke("bench", "fixed.onnx", "--batch", "1,4")
        assert (done.exit_code, done.stdout) == (3, "")
        assert done.stderr == (
            "error: fixed.onnx takes batches of 4 only, and batch 1 was asked for.\n"
            "Give --batch 4, or export it with --batch dynamic.\n"
        )

    def test_an_output_that_exists(self, stub: Measurement, tmp_path: Path, invoke: Callable[..., Result]) -> None:
        (tmp_path / "out.json").write_text("old")
        done = invoke("bench", "net.onnx", "--output", "out.json")
        assert done.exit_code == 2
        assert done.stderr == "error: out.json exists already.\nGive --force to replace it, or another --output.\n"
        assert ((tmp_path / "out.json").read_text(), stub.cases) == ("old", ())
        assert invoke("bench", "net.onnx", "--output", "out.json", "--force").exit_code == 0
        assert read_report(tmp_path / "out.json").cases[0].case.model.path == "net.onnx"


def test_cuda_gives_no_number_where_it_cannot_run(net: str, invoke: Callable[..., Result]) -> None:
    try:
        parse_runtime("ort:cuda").probe()
    except UnavailableError:
        done = invoke("bench", net, "--quick", "--runtime", "ort:cpu", "--runtime", "ort:cuda")
        assert (done.exit_code, done.stdout) == (5, "")
        assert done.stderr.startswith("error: CUDAExecutionProvider ")
    else:
        pytest.skip("CUDA runs here")


class TestHelp:
    @pytest.mark.parametrize("arguments", [["bench", "--help"], ["bench", "run", "--help"]])
    def test_is_light(self, arguments: list[str]) -> None:
        done = subprocess.run(
            [sys.executable, "-c", DUMP, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        imported = set(json.loads(done.stderr.splitlines()[-1]))
        assert not imported & (HEAVY | {"scipy", "platformdirs"})
        assert {name for name in imported if name.lstrip("_") not in sys.stdlib_module_names} >= ALLOWED

    @pytest.mark.parametrize("arguments", [["bench"], ["bench", "run"]])
    def test_shows_the_options_at_80_columns(self, arguments: list[str], invoke: Callable[..., Result]) -> None:
        text = invoke(*arguments, "--help").stdout
        assert max(map(len, text.splitlines())) <= 80
        assert all(f"  {name}" in text for name in ("--runtime", "--batch", "--threads", "--quick", "--json"))

    def test_stands_among_the_commands(self, invoke: Callable[..., Result]) -> None:
        assert "\n  bench " in invoke("--help").stdout


def test_a_sub_commands_name_wins_over_a_files(
    stub: Measurement, tmp_path: Path, invoke: Callable[..., Result]
) -> None:
    shutil.copy(tmp_path / "net.onnx", tmp_path / "run")
    assert "Missing argument 'FILE...'" in invoke("bench", "run").stderr
    assert invoke("bench", "./run").exit_code == 0
    assert [case.model.path for case in stub.cases] == ["run"]


def test_the_guide_knows_every_option_and_every_key() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    internal = {"--force", "--verbose", "--debug"}
    options = [max(one.opts, key=len) for one in run.params if isinstance(one, click.Option) and not one.hidden]
    assert [name for name in options if name not in internal and f"`{name}" not in text] == []
    assert sorted(key for key in keys_of(EXAMPLE.as_dict()) if f"`{key}`" not in text) == []


def keys_of(data: Any, above: str = "") -> set[str]:
    """The keys of plain data, but for those of `machine` and free ones, which stand elsewhere."""
    if isinstance(data, list):
        return set().union(*(keys_of(one, above) for one in data))
    if not isinstance(data, dict) or above in ("machine", "how", "multiply_adds_per_s", "nodes"):
        return set()
    return {*data}.union(*(keys_of(value, key) for key, value in data.items()))


@pytest.mark.parametrize("start", [["bench", "--runtime"], ["bench", "net.onnx", "--quick", "--runtime"]])
def test_completes_runtimes(start: list[str]) -> None:
    assert complete(start, "torch") == ["torch", "torch:compile"]
