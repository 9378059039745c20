from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from resnet_export.parity.results import Bisection
from resnet_export.report.verify.page import draw, render
from resnet_export.spec import ResNetSpec
from tests.report.browser import Checker, evaluate, needs_chromium
from tests.report.verified import BISECTION, FAILED, GOOD, LAYERS, PASSED

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.parity.results import VerifyReport

DEEP = replace(
    FAILED,
    bisection=Bisection(
        "ort:cpu",
        tuple(replace(LAYERS[3], layer=step.name, op=step.op) for step in ResNetSpec(depth=152).canonical.steps),
        "conv1",
        None,
    ),
)
EVIL = "<script>alert('&\"')</script>"


@pytest.mark.parametrize("report", [PASSED, FAILED, DEEP, replace(FAILED, comparisons=(), bisection=None)])
def test_is_well_formed_and_fetches_nothing(report: VerifyReport) -> None:
    page = render(report)
    checker = Checker()
    checker.feed(page)
    assert (checker.open, checker.fetched) == ([], [])
    assert not re.search(r"://|url\(|@import|javascript:", page)
    assert "default-src 'none'" in page


def test_everything_of_others_is_escaped() -> None:
    runtimes = tuple(replace(one, runtime=EVIL, reason=EVIL) for one in FAILED.runtimes)
    layers = tuple(replace(layer, layer=EVIL, op=EVIL) for layer in LAYERS)
    assert FAILED.diagnosis is not None
    report = replace(
        FAILED,
        file=EVIL.replace("/", ""),
        truth=EVIL,
        yardstick=EVIL,
        notes=(EVIL,),
        failures=(EVIL,),
        runtimes=runtimes,
        comparisons=tuple(replace(entry, runtime=EVIL) for entry in FAILED.comparisons),
        diagnosis=replace(FAILED.diagnosis, layer=EVIL, side=EVIL, detail=EVIL, cause=EVIL),
        bisection=Bisection(EVIL, layers, EVIL, EVIL),
    )
    page = render(report)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 20
    page.encode("utf-8")


def test_a_name_that_is_no_text_can_be_written() -> None:
    render(replace(PASSED, file="mod\udcffle.onnx")).encode("utf-8")


def test_the_verdict_the_runtimes_and_the_numbers() -> None:
    page = render(FAILED)
    assert '<h1 class="failed">net.onnx: FAILED in 3 of 4 runtimes</h1>' in page
    assert "First wrong layer: layer1.0.relu1, in the file in ort:cpu" in page
    assert "<details><summary>The numbers</summary>" in page
    assert '<td class="left"><span class="failed">WRONG</span></td>' in page
    assert '<h1 class="passed">net.onnx: passed in 2 runtimes</h1>' in render(PASSED)


def test_without_a_bisection_it_says_so() -> None:
    page = render(replace(PASSED, bisection=None))
    assert "They were not looked at." in page
    assert "<polyline" not in page


def heights(svg: ET.Element, kind: str) -> list[float]:
    """Pixels from the top of all marks of a kind."""
    paths = [path.get("d", "") for path in svg.iter("path") if path.get("class") == kind]
    return [float(re.split("[ m]", path)[1]) for path in paths]


class TestPlot:
    def test_is_described_in_words(self) -> None:
        svg = ET.fromstring(draw(BISECTION))
        assert svg.get("role") == "img"
        description = svg.get("aria-label", "")
        assert description.startswith("Error layer by layer in ort:cpu. ")
        assert description.endswith("2.5e-07 at conv1 to 2.5e-01 at fc. The first wrong layer is layer1.0.relu1.")

    def test_shows_every_layer(self) -> None:
        svg = ET.fromstring(draw(BISECTION))
        assert [text.text for text in svg.iter("text") if "name" in text.get("class", "").split()] == [
            layer.layer for layer in LAYERS
        ]
        tips = [title.text for title in svg.iterfind("rect/title")]
        assert tips[0] == "conv1 (Conv): error 2.5e-07, own error 2.5e-07, allowed 2.0e-06"
        assert tips[2] == "layer1.0.conv1 (Conv): not in the file"
        assert len(heights(svg, "mark error")) == 5

    def test_is_logarithmic(self) -> None:
        """Equal factors are equal heights."""
        layers = tuple(replace(LAYERS[0], error=error, local_error=error) for error in (4e-6, 4e-4, 4e-2))
        svg = ET.fromstring(draw(replace(GOOD, layers=layers)))
        first, second, third = heights(svg, "mark error")
        assert first - second == pytest.approx(second - third, abs=0.2)  # the drawing's rounding
        assert first > second

    def test_zero_and_infinity_have_strips_outside(self) -> None:
        svg = ET.fromstring(draw(BISECTION))
        labels = [text.text for text in svg.iter("text") if text.get("class") == "tick"]
        assert (labels[0], labels[-1]) == ("0", "infinite")
        zero, *_, infinite = [float(line.get("y1", "")) for line in svg.iter("line")]
        assert max(heights(svg, "mark own")) == pytest.approx(zero, abs=0.1)
        assert min(heights(svg, "mark error")) == pytest.approx(infinite, abs=0.1)
        assert "infinite" not in draw(GOOD)

    def test_the_first_wrong_layer_is_marked_by_shape_too(self) -> None:
        svg = ET.fromstring(draw(BISECTION))
        assert [band.get("class") for band in svg.iter("rect") if band.get("class") == "wrong-band"] == ["wrong-band"]
        assert len(heights(svg, "mark wrong")) == 1
        assert "first wrong layer" in draw(BISECTION)
        assert "wrong-band" not in draw(GOOD)

    @pytest.mark.parametrize("layers", [(), LAYERS[2:3], (replace(LAYERS[0], error=0.0, local_error=0.0, bound=0.0),)])
    def test_nothing_to_draw(self, layers: tuple[object, ...]) -> None:
        ET.fromstring(draw(replace(GOOD, layers=layers)))


@needs_chromium
class TestBrowser:
    @pytest.mark.parametrize("width", [320, 390, 1200])
    @pytest.mark.parametrize("report", [FAILED, DEEP], ids=["failed", "deep"])
    def test_only_the_plot_and_the_tables_scroll(self, report: VerifyReport, width: int, tmp_path: Path) -> None:
        expression = "[page.documentElement.scrollWidth <= page.documentElement.clientWidth, frame.innerWidth]"
        assert evaluate(render(report), expression, tmp_path, width=width) == f"true,{width}"

    def test_names_of_layers_are_not_cut_and_do_not_overlap(self, tmp_path: Path) -> None:
        expression = """(() => {
          const svg = page.querySelector("figure .scroll svg").getBoundingClientRect();
          const boxes = [...page.querySelectorAll("svg text.name")].map(text => text.getBoundingClientRect());
          const inside = boxes.every(box => box.top >= svg.top && box.bottom <= svg.bottom && box.left >= svg.left);
          const apart = boxes.slice(1).every((box, index) => box.left >= boxes[index].right - 1);
          return [boxes.length > 300, inside, apart];
        })()"""
        assert evaluate(render(DEEP), expression, tmp_path, width=390) == "true,true,true"

    @pytest.mark.parametrize("dark", [False, True])
    def test_is_readable_in_both_colour_schemes(self, dark: bool, tmp_path: Path) -> None:
        """Every text has a contrast of at least 4.5 to 1, as WCAG 2 asks for (success criterion 1.4.3)."""
        expression = """(() => {
          const channels = colour => colour.match(/[0-9.]+/g).slice(0, 3).map(Number);
          const light = colour => channels(colour).map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
            .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
          const back = light(frame.getComputedStyle(page.body).backgroundColor);
          const ratio = text => { const own = light(text);
            return (Math.max(own, back) + 0.05) / (Math.min(own, back) + 0.05); };
          const least = Math.min(...[...page.querySelectorAll("main *")].map(element => {
            const style = frame.getComputedStyle(element);
            return ratio(element.closest("svg") && element.matches("text") ? style.fill : style.color); }));
          return [back < 0.5, least >= 4.5];
        })()"""
        found = evaluate(render(FAILED), expression, tmp_path, width=800, dark=dark)
        assert found == f"{'true' if dark else 'false'},true"

    def test_the_policy_lets_no_script_run(self, tmp_path: Path) -> None:
        page = render(PASSED).replace("</main>", "<script>document.title = 'ran'</script></main>")
        assert evaluate(page, "page.title", tmp_path, width=800) == "net.onnx: passed in 2 runtimes"
