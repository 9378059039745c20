from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from resnet_export.cli.options import GroupedCommand, removed
from resnet_export.cli.output import output_options
from resnet_export.errors import InputError
from resnet_export.report.kit import formats

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from resnet_export.cli.output import Output


@dataclass(frozen=True)
class Found:
    """A result."""

    name: str

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name}


def as_text(found: Found, *, loud: bool = False) -> str:
    return found.name.upper() if loud else found.name


def as_csv(found: Found) -> str:
    return f"name\n{found.name}\n"


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`invoke("--json")`: runs a command that makes a result with two forms of file."""
    forms = {"text": f"{__name__}:as_text", "json": formats.JSON, "csv": f"{__name__}:as_csv"}
    monkeypatch.setitem(formats.RENDERERS, "Found", forms)
    monkeypatch.chdir(tmp_path)

    @click.command(cls=GroupedCommand)
    @click.argument("file")
    @removed("--html", "--output page.html")
    @output_options("Found", verbose="Show more.")
    def command(file: str, out: Output) -> None:
        out.refuse(file)
        with out.progress() as progress, progress("work"):
            os.write(1, b"chatter of a library")
        if file == "bad":
            raise InputError("It is bad.", hint="Give another.")
        out.show(Found(file), loud=out.verbose)

    return lambda *arguments: CliRunner().invoke(command, arguments)


def test_one_thing_is_printed(invoke: Callable[..., Result]) -> None:
    assert invoke("net").stdout == "net\n"
    assert invoke("net", "--verbose").stdout == "NET\n"
    assert json.loads(invoke("net", "--json").stdout) == {"name": "net"}
    assert invoke("net", "--csv", "--verbose").stdout.strip() == "name\nnet"


def test_the_suffix_chooses_the_form_of_each_file(tmp_path: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("net", "-o", "a.json", "--output", "b.csv", "--json")
    assert done.exit_code == 0
    assert (tmp_path / "a.json").read_text() == done.stdout
    assert (tmp_path / "b.csv").read_text() == "name\nnet\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json", "--csv"], "error: --json and --csv exclude each other.\n"),
        (
            ["-o", "a.md"],
            "error: --output a.md: its suffix names no form of this result.\nGive a file in .json or .csv.",
        ),
        (["-o", "a.json", "-o", "./a.json"], "--output ./a.json would replace another file."),
        (["-o", "net.json"], "--output net.json would replace another file."),
        (["-o", "a.onnx", "--force"], "--output a.onnx: its suffix names no form of this result."),
        (["-o", "no/a.json"], "The folder no does not exist."),
        (["-o", "old.json"], "old.json exists already.\nGive --force to replace it, or another --output."),
        (["--html"], "There is no --html any more; write --output page.html."),
        (["--html", "page.html"], "There is no --html any more; write --output page.html."),
        (["--html=page.html"], "There is no --html any more; write --output page.html."),
        (["--markdown"], "No such option"),
    ],
)
def test_is_refused_before_the_work(
    arguments: list[str], message: str, tmp_path: Path, invoke: Callable[..., Result]
) -> None:
    (tmp_path / "old.json").write_text("old")
    done = invoke("net.json", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["old.json"]


def test_force_replaces(tmp_path: Path, invoke: Callable[..., Result]) -> None:
    (tmp_path / "old.json").write_text("old")
    assert invoke("net", "-o", "old.json", "--force").exit_code == 0
    assert json.loads((tmp_path / "old.json").read_text()) == {"name": "net"}


def test_an_error_has_its_exit_code_and_a_traceback_for_debug_alone(invoke: Callable[..., Result]) -> None:
    done = invoke("bad", "-o", "a.json")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "", "error: It is bad.\nGive another.\n")
    assert "Traceback" in invoke("bad", "--debug").stderr


def test_the_help_lists_the_forms(invoke: Callable[..., Result]) -> None:
    text = " ".join(invoke("--help").stdout.split())
    assert "-o, --output FILE Write the result; the suffix chooses the form: .json, .csv." in text
    assert "--html" not in text
