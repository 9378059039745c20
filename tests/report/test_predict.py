from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from resnet_export.assumptions import Assumption
from resnet_export.classify.results import ClassProbability, Override, PictureResult, PredictReport
from resnet_export.data import decode, to_json
from resnet_export.images import Preprocessing
from resnet_export.report import predict
from resnet_export.report.kit import formats
from resnet_export.runtimes.session import Placement

CAT = PictureResult(
    "photos/cat.jpg",
    (ClassProbability(281, "tabby, tabby cat", 0.91), ClassProbability(285, "a <b>cat</b> | of \x1b[31mEgypt", 2e-6)),
)
BROKEN = PictureResult("photos/broken.png", (), "photos/broken.png cannot be read as a picture: it is truncated.")
REPORT = PredictReport(
    model="resnet18.onnx",
    sha256="0" * 64,
    runtime="ort:cpu,threads=2",
    version="onnxruntime 1.31.1, CPUExecutionProvider",
    placement=Placement("CPU"),
    precision="float32",
    preprocessing=Preprocessing.default(3, 224),
    raw_pixels=False,
    stated=True,
    assumptions=(Assumption("pictures", "mean", "0.485/0.456/0.406", "--mean"),),
    overrides=(Override("resize", "232", "256"),),
    output="logits",
    head="logits",
    activation="softmax",
    classes=1000,
    pictures=(CAT, BROKEN),
    notes=("The file has 2 outputs; the first, logits, was taken.",),
)


def test_text() -> None:
    assert (
        formats.render(REPORT, "text")
        == """\
resnet18.onnx in ort:cpu,threads=2

  picture            probability  class  label
  photos/cat.jpg          0.9100    281  tabby, tabby cat
                         2.0e-06    285  a <b>cat</b> | of Egypt
  photos/broken.png
    photos/broken.png cannot be read as a picture: it is truncated.

  preprocessing  resize 256 (bilinear), crop 224, mean 0.485/0.456/0.406,
                 std 0.229/0.224/0.225
  assumed        mean (--mean), when it was exported
  changed        resize 232 instead of 256
  output         logits, made probabilities by the softmax
  note: The file has 2 outputs; the first, logits, was taken."""
    )


def test_text_without_labels_has_no_column_for_them() -> None:
    plain = PictureResult("cat.jpg", (ClassProbability(0, None, 1.0),))
    assert formats.render(replace(REPORT, pictures=(plain,)), "text").splitlines()[2:4] == [
        "  picture  probability  class",
        "  cat.jpg       1.0000      0",
    ]


def test_text_fits_80_columns() -> None:
    name = f"photos/{'long' * 20}.jpg"
    wide = PictureResult(name, tuple(ClassProbability(at, "a label " * 10, 0.1) for at in range(3)))
    lines = formats.render(replace(REPORT, pictures=(wide, CAT)), "text").splitlines()
    assert [line for line in lines if len(line) > 80] == [f"  {name}"]


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "1.0000"), (0.12345, "0.1235"), (5e-5, "0.0001"), (4.9e-5, "4.9e-05"), (0.0, "0.0000")]
)
def test_probabilities(value: float, shown: str) -> None:
    assert predict.probability(value) == shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "logits, made probabilities by the softmax"),
        ({"activation": "sigmoid"}, "logits, each made one by the sigmoid"),
        ({"activation": None, "head": "probabilities"}, "probabilities"),
        ({"activation": None, "head": "sigmoid"}, "probabilities, each class by itself"),
    ],
)
def test_what_the_output_is(change: dict[str, str | None], said: str) -> None:
    assert dict(predict.explanations(replace(REPORT, **change)))["output"] == [said]  # type: ignore[arg-type]


def test_how_the_pictures_were_prepared() -> None:
    stated = replace(REPORT, overrides=(), assumptions=())
    assert dict(predict.explanations(stated))["preprocessing"][-1] == "as the file says"
    raw = replace(stated, raw_pixels=True)
    assert dict(predict.explanations(raw))["preprocessing"][2:] == [
        "mean 0.485/0.456/0.406", "std 0.229/0.224/0.225", "normalised in the file", "as the file says",
    ]  # fmt: skip
    foreign = replace(raw, stated=False)
    assert dict(predict.explanations(foreign))["preprocessing"][2:] == ["normalised in the file"], "how, it doesn't say"


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(formats.render(REPORT, "csv"))))
    first = {"rank": "1", "class": "281", "label": "tabby, tabby cat", "probability": "0.91", "error": ""}
    assert rows[0] == {"picture": "photos/cat.jpg"} | first
    assert rows[1]["label"] == "a <b>cat</b> | of Egypt"
    assert rows[2] == {"picture": "photos/broken.png", "error": BROKEN.error} | dict.fromkeys(
        ("rank", "class", "label", "probability"), ""
    )


def test_markdown() -> None:
    table, below, note = formats.render(REPORT, "markdown").split("\n\n")
    assert table.splitlines() == [
        "| picture | probability | class | label |",
        "| --- | ---: | ---: | --- |",
        "| photos/cat.jpg | 0.9100 | 281 | tabby, tabby cat |",
        "|  | 2.0e-06 | 285 | a \\<b>cat\\</b> \\| of Egypt |",
        "| photos/broken.png |  |  | photos/broken.png cannot be read as a picture: it is truncated. |",
    ]
    assert below.startswith("resnet18.onnx in ort:cpu,threads=2; preprocessing: resize 256 (bilinear), crop 224, ")
    assert note == REPORT.notes[0]


def test_the_page_has_all_of_it() -> None:
    words_of_page: list[str] = []
    parser = HTMLParser()
    parser.handle_data = words_of_page.append  # type: ignore[method-assign]
    parser.feed(formats.render(REPORT, "html"))
    shown = " ".join(" ".join(words_of_page).split())
    assert "photos/cat.jpg 0.9100 281 tabby, tabby cat 2.0e-06 285 a <b>cat</b> | of Egypt" in shown
    assert f"photos/broken.png {BROKEN.error}" in shown
    assert "changed resize 232 instead of 256" in shown
    assert REPORT.notes[0] in shown


def test_json_can_be_read_back() -> None:
    assert decode(PredictReport, to_json(REPORT), "answers.json") == REPORT
    assert json.loads(formats.render(REPORT, "json")) == REPORT.as_dict()
