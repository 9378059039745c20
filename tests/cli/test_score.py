from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resnet_export import score
from resnet_export.cli.score import ENGINES, FORMATS
from resnet_export.score import results
from tests.classify.files import LABELS, ours
from tests.score.pictures import folder_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file, and pictures of which one is damaged."""
    ours(tmp_path / "net.onnx", labels=LABELS)
    (folder_of(tmp_path / "photos", 4) / "damaged.png").write_bytes(b"no picture")
    return tmp_path


def test_a_folder_and_its_summary(folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("score", "net.onnx", "photos", "--output", "out", "--decoders", "1", "--report", "report.json")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "out: 5 pictures, 4 with a label"
    assert "  not a picture         1  photos/damaged.png" in lines
    assert "1 decoder" in done.stdout
    assert max(map(len, lines)) <= 80
    report = json.loads((folder / "report.json").read_text())
    assert (report["rows"], report["failed"], report["run"]["pictures"]) == (5, 1, 5)

    done = invoke("score", "--summary", "out", "--output", "page.html", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert {**json.loads(done.stdout), "unsure": None} == {**report, "run": None, "unsure": None}
    assert (folder / "page.html").read_text().count("<img ") == 4

    done = invoke("score", "net.onnx", "photos", "--output", "out", "--decoders", "1")
    assert "this run       nothing new, 5 were there before" in done.stdout


def test_a_limit_of_pictures_without_a_label(folder: Path, invoke: Callable[..., Result]) -> None:
    scoring = ("score", "net.onnx", "photos", "--output", "out", "--decoders", "1")
    assert invoke(*scoring, "--max-errors", "20%").exit_code == 0
    for arguments in (scoring, ("score", "--summary", "out")):
        done = invoke(*arguments, "--max-errors", "0.19")
        assert done.exit_code == 1
        assert done.stdout.startswith("out: 5 pictures, 4 with a label"), "the report is shown all the same"
        assert done.stderr.splitlines() == [
            "error: 1 of 5 pictures have no label, 20.00%: more than the 19.00% of --max-errors.",
            "What is wrong with each: resnet-export score --summary out",
        ]


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        ([], 2, "score needs FILE.", "Write: resnet-export score FILE.onnx photos/ --output predictions/"),
        (
            ["net.onnx", "photos"],
            2,
            "score needs one --output.",
            "Write: resnet-export score FILE.onnx photos/ --output predictions/",
        ),
        (["net.onnx", "--summary", "out"], 2, "--summary scores nothing.", "Leave out net.onnx."),
        (["--summary", "out", "--top", "3", "--fast"], 2, "--summary scores nothing.", "Leave out --top --fast."),
        (
            ["--summary", "photos"],
            3,
            "photos holds no results of score.",
            "Give a folder that score --output has written.",
        ),
        (
            ["--summary", "photos", "--output", "page.txt"],
            2,
            "--output page.txt: its suffix names no form of this result.",
            "Give a file in .json or .html.",
        ),
        (
            ["net.onnx", "nowhere", "--output", "out"],
            3,
            "There is no nowhere.",
            "Give pictures, folders, patterns such as 'photos/*.jpg', or lists in .txt, .csv or .parquet.",
        ),
        (
            ["none.onnx", "photos", "--output", "out"],
            3,
            "There is no file none.onnx.",
            "Give the path of an .onnx file.",
        ),
        (
            ["net.onnx", "photos", "--output", "photos"],
            2,
            "photos holds 'damaged.png', and no results of score.",
            "Give an empty folder, or a new one, as --output.",
        ),
    ],
)
def test_errors(
    arguments: list[str], code: int, message: str, hint: str, folder: Path, invoke: Callable[..., Result]
) -> None:
    done = invoke("score", *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr == f"error: {message}\n{hint}\n"


def test_without_pyarrow(folder: Path, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = invoke("score", "net.onnx", "photos", "--output", "out")
    assert done.exit_code == 4
    assert done.stderr == (
        "error: pyarrow is needed for this and cannot be imported: pyarrow is not installed.\n"
        'Install it with: pip install "resnet-export[score]"\n'
    )
    assert not (folder / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_says_what_is_kept(folder: Path) -> None:
    for number in range(400):
        shutil.copy(folder / "photos" / "p000.jpg", folder / "photos" / f"q{number}.jpg")
    command = [
        sys.executable,
        "-m",
        "resnet_export",
        "score",
        "net.onnx",
        "photos",
        "--output",
        "out",
        "--part-size",
        "8",
    ]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while process.poll() is None and not (folder / "out" / "part-00001.parquet").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, b"")
    assert stderr == b"interrupted; the parts in out are kept: the same command goes on from there\n"


def test_the_choices_are_those_that_there_are() -> None:
    assert (FORMATS, ENGINES) == (results.FORMATS, score.ENGINES)


def test_every_option_is_documented(invoke: Callable[..., Result]) -> None:
    text, words = (DOCS / "score.md").read_text(), invoke("score", "--help").stdout.split()
    options = {word.strip(",") for word in words if word.startswith("--")}
    assert {one for one in options if f"`{one}" not in text} - {"--debug", "--help", "--verbose", "--force"} == set()


def test_every_reason_is_documented() -> None:
    from typing import get_args

    from resnet_export.classify.decoder import Reason

    text = (DOCS / "score.md").read_text()
    assert [one for one in (*get_args(Reason), "not finite") if f"`{one}`" not in text] == []
