from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from resnet_export.bench import profile, sampling, schedule
from resnet_export.bench.journal import Journal
from resnet_export.bench.results import BenchReport
from resnet_export.bench.roofline import Peaks
from resnet_export.bench.sampling import Budget
from resnet_export.cli import output
from resnet_export.cli.bench_run import run
from resnet_export.errors import RuntimeCrashedError, UnavailableError
from resnet_export.graph.cost import Cost
from resnet_export.machine import read_machine
from resnet_export.runtimes import find
from tests.bench.conftest import make_net as make_net
from tests.bench.examples import MODEL, NOISE, crashed, result
from tests.cli.test_completion import complete
from tests.cli.test_help import ALLOWED, DUMP, HEAVY

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

GUIDE = Path(__file__).parents[2] / "docs" / "bench.md"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where journals go without an output."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("RESNET_EXPORT_CACHE", str(folder))
    return folder


@pytest.fixture
def net(make_net: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a file in the folder in which the command runs; and --quick is quicker still."""
    shutil.copy(make_net(), tmp_path / "net.onnx")
    monkeypatch.setattr(sampling, "QUICK", Budget(0.2, 64, 400))
    for name in ("LEAST_JOB_S", "PEAKS_START_S", "PEAKS_S"):  # else it would be said that 0.2 s are too little
        monkeypatch.setattr(schedule, name, 0.01)
    return "net.onnx"


def journals(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.journal"))


def test_a_table(net: str, cache: Path, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("bench", net, "--quick", "--batch", "1,3", "--threads", "1")
    assert (done.exit_code, done.stderr) == (0, "")
    assert ", ort:cpu, 1 thread\n" in done.stdout
    rows = [line for line in done.stdout.splitlines() if re.match(r"  batch \d +\d", line)]
    assert [row.split()[1] for row in rows] == ["1", "3"]
    assert re.search(r"^batch \d beats batch \d: |^Too close to call: ", done.stdout, re.MULTILINE)
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert journals(cache) == [], "it is done"
    assert [path.name for path in tmp_path.iterdir()] == [net]


def test_json_and_output(net: str, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("bench", "run", net, "--quick", "--json", "--output", "out.json")
    assert (done.exit_code, done.stderr) == (0, "")
    data = json.loads(done.stdout, parse_constant=pytest.fail)
    assert data == json.loads((tmp_path / "out.json").read_text())
    assert data["schema_version"] == 2
    assert {"p50_ms", "p99_ms", "series", "images_per_s"} <= set(data["cases"][0])
    assert sorted(path.name for path in tmp_path.iterdir()) == [net, "out.json"]


def test_cases_that_fail_beside_one_that_is_measured(net: str, invoke: Callable[..., Result]) -> None:
    runtimes = ["ort:cpu", "synthetic,fail=segfault", "synthetic,fail=load"]
    done = invoke("bench", net, "--quick", *[f"--runtime={name}" for name in runtimes])
    assert done.exit_code == 3, "the gravest"
    assert done.stderr == (
        "error: 2 cases gave no numbers; net.onnx in synthetic,fail=segfault, batch 1: its process was ended by "
        "SIGSEGV while running it for the first time\n"
    )
    assert re.search(r"^  ort:cpu  +\d.* [A-D]$", done.stdout, re.MULTILINE)
    assert "its process was ended by SIGSEGV" in done.stdout


def test_a_page_with_the_profile_of_its_layers(net: str, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("bench", net, "--quick", "--profile", "--html", "page.html", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    (case,) = json.loads(done.stdout)["cases"]
    assert case["profile"]["layers"]
    assert "Where the time goes" in (tmp_path / "page.html").read_text()


def test_a_profile_that_fails_takes_nothing_from_the_measurements(
    net: str, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeCrashedError("ort:cpu: its process was ended by SIGSEGV while sampling.")

    monkeypatch.setattr(profile, "profile", fail)
    done = invoke("bench", net, "--quick", "--profile", "--json")
    told = "no profile of net.onnx in ort:cpu, batch 1: ort:cpu: its process was ended by SIGSEGV while sampling.\n"
    assert (done.exit_code, done.stderr) == (0, told)
    (case,) = json.loads(done.stdout)["cases"]
    assert (case["status"], case["profile"]) == ("measured", None)


def test_more_threads_than_cpus_are_allowed_and_graded(net: str, invoke: Callable[..., Result]) -> None:
    done = invoke("bench", net, "--quick", "--threads", "64", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    (case,) = json.loads(done.stdout)["cases"]
    assert case["threads"] == 64
    assert any(re.match(r"It ran 64 threads on [\d.]+ CPUs?\.", reason) for reason in case["grade"]["reasons"])


def test_plans_and_forms(net: str, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    (tmp_path / "plan.toml").write_text(f'seconds = 20\n[[cases]]\nmodels = ["{net}"]\nbatches = [1, 2]\n')
    assert invoke("bench", "--plan", "plan.toml", "--quick", "--csv").stdout.count("\n") == 3
    assert invoke("bench", "--plan", "plan.toml", "--quick", "--markdown").stdout.count("| ort:cpu") == 2


def test_an_output_that_fails_leaves_the_numbers_and_the_journal(
    net: str, tmp_path: Path, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, text: str) -> None:
        raise UnavailableError(f"{path} cannot be written: No space left on device.")

    with monkeypatch.context() as full:
        full.setattr(output, "write", refuse)
        done = invoke("bench", net, "--quick", "--output", "out.json")
    assert (done.exit_code, done.stderr) == (5, "error: out.json cannot be written: No space left on device.\n")
    assert "ort:cpu" in done.stdout
    again = invoke("bench", net, "--quick", "--output", "out.json")
    assert (again.exit_code, again.stderr.startswith("resumed: 1 of 1 cases ")) == (0, True)
    # The peaks of the machine are measured anew, and so is the share of them.
    assert re.sub(r" +\d+%", "", again.stdout) == re.sub(r" +\d+%", "", done.stdout)
    assert journals(tmp_path) == []


def test_a_journal_that_fails_leaves_the_numbers(
    net: str, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Journal, entry: dict[str, Any]) -> None:
        if "case" in entry:
            raise UnavailableError("out.json.journal cannot be written: No space left on device.")

    monkeypatch.setattr(Journal, "_append", refuse)
    done = invoke("bench", net, "--quick", "--output", "out.json")
    assert (done.exit_code, done.stderr) == (5, "error: out.json.journal cannot be written: No space left on device.\n")
    assert "ort:cpu" in done.stdout
    assert json.loads(Path("out.json").read_text())["cases"][0]["status"] == "measured"


def test_no_place_for_a_journal_that_nobody_asked_for(
    net: str, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNET_EXPORT_CACHE", "/proc/nowhere")
    done = invoke("bench", net, "--quick")
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_time_that_does_not_suffice_is_said(
    net: str, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "LEAST_JOB_S", 1.0)
    done = invoke("bench", net, "--quick", "--batch", "1,2")
    told = "2 cases here take about 3 s, not 0.2 s: each has a process of its own\n"
    assert (done.exit_code, done.stderr) == (0, told)


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
            (["--output", "out", "--html", "out"], 2, "--html out would replace another file."),
            (["--json", "--csv"], 2, "--json and --csv exclude each other."),
            (["--plan", "plan.toml"], 2, "--plan says what to measure, and so does the command."),
            (["--scenario", "single", "--callers", "2"], 2, "--callers belongs to --scenario concurrent."),
            (["--slo-p99", "x"], 2, "'x' is not a duration such as 50ms or 0.05s."),
            (["--slo-p99", "0"], 2, "slo-p99 0 ms is no bound."),
            (["--gaps", "1,,2"], 2, "'' is not a duration such as 50ms or 0.05s."),
            (["--output", "net.onnx", "--force"], 2, "--output net.onnx would replace another file."),
        ],
    )
    def test_is_found_before_the_measuring(
        self, arguments: list[str], code: int, message: str, net: str, cache: Path, invoke: Callable[..., Result]
    ) -> None:
        done = invoke("bench", net, *arguments)
        assert (done.exit_code, done.stdout) == (code, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert journals(cache) == []

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

    def test_an_output_that_exists(self, net: str, tmp_path: Path, invoke: Callable[..., Result]) -> None:
        (tmp_path / "out.json").write_text("old")
        done = invoke("bench", net, "--quick", "--output", "out.json")
        assert done.exit_code == 2
        assert done.stderr == "error: out.json exists already.\nGive --force to replace it, or another --output.\n"
        assert (tmp_path / "out.json").read_text() == "old"
        assert invoke("bench", net, "--quick", "--output", "out.json", "--force").exit_code == 0
        assert json.loads((tmp_path / "out.json").read_text())["schema_version"] == 2

    def test_a_journal_of_another_plan(self, net: str, tmp_path: Path, invoke: Callable[..., Result]) -> None:
        (tmp_path / "out.json.journal").write_text('{"journal": 1, "plan": "another"}\n')
        done = invoke("bench", net, "--quick", "--output", "out.json")
        assert (done.exit_code, done.stdout) == (3, "")
        assert "out.json.journal is the journal of another plan" in done.stderr


class TestCuda:
    @pytest.fixture(autouse=True)
    def absent(self) -> None:
        try:
            find("ort:cuda").probe()
        except UnavailableError:
            return
        pytest.skip("CUDA runs here")

    def test_gives_no_number(self, net: str, invoke: Callable[..., Result]) -> None:
        done = invoke("bench", net, "--quick", "--runtime", "ort:cpu", "--runtime", "ort:cuda")
        assert (done.exit_code, done.stdout) == (5, "")
        assert done.stderr.startswith("error: CUDAExecutionProvider ")

    def test_a_fallback_is_said(self, net: str, invoke: Callable[..., Result]) -> None:
        done = invoke("bench", net, "--quick", "--runtime", "ort:cuda", "--allow-fallback")
        assert done.exit_code == 0
        assert re.search(r"^ +\d.* [A-D]$", done.stdout, re.MULTILINE)
        assert "FALLBACK: the CPU ran it: " in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(net: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "resnet_export", "bench", net, "-v", "--quick", "--output", "out.json"]
    command += ["--runtime=synthetic,fail=load", "--runtime=synthetic,latency_ms=20"]
    settings: dict[str, Any] = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, start_new_session=True, **settings)
    try:
        assert process.stderr is not None
        assert "fail=load" in process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the worker, too
        stdout, stderr = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == (
        "interrupted; 1 finished case in out.json.journal: the same command goes on from there"
    )
    assert "Traceback" not in stderr
    again = subprocess.run(command, timeout=120, check=False, **settings)
    assert again.returncode == 3, "the case that cannot be loaded is a result"
    assert "resumed: 1 of 2 cases come from a run that was interrupted" in again.stderr
    data = json.loads((tmp_path / "out.json").read_text())
    assert (data["resumed_cases"], [case["status"] for case in data["cases"]]) == (1, ["failed", "measured"])
    assert not (tmp_path / "out.json.journal").exists()


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


def test_a_sub_commands_name_wins_over_a_files(net: str, tmp_path: Path, invoke: Callable[..., Result]) -> None:
    (tmp_path / "run").write_bytes((tmp_path / net).read_bytes())
    assert "Missing argument 'FILE...'" in invoke("bench", "run").stderr
    assert invoke("bench", "./run", "--quick").exit_code == 0


def test_the_guide_knows_every_option_and_every_key() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    internal = {"--force", "--verbose", "--debug"}
    options = [max(one.opts, key=len) for one in run.params if isinstance(one, click.Option) and not one.hidden]
    assert [name for name in options if name not in internal and f"`{name}" not in text] == []
    peaks = Peaks("cpu", 2, {"float32": 120e9}, {}, 20e9)
    costs = {MODEL.sha256: Cost(1_800_000_000, 0, 46_000_000, 600_000, ())}
    found = result(noise=NOISE), crashed()
    report = BenchReport("plan", sampling.QUICK, read_machine(), found, 0, (peaks,), costs)
    data = report.as_dict()
    first, second = data["cases"]
    keys = {*data, *data["budget"], *first, *second, *first["drift"], *first["scenario"], *first["series"][0]}
    keys |= {*first["grade"], *first["noise"], *first["roofline"], *data["peaks"][0]}
    likewise = {key for key in keys if key.startswith(("p90_", "p95_", "p99_")) and "bound" not in key}
    assert sorted(key for key in keys - likewise if f"`{key}`" not in text) == []


@pytest.mark.parametrize("start", [["bench", "--runtime"], ["bench", "net.onnx", "--quick", "--runtime"]])
def test_completes_runtimes(start: list[str]) -> None:
    assert complete(start, "torch") == ["torch", "torch:compile"]
