from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from resnet_export.classify.measures import EvaluateReport
from resnet_export.report.evaluate.page import render
from tests.report.browser import Checker, evaluate, needs_chromium

from .examples import ALONE, BOTH, FILE, PICTURES, SEVERAL

if TYPE_CHECKING:
    from pathlib import Path

CONTRAST = """(() => {
  const channels = colour => colour.match(/[0-9.]+/g).map(Number).map(value =>
    colour.startsWith("color(") ? value : value / 255).slice(0, 3);
  const light = colour => channels(colour)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const body = frame.getComputedStyle(page.body).backgroundColor;
  const ratio = (colour, behind) => { const [one, other] = [light(colour), light(behind)];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05); };
  const texts = [...page.querySelectorAll("main *")].map(element => {
    const style = frame.getComputedStyle(element), own = style.backgroundColor;
    return ratio(element.matches("svg text") ? style.fill : style.color, own == "rgba(0, 0, 0, 0)" ? body : own); });
  const marks = [...page.querySelectorAll("polyline.right, path.mark, path.interval")].map(element =>
    ratio(frame.getComputedStyle(element).stroke == "none" ? frame.getComputedStyle(element).fill :
      frame.getComputedStyle(element).stroke, body));
  const shades = new Set([...page.querySelectorAll(".matrix td")].map(one =>
    frame.getComputedStyle(one).backgroundColor));
  return [light(body) < 0.5, Math.min(...texts) >= 4.5, Math.min(...marks) >= 3, shades.size > 2];
})()"""
EVIL = "<script>alert('&\"')</script>"
LARGE = replace(
    BOTH,
    file=replace(
        FILE,
        labels=tuple(f"class of pictures {at}" for at in range(40)),
        confusion=tuple(tuple(1000 if row == at else (row * at) % 7 for at in range(40)) for row in range(40)),
    ),
    pictures=PICTURES * 30,
)


@pytest.mark.parametrize("report", [ALONE, BOTH, SEVERAL, LARGE])
def test_is_well_formed_and_fetches_nothing(report: EvaluateReport) -> None:
    page = render(report)
    checker = Checker(pictures=True)
    checker.feed(page)
    assert (checker.open, checker.fetched) == ([], [])
    assert not re.search(r"://|url\(|@import|javascript:", page)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page


def test_without_thumbnails_it_allows_none() -> None:
    assert "img-src" not in render(replace(ALONE, pictures=PICTURES[:1]))


def test_everything_of_others_is_escaped() -> None:
    file = replace(FILE, model=EVIL, labels=(EVIL,) * 3, notes=(EVIL,), runtime=EVIL)
    pictures = tuple(
        replace(one, picture=EVIL, error=one.error and EVIL, thumbnail=one.thumbnail and EVIL) for one in PICTURES
    )
    page = render(replace(BOTH, file=file, against=file, data=EVIL, notes=(EVIL,), pictures=pictures))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 20


def test_a_name_that_is_no_text_can_be_written() -> None:
    render(replace(ALONE, data="v\udcffl")).encode("utf-8")


def test_the_outcome() -> None:
    assert '<h1 class="passed">' in render(ALONE)
    assert '<h1 class="failed">' in render(BOTH)
    assert "<h1>" in render(SEVERAL)
    assert "<li>--min-top1 80.00 %: passed, it is 92.50 % [88.00 95.40]</li>" in render(ALONE)


def test_the_confusion_matrix() -> None:
    page = render(ALONE)
    cells = re.findall(r'<td class="(own|other|none)"[^>]*>(\d+)</td>', page)
    assert [int(count) for _, count in cells] == [90, 10, 0, 4, 95, 1, 0, 0, 0]
    assert [kind for kind, _ in cells][:3] == ["own", "other", "none"]
    assert '<th scope="row">big dog</th>' in page
    assert "Confusion matrix" not in render(SEVERAL)


def test_of_too_many_classes_the_confusions_are_listed() -> None:
    count = 41
    matrix = tuple(tuple(5 if row == at else int(row == at + 1) for at in range(count)) for row in range(count))
    file = replace(FILE, labels=tuple(map(str, range(count))), confusion=matrix)
    page = render(replace(ALONE, file=file))
    assert "Confusion matrix" not in page
    assert "<h2>Confused most</h2><ul><li>1 for 0 (1)</li>" in page


def test_the_reliability_curve() -> None:
    (drawing,) = re.findall(r"<svg.*?</svg>", render(ALONE), re.DOTALL)
    svg = ET.fromstring(drawing)
    assert "the expected calibration error is 0.1150" in svg.get("aria-label", "")
    marks = [path for path in svg.iter("path") if path.get("class") == "mark right"]
    assert [title.text for path in marks for title in path] == [
        "55.00 %: 90.00 % [69.90 97.21] of 20 are right",
        "70.00 %: 91.67 % [81.93 96.39] of 60 are right",
        "95.00 %: 92.50 % [86.36 96.00] of 120 are right",
    ]
    places = [tuple(map(float, re.findall(r"[\d.]+", path.get("d", ""))[:2])) for path in marks]
    assert places == sorted(places), "from left to right"


def test_the_worst_mistakes_come_with_their_pictures() -> None:
    page = render(BOTH)
    worst, _, differing = page.partition("<h2>The worst mistakes</h2>")[2].partition("<h2>Where the files differ</h2>")
    assert worst.index("val/cat/3.png") < worst.index("val/cat/2 &lt;b&gt;.png"), "one without an answer comes first"
    assert worst.count('<img alt="" src="data:image/png;base64,') == 1
    assert differing.index("val/cat/2 &lt;b&gt;.png") < differing.index("val/cat/3.png"), "where one is right"
    assert "val/cat/1.png" not in worst + differing
    assert "Where the files differ" not in render(ALONE)


@needs_chromium
class TestBrowser:
    @pytest.mark.long
    @pytest.mark.parametrize(("width", "dark"), [(320, False), (390, True), (1200, False)])
    @pytest.mark.parametrize("report", [BOTH, LARGE], ids=["both", "large"])
    def test_only_tables_scroll_and_all_can_be_read(
        self, report: EvaluateReport, width: int, dark: bool, tmp_path: Path
    ) -> None:
        """Text has a contrast of 4.5 to 1, also on the shades of the matrix; marks have one of 3 to 1 (WCAG 2)."""
        scrolled = "page.documentElement.scrollWidth <= page.documentElement.clientWidth"
        found = evaluate(
            render(report), f"[{scrolled}, frame.innerWidth, {CONTRAST}]", tmp_path, width=width, dark=dark
        )
        assert found == f"true,{width},{str(dark).lower()},true,true,true"

    def test_the_pictures_are_shown(self, tmp_path: Path) -> None:
        expression = "[...page.images].map(one => [one.complete, one.naturalWidth, one.width])"
        assert evaluate(render(ALONE), expression, tmp_path, width=390) == "true,1,80"
