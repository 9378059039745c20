from __future__ import annotations

import contextlib
import json
import signal
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from resnet_export.cli import root
from resnet_export.cli.failing import describe
from resnet_export.errors import (
    CheckpointError,
    InputError,
    MissingDependencyError,
    ParityError,
    StructureError,
    UnavailableError,
    UsageError,
)
from tests.cli.launching import launch
from tests.report.examples import FAILED, example

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.cli.conftest import Pipeline

NO_NAME = f"{'a' * 300}.onnx"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ParityError, 1),
        (UsageError, 2),
        (InputError, 3),
        (CheckpointError, 3),
        (MissingDependencyError, 4),
        (UnavailableError, 5),
    ],
)
def test_message_hint_and_exit_code(
    kind: type[ParityError], code: int, pipeline: Pipeline, invoke: Callable[..., Result]
) -> None:
    pipeline.raises = kind("It is so.", hint="Do this.")
    done = invoke()
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", "error: It is so.\nDo this.\n")


@pytest.mark.parametrize(
    ("words", "message", "command"),
    [
        (("score", "--summary"), "Option '--summary' requires an argument.", "resnet-export score"),
        (("verify",), "Missing argument 'FILE'.", "resnet-export verify"),
        (("bench", "run", "x.onnx", "--sizes", "1"), "No such option '--sizes'.", "resnet-export bench run"),
    ],
)
def test_a_command_line_that_is_wrong(
    words: tuple[str, ...], message: str, command: str, invoke: Callable[..., Result]
) -> None:
    """The message has the form of all others, and says where the help of this command is."""
    done = invoke(*words)
    first, last = done.stderr.splitlines()
    assert (done.exit_code, done.stdout, last) == (2, "", f"See: {command} --help")
    assert first.startswith(f"error: {message}")


def test_no_hint_no_line(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    pipeline.raises = InputError("It is so.")
    assert invoke().stderr == "error: It is so.\n"


def test_interruption(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    pipeline.raises = KeyboardInterrupt()
    done = invoke()
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "interrupted; nothing was written\n")


def test_a_real_ctrl_c(tmp_path: Path) -> None:
    done = launch(f"import os\nos.kill(os.getpid(), {signal.SIGINT:d})", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted; nothing was written\n")


def no_memory_holds() -> Exception:
    with pytest.raises(ValueError) as caught:
        np.zeros((2**40, 2**40))
    return caught.value


@pytest.mark.parametrize("error", [MemoryError(), no_memory_holds()], ids=["memory", "array"])
def test_too_little_memory(error: Exception, pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    pipeline.raises = error
    done = invoke()
    assert done.exit_code == 5
    assert done.stderr.startswith("error: the memory of this machine does not suffice")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (NO_NAME,),
        ("verify", NO_NAME),
        ("inspect", NO_NAME),
        ("bench", NO_NAME),
        ("bench", "compare", NO_NAME, NO_NAME),
        ("predict", NO_NAME, "cat.jpg"),
        ("evaluate", NO_NAME, "--data", "."),
        ("quantize", NO_NAME, "--calibrate", "."),
        ("deploy", NO_NAME, "--target", "ort", "--output", "bundle"),
        ("score", NO_NAME, ".", "--output", "rows"),
    ],
    ids=lambda arguments: arguments[0][:8],
)
def test_a_name_that_no_system_takes(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        done = CliRunner().invoke(root, arguments)
    assert done.exit_code == 3, done.output
    assert "unexpected" not in done.stderr
    assert "File name too long" in done.stderr or "There is no" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_bug_is_one_line(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    pipeline.raises = ZeroDivisionError("division\nby zero")
    done = invoke()
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == (
        "unexpected error: ZeroDivisionError: division by zero; "
        "run again with --debug for the traceback, and report it\n"
    )


def test_a_bug_without_words() -> None:
    lines, _ = describe(AssertionError())
    assert lines[0].startswith("unexpected error: AssertionError; run again")


@pytest.mark.parametrize(
    ("error", "code", "last"),
    [
        (ZeroDivisionError("by zero"), 1, "unexpected error: ZeroDivisionError: by zero; report it"),
        (InputError("It is so."), 3, "error: It is so."),
    ],
)
def test_debug_shows_the_traceback(
    error: BaseException, code: int, last: str, pipeline: Pipeline, invoke: Callable[..., Result]
) -> None:
    pipeline.raises = error
    done = invoke("--debug")
    assert done.exit_code == code
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.splitlines()[-1] == last


def test_a_failed_check_tells_what_it_found(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    pipeline.raises = ParityError("It was not written.", hint="Mend it.", report=example(verification=FAILED))
    done = invoke()
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "error: It was not written.",
        "  The file is 0.25 from the truth, and 1.2e-06 passes.",
        "First wrong layer: layer2.0.conv1, in the file: its weight differs by 3e+04 ulp.",
        "Likely cause: two output channels have changed places.",
        "Mend it.",
    ]


def test_what_the_message_says_is_not_said_again(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    message = "First wrong layer: layer2.0.conv1, in the file: its weight differs by 3e+04 ulp. " + FAILED.failures[0]
    pipeline.raises = ParityError(message, report=example(verification=FAILED))
    assert invoke().stderr.splitlines() == [
        f"error: {message}",
        "Likely cause: two output channels have changed places.",
    ]


def test_a_failed_check_as_json(tmp_path: Path, pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    pipeline.raises = ParityError("It was not written.", report=example(verification=FAILED))
    done = invoke("--json", "--report", "report.json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["verification"]["diagnosis"]["layer"] == "layer2.0.conv1"
    assert done.stderr.startswith("error: It was not written.\n")
    assert (tmp_path / "report.json").read_text() == done.stdout


def test_a_wrong_structure_tells_its_cause(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    pipeline.raises = StructureError("layer1.0.conv1", "it has 3 pads", cause="`same` padding")
    assert invoke().stderr == "error: layer1.0.conv1: it has 3 pads\nLikely cause: `same` padding.\n"


def test_our_warnings_stand_before_the_error(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    def warn() -> None:
        # As if the package had written it: what counts is where the call stands.
        code = compile("warnings.warn('float64 was rounded', stacklevel=3)", own_file(), "exec")
        exec(code, {"warnings": warnings})

    pipeline.does, pipeline.raises = warn, InputError("It is so.")
    assert invoke().stderr == "warning: float64 was rounded\nerror: It is so.\n"


def own_file() -> str:
    from resnet_export import files

    return files.__file__


def test_a_reader_who_leaves_early_is_no_error(tmp_path: Path) -> None:
    shell = '"$@" --json | true; exit "${PIPESTATUS[0]}"'
    work = "import time\ntime.sleep(0.3)"
    done = launch(work, folder=tmp_path, shell=shell)
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_streams_are_no_error(tmp_path: Path) -> None:
    done = launch("pass", "--json", folder=tmp_path, shell='"$@" >&- 2>&-')
    assert done.returncode == 0


class TestReport:
    def test_exists_already(self, tmp_path: Path, pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
        (tmp_path / "report.json").write_text("old")
        done = invoke("--report", "report.json")
        assert done.exit_code == 2
        assert "--force to replace it, or another --report" in done.stderr
        assert pipeline.calls == []
        assert (tmp_path / "report.json").read_text() == "old"

    def test_force_replaces_it(self, tmp_path: Path, pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
        (tmp_path / "report.json").write_text("old")
        assert invoke("--report", "report.json", "--force").exit_code == 0
        assert json.loads((tmp_path / "report.json").read_text())["path"] == "resnet18.onnx"

    def test_has_no_folder(self, pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
        done = invoke("--report", "nowhere/report.json")
        assert done.exit_code == 2
        assert "nowhere does not exist" in done.stderr
        assert pipeline.calls == []

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--report", "a.onnx"], "error: --report a.onnx: its suffix names no form of this result.\n"),
            (["--report", "./model.json", "--output", "model.json"], "would replace another file"),
        ],
        ids=["suffix", "same"],
    )
    def test_never_replaces_the_file(
        self, arguments: list[str], message: str, pipeline: Pipeline, invoke: Callable[..., Result]
    ) -> None:
        done = invoke(*arguments)
        assert done.exit_code == 2
        assert message in done.stderr
        assert pipeline.calls == []
