from __future__ import annotations

import csv
import io
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from resnet_export.classify.classifier import CLASSIFYING
from resnet_export.cli.predict import HEADS
from tests.classify.files import LABELS, foreign, ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def folder(tmp_path: Path, photos: Path) -> Path:
    """Two files, two photographs, and one picture that is damaged."""
    ours(tmp_path / "net.onnx", labels=LABELS)
    foreign(tmp_path / "other.onnx")
    for name in ("china.jpg", "flower.jpg"):
        shutil.copy(photos / name, tmp_path / name)
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    return tmp_path


def test_a_picture(folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("predict", "net.onnx", "china.jpg")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "net.onnx in ort:cpu"
    assert lines[2].split() == ["picture", "probability", "class", "label"]
    name, probability, index, *label = lines[3].split()
    assert name == "china.jpg"
    assert 0 < float(probability) <= 1
    assert label == ["class", index]
    assert len([line for line in lines if " class " in line]) == 1 + 5
    assert "as the file says" in done.stdout
    assert "assumed" not in done.stdout


def test_several_pictures_in_another_runtime(folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("predict", "net.onnx", "*.jpg", "--runtime", "reference", "--top", "1", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["runtime"] == "reference"
    assert [(one["path"], len(one["top"])) for one in report["pictures"]] == [("china.jpg", 1), ("flower.jpg", 1)]


def test_what_was_assumed_is_on_the_screen_and_in_json(folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("predict", "other.onnx", "china.jpg")
    assert done.exit_code == 0
    said = " ".join(done.stdout.split())
    assert (
        "assumed resize (--resize), interpolation (--interpolation), aspect (--aspect), mean (--mean), std (--std), "
        "the output is logits (--head)" in said
    )
    assert "preprocessing resize 32 (bilinear), crop 32, mean 0/0/0, std 1/1/1 " in said
    report = json.loads(invoke("predict", "other.onnx", "china.jpg", "--json").stdout)
    assert [one["option"] for one in report["assumptions"]] == [
        "--resize", "--interpolation", "--aspect", "--mean", "--std", "--head",
    ]  # fmt: skip
    assert report["stated"] is False


def test_the_options_that_it_names_change_it(folder: Path, invoke: Callable[..., Result]) -> None:
    prepared = ["--resize", "40", "--interpolation", "lanczos", "--mean", "0.5,0.5,0.5", "--std", "0.2,0.2,0.2"]
    prepared += ["--aspect", "squashed"]
    done = invoke("predict", "other.onnx", "china.jpg", *prepared, "--head", "probabilities")
    assert done.exit_code == 0
    said = " ".join(done.stdout.split())
    assert (
        "preprocessing resize 40 x 40, squashed (lanczos), crop 32, mean 0.5/0.5/0.5, std 0.2/0.2/0.2 "
        "output probabilities" in said
    )
    assert "assumed" not in said
    done = invoke("predict", "net.onnx", "china.jpg", "--mean", "0.5,0.5,0.5")
    assert "changed mean 0.5/0.5/0.5 instead of 0.485/0.456/0.406" in " ".join(done.stdout.split())


def test_labels(folder: Path, invoke: Callable[..., Result]) -> None:
    (folder / "labels.txt").write_text("".join(f"named {index}\n" for index in range(10)))
    assert "label" not in invoke("predict", "other.onnx", "china.jpg").stdout
    assert invoke("predict", "other.onnx", "china.jpg", "--labels", "labels.txt").stdout.count("  named ") == 5


def test_a_damaged_picture_is_3_and_the_others_are_answered(folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("predict", "net.onnx", "china.jpg", "damaged.png", "flower.jpg")
    assert done.exit_code == 3
    assert done.stderr == "error: 1 of 3 pictures has no answer; the result says why.\n"
    lines = done.stdout.splitlines()
    row = lines.index("  damaged.png")
    assert lines[row + 1].startswith("    damaged.png cannot be read as a picture: ")
    assert any(line.startswith("  flower.jpg") and " class " in line for line in lines[row:])
    report = json.loads(invoke("predict", "net.onnx", "damaged.png", "china.jpg", "--json").stdout)
    assert report["failed"] == 1
    assert [(one["error"] is None, len(one["top"])) for one in report["pictures"]] == [(False, 0), (True, 5)]


def test_the_forms(folder: Path, invoke: Callable[..., Result]) -> None:
    files = [f"answers{suffix}" for suffix in (".json", ".csv", ".md", ".html")]
    options = [word for file in files for word in ("--output", file)]
    done = invoke("predict", "net.onnx", "china.jpg", "damaged.png", "--csv", *options)
    assert done.exit_code == 3
    assert (folder / "answers.csv").read_text() == done.stdout
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5", ""]
    assert rows[5]["error"].startswith("damaged.png cannot be read as a picture: ")
    report = json.loads((folder / "answers.json").read_text())
    assert [float(row["probability"]) for row in rows[:5]] == [
        found["probability"] for found in report["pictures"][0]["top"]
    ]
    assert (folder / "answers.md").read_text().startswith("| picture | probability | class | label |\n| --- |")
    assert (folder / "answers.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (["none.onnx", "china.jpg"], 3, "There is no file none.onnx.", "Give the path of an .onnx file."),
        (
            ["net.onnx", "cat.jpg"],
            3,
            "There is no picture cat.jpg.",
            "Give pictures, folders of pictures, or patterns such as 'photos/*.jpg'.",
        ),
        (
            ["net.onnx", "damaged.png"],
            3,
            "damaged.png cannot be read as a picture: cannot identify image file 'damaged.png'.",
            "Give pictures in a usual format, such as JPEG or PNG.",
        ),
        (
            ["net.onnx", "china.jpg", "--labels", "none.txt"],
            3,
            "The labels file none.txt cannot be read: No such file or directory.",
            'Give a text file, one class a line, or JSON such as {"0": "cat", "1": "dog"}.',
        ),
        (
            ["net.onnx", "china.jpg", "--output", "answers.txt"],
            2,
            "--output answers.txt: its suffix names no form of this result.",
            "Give a file in .json, .csv, .md or .html.",
        ),
        (
            ["net.onnx", "china.jpg", "--image-size", "64"],
            2,
            "net.onnx takes pictures of 32 x 32 pixels, not of 64.",
            "Leave out --image-size: it is for files that leave their size open.",
        ),
    ],
)
def test_errors(
    arguments: list[str], code: int, message: str, hint: str, folder: Path, invoke: Callable[..., Result]
) -> None:
    done = invoke("predict", *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr == f"error: {message}\n{hint}\n"


def test_the_arguments_in_the_wrong_order(folder: Path, invoke: Callable[..., Result]) -> None:
    done = invoke("predict", "china.jpg", "net.onnx")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("error: china.jpg is no ONNX file")


def test_no_picture_is_usage(invoke: Callable[..., Result]) -> None:
    done = invoke("predict", "net.onnx")
    assert done.exit_code == 2
    assert "Missing argument 'PICTURES...'" in done.stderr


def test_the_heads_are_those_that_classify() -> None:
    assert HEADS == CLASSIFYING
