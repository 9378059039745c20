"""The command on real digits: what it prints and writes, its exit codes, and what is wrong with its input."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export.classify.evaluate import BATCH
from resnet_export.classify.results import Ran
from resnet_export.cli.evaluate import evaluate
from tests.classify.files import foreign
from tests.classify.labelled import archive, folders, logits, network, targets
from tests.report.evaluate.examples import BOTH, FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

FIRST = f"val/{targets()[0]}/000.png"
RIGHT = float((logits().argmax(1) == targets()).mean())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A network that has learnt 1200 digits, one that has learnt 100, and the others as arrays and as files."""
    network(tmp_path / "digits.onnx")
    network(tmp_path / "less.onnx", 100)
    archive(tmp_path / "val.npz")
    folders(tmp_path / "val", most=40)
    (tmp_path / "val" / "3" / "broken.png").write_bytes(b"no picture")
    return tmp_path


def test_a_data_set(folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("evaluate", "digits.onnx", "--data", "val.npz")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "digits.onnx in ort:cpu on 597 pictures of val.npz"
    assert lines[2].startswith(f"  top-1          {RIGHT:.2%}"[:-1])
    assert "10, matched by number" in done.stdout
    assert "assumed" in done.stdout, "the file is another tool's"


def test_broken_pictures_are_named_and_not_fatal(folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("evaluate", "digits.onnx", "--data", "val", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["evaluated"], report["failed"]) == (40, 1)
    (broken,) = [one for one in report["pictures"] if one["error"]]
    assert (broken["picture"], broken["answers"]) == ("val/3/broken.png", [])


def test_the_forms(folder: Path, invoke: Callable[..., Result]) -> None:
    files = [f"found{suffix}" for suffix in (".json", ".csv", ".md", ".html")]
    options = [word for file in files for word in ("--output", file)]
    done = invoke("evaluate", "digits.onnx", "--data", "val", "--csv", *options)
    assert done.exit_code == 0
    assert (folder / "found.csv").read_text() == done.stdout
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 41
    assert (folder / "found.md").read_text().startswith("|  | digits.onnx in ort:cpu |\n| --- | ---: |\n| top-1 |")
    page = (folder / "found.html").read_text()
    report = json.loads((folder / "found.json").read_text())
    wrong = [one for one in report["pictures"] if one["answers"] and not one["answers"][0]["right"]]
    assert page.count('<img alt="" src="data:image/png;base64,') == len(wrong) > 0
    assert all(one["thumbnail"] for one in wrong)
    invoke("evaluate", "digits.onnx", "--data", "val", "--output", "plain.json")
    assert '"thumbnail": "' not in (folder / "plain.json").read_text(), "only a page needs them"


def test_against_another_file(folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("evaluate", "digits.onnx", "--data", "val.npz", "--against", "less.onnx", "--max-drop", "1%")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "\nAgainst less.onnx in ort:cpu\n" in done.stdout
    assert "by McNemar's exact test" in " ".join(done.stdout.split())
    assert (
        done.stdout.splitlines()[-1].startswith("--max-drop 1.00 %: passed, the drop is -") or "passed" in done.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["digits.onnx", "--min-top1", "80%"], 0, ""),
        (
            ["digits.onnx", "--min-top1", "0.95"],
            1,
            "error: digits.onnx did not pass. --min-top1 95.00 %: FAILED, it is ",
        ),
        (["digits.onnx", "--min-top1", "88%"], 6, "error: --min-top1 88.00 %: can't be told, it is "),
        (
            ["less.onnx", "--against", "digits.onnx", "--max-drop", "0.5"],
            1,
            "error: less.onnx did not pass. --max-drop 0.50 %: FAILED, the drop is +",
        ),
        (
            ["digits.onnx", "--against", "digits.onnx", "--max-drop", "0"],
            6,
            "error: --max-drop 0.00 %: can't be told, the drop is +0.00 points [",
        ),
        (
            ["less.onnx", "--against", "digits.onnx", "--max-drop", "0.5%", "--min-top1", "88%"],
            1,
            "error: less.onnx did not pass. --",
        ),
    ],
)
def test_limits(arguments: list[str], code: int, said: str, folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("evaluate", *arguments, "--data", "val.npz")
    assert done.exit_code == code
    assert done.stderr.startswith(said)
    assert done.stderr.count("Traceback") == 0
    assert "top-1" in done.stdout, "the result is shown all the same"


def test_the_hint_of_what_cannot_be_told_names_a_number(folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("evaluate", "digits.onnx", "--data", "val.npz", "--min-top1", "88.5%")
    assert done.exit_code == 6
    assert done.stderr.splitlines()[-1].startswith("Give more pictures: ")
    assert done.stderr.endswith(" may tell.\n")
    assert (done.stdout.count("may tell"), done.stderr.count("may tell")) == (1, 1), "once for each reader"


def npz(name: str, images: Any, labels: Any) -> Callable[[Path], None]:
    return lambda folder: np.savez(folder / name, images=images, labels=labels)


def text(name: str, content: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(content)

    return write


SPOILT: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing", lambda folder: None, "There is no missing."),
    ("empty", lambda folder: (folder / "empty").mkdir(), "The folder empty holds neither class folders nor pictures."),
    ("val/3", lambda folder: None, "The folder val/3 holds "),
    ("one", text("one/cat/a.png", ""), "The folder one has one class folder, 'cat'."),
    (
        "all",
        lambda folder: [text(f"all/{at}/a.png", "x")(folder) for at in range(10)],
        "None of 10 pictures can be used",
    ),
    ("a.csv", text("a.csv", "a.png,cat\n"), "a.csv has no column 'path' and no column 'label'"),
    ("b.csv", text("b.csv", f"path,label\n{FIRST},cat\n"), "b.csv has 1 class, digits.onnx has 10, and no names"),
    (
        "c.npz",
        npz("c.npz", np.zeros((3, 8, 8), np.uint8), [0, 1, 10]),
        "c.npz has the label 10, and digits.onnx has 10",
    ),
    ("d.npz", npz("d.npz", np.zeros((3, 8, 8), np.uint8), [0, 1]), "d.npz has 2 labels for 3 pictures."),
    ("e.npz", npz("e.npz", np.zeros((3, 8), np.uint8), [0, 1, 2]), "The images in e.npz are uint8 of 3 x 8."),
    ("digits.onnx", lambda folder: None, "digits.onnx is no data set."),
]


@pytest.mark.parametrize(("data", "spoil", "message"), SPOILT, ids=[data for data, *_ in SPOILT])
def test_data_that_cannot_be_used(
    data: str, spoil: Callable[[Path], object], message: str, folder: Path, invoke: Callable[..., Result]
) -> None:
    spoil(folder)
    done = invoke("evaluate", "digits.onnx", "--data", data)
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith(f"error: {message}")
    assert len(done.stderr.splitlines()) == 2, "there is a hint"


def test_files_that_are_no_classifiers(folder: Path, invoke: Callable[..., Result]) -> None:
    foreign(folder / "dense.onnx", "(float[N,3,32,32] x) => (float[N,8,30,30] y)", "c = Conv(x, w) y = Relu(c)")
    np.savez(folder / "colour.npz", images=np.zeros((2, 32, 32, 3), np.uint8), labels=[0, 1])
    done = invoke("evaluate", "dense.onnx", "--data", "colour.npz")
    assert done.exit_code == 3
    assert done.stderr.startswith("error: dense.onnx gives no value for each class")
    done = invoke("evaluate", "val.npz", "--data", "val.npz")
    assert done.exit_code == 3
    assert done.stderr.startswith("error: val.npz is no ONNX file")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-drop", "1%"], "--max-drop is about another file, and there is none."),
        (["--against-runtime", "openvino"], "--against-runtime is about another file, and there is none."),
        (["--output", "found.txt"], "--output found.txt: its suffix names no form of this result."),
        (["--image-size", "9"], "digits.onnx takes pictures of 8 x 8 pixels, not of 9."),
    ],
)
def test_usage(arguments: list[str], message: str, folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("evaluate", "digits.onnx", "--data", "val.npz", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}\n")


def test_data_has_to_be_given(invoke: Callable[..., Result]) -> None:
    done = invoke("evaluate", "digits.onnx")
    assert done.exit_code == 2
    assert "Missing option '--data'" in done.stderr


def test_every_option_has_help_and_the_batch_is_the_functions() -> None:
    assert [one.name for one in evaluate.params if one.param_type_name == "option" and not one.help] == []  # type: ignore[attr-defined]
    assert {one.name: one.default for one in evaluate.params}["batch"] == BATCH


class TestThePage:
    GUIDE = (Path(__file__).parents[2] / "docs" / "evaluate.md").read_text(encoding="utf-8")

    def rows(self, heading: str) -> set[str]:
        """The names in the first column of the tables below a heading."""
        below = self.GUIDE.partition(f"{heading}\n")[2].partition("\n#")[0]
        cells = re.findall(r"^\| (`.*?`) +\|", below, re.MULTILINE)
        return {name for cell in cells for name in re.findall(r"`(.+?)`", cell)}

    def test_has_every_option(self) -> None:
        options = {max(one.opts, key=len) for one in evaluate.params if one.param_type_name == "option"}
        assert self.rows("# Evaluate") == options

    def test_has_every_key(self) -> None:
        for heading, result in (("## JSON", BOTH), ("### Measures of a file", FILE)):
            inherited = {field.name for field in fields(Ran)} if result is FILE else set()
            assert self.rows(heading) == result.as_dict().keys() - inherited
