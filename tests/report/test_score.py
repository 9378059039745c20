from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from resnet_export.classify.results import ClassProbability
from resnet_export.report.kit.formats import render
from resnet_export.score.results import ClassCount, Failed, Fast, Run, ScoreReport, Unsure
from resnet_export.terminal import WIDTH
from tests.report.browser import Checker, evaluate, needs_chromium

if TYPE_CHECKING:
    from pathlib import Path

RUN = Run(1000, 234, 16.5, "ort:cpu,threads=1", 2, 2, 8, "decoding", Fast(30, 0.712, 96.0, 1), ("It is a note.",))
REPORT = ScoreReport(
    folder="predictions",
    model="net.onnx",
    sha256="0123456789abcdef" * 4,
    runtime="ort:cpu",
    rows=1234,
    several_frames=1,
    classes=(ClassCount(3, "cat", 900), ClassCount(1, "<b>dog</b>", 300)),
    histogram=(0,) * 10 + (4,) * 9 + (1164,),
    errors=(Failed("truncated", 33, "photos/half.jpg"), Failed("empty", 1, "photos/" + "long/" * 20 + "empty.jpg")),
    unsure=(
        Unsure("photos/odd.jpg", ClassProbability(3, "cat", 0.51), "iVBORw0KGgo="),
        Unsure("s3://bucket/<i>.jpg", ClassProbability(1, None, 0.52)),
    ),
    parts=2,
    run=RUN,
)


def test_text() -> None:
    lines = render(REPORT, "text").splitlines()
    assert max(map(len, lines)) <= WIDTH
    said = " ".join(" ".join(lines).split())
    assert lines[0] == "predictions: 1,234 pictures, 1,200 with a label"
    assert "class pictures share label 3 900 75.0% cat 1 300 25.0% <b>dog</b>" in said
    assert "0.50 to 0.55 # 4 " in said
    assert f"0.95 to 1.00 {'#' * 40} 1,164" in said
    assert "reason pictures such as truncated 33 photos/half.jpg empty 1 photos/long/" in said
    assert "frames the first of several was taken of 1 picture" in said
    assert "this run 1,000 pictures in 16.5 s, 60.6 a second, 234 were there before" in said
    assert "with 2 decoders, 2 callers of ort:cpu,threads=1, batch 8, limited by decoding" in said
    assert "0.71 of 255 from the exact decoding in the mean, 96 at most, 1 of 30 have another most probable" in said
    assert lines[-1] == "  note: It is a note."


def test_text_of_little() -> None:
    run = replace(RUN, pictures=0, limit=None, fast=None, notes=())
    said = render(replace(REPORT, rows=0, classes=(), histogram=(0,) * 20, errors=(), unsure=(), run=run), "text")
    assert "this run       nothing new, 234 were there before" in said
    assert "probability" not in said
    same = replace(RUN, fast=replace(RUN.fast, other_top1=0))  # type: ignore[type-var]
    assert "the most probable classes are the same" in " ".join(render(replace(REPORT, run=same), "text").split())
    none = replace(RUN, fast=replace(RUN.fast, pictures=0))  # type: ignore[type-var]
    assert "no picture of the first is decoded otherwise" in render(replace(REPORT, run=none), "text")


def test_page() -> None:
    page = render(REPORT, "html")
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.fetched == ["src", "img"]
    assert "img-src data:" in page
    assert "&lt;b&gt;dog&lt;/b&gt;" in page
    assert "s3://bucket/&lt;i&gt;.jpg" in page
    assert page.count('class="bar"') == 10
    assert "img-src" not in render(replace(REPORT, unsure=()), "html")


@needs_chromium
def test_page_on_a_phone_and_on_a_desktop(tmp_path: Path) -> None:
    page = render(REPORT, "html")
    for width in (360, 1280):
        assert evaluate(page, "page.documentElement.scrollWidth <= frame.innerWidth", tmp_path, width=width) == "true"
