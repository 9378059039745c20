from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from resnet_export.classify import metrics
from resnet_export.classify.measures import EvaluateReport
from resnet_export.data import decode, to_json
from resnet_export.report import evaluate
from resnet_export.report.kit import formats

from .examples import ALONE, BOTH, FILE, LABELS, PICTURES, SEVERAL


def test_text() -> None:
    assert (
        formats.render(ALONE, "text")
        == """\
int8.onnx in ort:cpu,threads=2 on 3 pictures of val

  top-1          92.50 % [88.00 95.40]
  mean recall    92.50 %
  mean F1        0.6167
  calibration    expected error 0.1150
  classes        3, matched by name
  confused most  cat for big dog (10), big dog for cat (4),
                 big dog for a <b>bird</b> | of prey (1)

  class                    pictures  precision  recall      F1
  cat                           100     0.9574  0.9000  0.9278
  big dog                       100     0.9048  0.9500  0.9268
  a <b>bird</b> | of prey         0     0.0000          0.0000

Not read, and not counted: 2 of 5 pictures
  val/cat/broken.png cannot be read as a picture: it is truncated.
  val/cat/narrow.png: A picture of 1 x 9 pixels would have 1 x 900 after the
  resize.

  preprocessing  resize 256 (bilinear), crop 224, mean 0.485/0.456/0.406,
                 std 0.229/0.224/0.225, as the file says
  assumed        mean (--mean), when it was exported
  output         logits, made probabilities by the softmax
  note: 'bird' has no pictures.
  note: The file has 2 outputs; the first, logits, was taken.

--min-top1 80.00 %: passed, it is 92.50 % [88.00 95.40]"""
    )


def test_text_of_two_files() -> None:
    said = formats.render(BOTH, "text")
    assert said.startswith("int8.onnx in ort:cpu,threads=2 and float.onnx in ort:cpu,threads=2 on 3 pictures")
    assert (
        """\
Against float.onnx in ort:cpu,threads=2
  top-1          94.00 % [89.81 96.53]
"""
        in said
    )
    flat = " ".join(said.split())
    assert "difference -1.50 points [-3.65 +0.67], p 0.25 by McNemar's exact test" in flat
    assert "answers differ on 9 pictures, the first alone is right on 0, the second alone on 3" in flat
    assert "val/cat/2 <b>.png: cat, taken for big dog (0.75) and for cat (0.88)" in flat
    assert "val/cat/3.png: cat, taken for - and for big dog (0.75)" in flat
    assert "--min-top1 95.00 %: can't be told, it is 92.50 % [88.00 95.40]; " in flat
    assert "--max-drop 2.00 %: can't be told, the drop is +1.50 points [-0.67 +3.65]; " in flat


def test_text_of_several_labels() -> None:
    said = formats.render(SEVERAL, "text")
    assert "\n  all labels right" in said
    assert "  F1 of all labels" in said
    assert "  area below ROC 0.9800\n" in said
    assert "average precision\n" in said.partition("class  ")[2]
    assert "confused" not in said


def test_text_of_many_classes_shows_the_worst() -> None:
    scores = tuple(metrics.class_score(f"class {at}", at, 100, 100) for at in range(100, 0, -1))
    many = replace(ALONE, file=replace(FILE, per_class=scores))
    lines = formats.render(many, "text").splitlines()
    assert [line.split()[1] for line in lines if line.startswith("  class ")][1:] == [str(at) for at in range(1, 21)]
    assert "  ... and 80 more; --json has them all" in lines


@pytest.mark.parametrize("report", [ALONE, BOTH, SEVERAL])
def test_text_fits_80_columns(report: EvaluateReport) -> None:
    long = replace(report, file=replace(report.file, labels=tuple(f"{name} {'long ' * 20}" for name in LABELS)))
    assert [line for line in formats.render(long, "text").splitlines() if len(line) > 80] == []


def test_what_is_not_read_is_named_once() -> None:
    first, second = evaluate.broken(ALONE)
    assert first.count("val/cat/broken.png") == 1
    assert second.startswith("val/cat/narrow.png: A picture")


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(formats.render(BOTH, "csv"))))
    assert len(rows) == len(PICTURES)
    assert rows[1] == {
        "picture": "val/cat/2 <b>.png",
        "truth": "cat",
        "answer": "big dog",
        "right": "false",
        "probability": "0.75",
        "truth_probability": "0.125",
        "against_answer": "cat",
        "against_right": "true",
        "against_probability": "0.875",
        "against_truth_probability": "0.875",
        "error": "",
    }
    assert (rows[3]["answer"], rows[3]["error"]) == ("", PICTURES[3].error)
    assert not any(name.startswith("against") for name in formats.render(ALONE, "csv").splitlines()[0].split(","))


def test_markdown() -> None:
    measures, classes, title, *others = formats.render(BOTH, "markdown").split("\n\n")
    assert measures.splitlines()[:3] == [
        "|  | int8.onnx in ort:cpu,threads=2 | float.onnx in ort:cpu,threads=2 |",
        "| --- | ---: | ---: |",
        "| top-1 | 92.50 % [88.00 95.40] | 94.00 % [89.81 96.53] |",
    ]
    assert classes.splitlines()[0] == "| class | pictures | precision | recall | F1 |"
    assert classes.splitlines()[4].startswith("| a \\<b>bird\\</b> \\| of prey | 0 | 0.0000 |  | 0.0000 |")
    assert title.startswith("int8.onnx in ort:cpu,threads=2 and float.onnx")
    assert any(line.startswith("--max-drop 2.00 %: can't be told, ") for line in others)
    assert "Not read, and not counted: val/cat/broken.png cannot" in "\n".join(others)
    assert "average precision |" in formats.render(SEVERAL, "markdown")


@pytest.mark.parametrize("report", [ALONE, BOTH, SEVERAL])
def test_json_can_be_read_back(report: EvaluateReport) -> None:
    assert decode(EvaluateReport, to_json(report), "result.json") == report
    found = json.loads(formats.render(report, "json"))
    assert (found["evaluated"], found["failed"], found["passed"]) == (3, 2, report is not BOTH)
