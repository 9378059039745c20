from __future__ import annotations

import dataclasses
import itertools
import json
import re
import statistics
import subprocess
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from resnet_export.bench.grade import Grade
from resnet_export.data import to_json
from resnet_export.report.bench import charts
from resnet_export.report.bench.page import render
from resnet_export.report.kit.svg import linear
from tests.bench.examples import series_of
from tests.report.bench.examples import EXAMPLE, RELATIVE, of, replaced
from tests.report.browser import CHROMIUM, Checker, evaluate, needs_chromium

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.bench.results import BenchReport, CaseResult, Measured

PAGE = render(EXAMPLE)
EVIL = "</script><script>alert('&\"')</script>"
CONTRAST = """(() => {
  const channels = colour => colour.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const light = colour => channels(colour).map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const back = light(frame.getComputedStyle(page.body).backgroundColor);
  const ratio = colour => { const own = light(colour);
    return (Math.max(own, back) + 0.05) / (Math.min(own, back) + 0.05); };
  const texts = [...page.querySelectorAll("main *:not(script)")].map(element => {
    const style = frame.getComputedStyle(element);
    return ratio(element.matches("svg text") ? style.fill : style.color); });
  const marks = [...page.querySelectorAll("polyline.curve, path.mark, path.interval")].map(element =>
    ratio(frame.getComputedStyle(element).stroke));
  return [back < 0.5, Math.min(...texts) >= 4.5, marks.length > 50, Math.min(...marks) >= 3];
})()"""

NUMBERS_BEYOND = """[...page.querySelectorAll("[data-figure$='/p50/value']")].filter(one =>
  one.getBoundingClientRect().right > frame.innerWidth).length"""
LABELS_CUT = """[...page.querySelectorAll("figure svg text")].filter(one => {
  const box = one.getBoundingClientRect(), svg = one.closest("svg").getBoundingClientRect();
  return box.left < svg.left - 1 || box.right > svg.right + 1 || box.top < svg.top - 1 || box.bottom > svg.bottom + 1;
}).map(one => one.textContent).join(";")"""

FAILURES = of(EXAMPLE.cases[-1])
FIGURE = re.compile(r'<span data-figure="(.*?)">(.*?)</span>')


def value_at(data: Any, place: str) -> float:
    """The number at a place of the JSON; a list stands for its median."""
    for key in place.split("/"):
        data = data[int(key) if isinstance(data, list) else key]
    return float(statistics.median(data) if isinstance(data, list) else data)


def wrong_figures(page: str) -> list[str]:
    """The figures of a page that are off what its JSON has at their place by more than half of their last digit."""
    block = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert block is not None
    data, wrong = json.loads(block[1]), []
    for place, shown in FIGURE.findall(page):
        scale = 1e9 if "_per_s" in place and "images" not in place and "noise" not in place else 1.0
        scale = 1e6 if place.endswith(("_bytes", "_ns")) else 1e-2 if shown.endswith("%") else scale
        last = scale / 10 ** len(shown.rstrip("%").partition(".")[2])
        if abs(float(shown.rstrip("%")) * scale - value_at(data, place)) > 0.501 * last:
            wrong.append(place)
    return wrong


def test_every_figure_is_that_of_the_json() -> None:
    places = [place for place, _ in FIGURE.findall(PAGE)]
    assert PAGE.count("data-figure") == len(places) > 400
    assert {place.partition("/")[0] for place in places} == {"cases", "peaks"}
    assert wrong_figures(PAGE) == []


@pytest.mark.parametrize(
    "place",
    [
        "cases/0/measured/memory/peak_rss_bytes", "cases/0/roofline/of_possible", "peaks/0/bytes_per_s",
        "cases/0/measured/import_ns", "cases/13/measured/series/2/latency_ms/p50/low",
    ],
)  # fmt: skip
def test_one_that_is_not_is_found(place: str) -> None:
    wrong = PAGE.replace(f'data-figure="{place}">', f'data-figure="{place}">1', 1)
    assert wrong_figures(wrong) == [place]


@pytest.mark.parametrize("report", [EXAMPLE, FAILURES], ids=["all", "failures"])
def test_is_well_formed_and_fetches_nothing(report: BenchReport) -> None:
    page = render(report)
    checker = Checker()
    checker.feed(page)
    assert (checker.open, checker.fetched) == ([], ["script"]), "the block of data, which nothing runs"
    assert page.count("<script") == page.count('<script type="application/json" id="data">') == 1
    assert not re.search(r"url\(|@import|javascript:", page)
    assert "default-src 'none'" in page
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ET.fromstring(svg)


def test_carries_the_json() -> None:
    block = re.search(r'id="data">(.*?)</script>', PAGE, re.DOTALL)
    assert block is not None
    assert json.loads(block[1]) == json.loads(to_json(EXAMPLE))


def test_everything_of_others_is_escaped() -> None:
    name, grade = EVIL.replace("/", ""), Grade("A", (EVIL,), (EVIL,))
    cases = [
        replaced(one, case__model__path=name, case__runtime=EVIL, reason=EVIL, hint=EVIL, grade=grade)
        for one in EXAMPLE.cases
    ]
    cases = [one if one.measured is None else replaced(one, measured__ran__fallback=EVIL) for one in cases]
    found = EXAMPLE.cases[0].profile
    assert found is not None
    layers = tuple(dataclasses.replace(one, layer=EVIL, layers=(EVIL,), op=EVIL) for one in found.layers)
    cases[0] = replaced(cases[0], profile__case=cases[0].case, profile__layers=layers)
    page = render(of(*cases))
    assert page.count("<script") == 1
    assert page.count("</script") == 1
    assert page.count("&lt;script&gt;") > 20


def test_a_name_that_is_no_text_can_be_written() -> None:
    render(of(replaced(EXAMPLE.cases[0], case__model__path="mod\udcffle.onnx"))).encode("utf-8")


def test_what_there_is_nothing_of_has_no_section() -> None:
    page = render(FAILURES)
    assert re.findall(r"<h2>(.*?)</?[hs]", page) == ["net.onnx ", "Machine"]
    assert "its process was ended by SIGSEGV while sampling" in page
    titles = re.findall(r"<h2>(.*?)</?[hs]", PAGE)
    assert titles == [
        "net.onnx ", "Latency by percentile", "Throughput against latency", "Latency against the offered rate",
        "Latency after a pause", "Where the time goes ", "Cold start and memory", "While it was measured",
        "Machine",
    ]  # fmt: skip


def test_grades_with_reasons_and_advice() -> None:
    assert "<b>A</b>" in PAGE
    assert "<div>Other processes used 0.4 of the 2 CPUs meanwhile.</div>" in PAGE
    assert "<div>→ Measure it again with --seconds 180.</div>" in PAGE


def test_how_it_stands_to_the_reference_network() -> None:
    page = render(of(replaced(EXAMPLE.cases[0], relative=RELATIVE)))
    assert "<div>It takes 2.824 [2.783 2.863] times as long as reference network 1 in onnxruntime 1.31.1.</div>" in page


def test_a_profile_of_a_case_is_shown() -> None:
    assert 'data-figure="cases/0/profile/layers/0/mean_ms"' in PAGE
    assert "All 16 in the order in which they run" in PAGE


class TestCharts:
    def test_pareto(self) -> None:
        assert charts.pareto([(1, 1), (2, 3), (2, 2), (3, 3), (4, 5), (0.5, 0.1)]) == [5, 0, 1, 4]
        assert charts.pareto([(1, 1), (1, 2)]) == [1]
        assert charts.pareto([]) == []

    def test_the_front_is_filled_and_named(self) -> None:
        cases = [(one, one.measured) for one in EXAMPLE.cases[:12] if one.measured is not None]
        svg = ET.fromstring(self.trade_off(cases))
        marks = [mark for mark in svg.iter("path") if "mark" in mark.get("class", "").split()]
        assert len(marks) == 12
        filled = [mark.findtext("title", "") for mark in marks if "hollow" not in mark.get("class", "")]
        assert [words.split(": p50")[0] for words in filled] == [
            f"openvino, batch {batch}, threads 2" for batch in (1, 8, 32)
        ]
        assert [text.text for text in svg.iter("text") if text.get("class") == "label"] == ["b1 t2", "b8 t2", "b32 t2"]

    def test_one_point_is_no_trade_off(self) -> None:
        case = EXAMPLE.cases[0]
        assert case.measured is not None
        assert self.trade_off([(case, case.measured)]) == ""
        assert "Throughput against latency" not in render(of(case))

    def test_a_distribution_has_the_intervals_that_the_samples_support(self) -> None:
        svg = self.distribution(EXAMPLE.cases[0])
        assert len([mark for mark in svg.iter("path") if "interval" in mark.get("class", "")]) == 4
        assert "ms, 900 samples" in svg.get("aria-label", "")
        svg = self.distribution(EXAMPLE.cases[12])
        kinds = [mark.get("class", "").split()[0] for mark in svg.iter("path")]
        assert (kinds.count("mark"), kinds.count("interval")) == (4, 1), "40 samples support one of p50"

    def test_a_curve_rises_and_ends_at_the_slowest(self) -> None:
        (line,) = self.distribution(EXAMPLE.cases[0]).iter("polyline")
        points = [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
        assert points == sorted(points, key=lambda point: (point[0], -point[1]))
        assert len(points) <= charts.MOST_POINTS + 1

    @pytest.mark.parametrize("samples", [[5.0], [5.0, 5.0], [0.0, 5.0], [1.0] * 100_000])
    def test_few_and_many_and_equal_samples(self, samples: list[float]) -> None:
        svg = self.distribution(replaced(EXAMPLE.cases[12], measured__series=(series_of(samples),)))
        assert f", {len(samples)} samples" in svg.get("aria-label", "")

    def test_charts_of_a_batch_have_one_axis_from_zero(self) -> None:
        cases = [case for case in EXAMPLE.cases[:12] if case.case.batch == 8]
        alike = [case.measured.main for case in cases if case.measured is not None]
        axis = charts.latency_axis(alike)
        assert axis.low == 0 == axis.ticks[0][0]
        assert axis.high > max(series.latency_ms.max for series in alike)
        page = "".join(charts.sections(cases)).partition("Throughput")[0]
        ticks = [
            re.findall(r'<text class="tick" .*?>(.*?)</text>', svg)
            for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)
        ]
        y = [label for _, label in axis.ticks]
        assert len(ticks) == 4
        assert [one[: len(y)] for one in ticks] == [y] * 4

    def test_a_sample_far_beyond_the_others_does_not_press_them_down(self) -> None:
        case = EXAMPLE.cases[0]
        assert case.measured is not None
        late = series_of([*(one / 1e6 for one in case.measured.main.samples_ns), 9e3])
        axis = charts.latency_axis([late])
        assert axis.high < 4 * (case.measured.main.latency_ms.p99.high or 0.0)
        assert "the slowest, 9000 ms, lies above" in charts.distribution(case, late, axis)

    def test_the_bound_and_the_rates_that_break_it(self) -> None:
        case = EXAMPLE.cases[13]
        assert case.measured is not None
        (drawn,) = charts.load_curves([(case, case.measured)], [0])
        svg = ET.fromstring(drawn)
        assert [line.get("class") for line in svg.iter("line")].count("bound") == 1
        crosses = [one for one in svg.iter("path") if "-3.5 -3.5l7 7" in one.get("d", "")]
        assert len(crosses) == 3, "0.7, 0.8 and 0.9"
        assert "p99 within 80 ms is shown up to 22.50 requests/s" in svg.get("aria-label", "")

    def test_pauses_stand_evenly(self) -> None:
        case = EXAMPLE.cases[14]
        assert case.measured is not None
        (drawn,) = charts.after_gaps([(case, case.measured)], [0])
        ticks = [text for text in ET.fromstring(drawn).iter("text") if text.get("class") == "tick middle"]
        assert [text.text for text in ticks] == ["0", "1", "10", "100", "1000"]
        places = [float(text.get("x", "")) for text in ticks]
        assert {round(after - before, 0) for before, after in itertools.pairwise(places)} == {
            round(places[1] - places[0], 0)
        }

    def distribution(self, case: CaseResult) -> ET.Element:
        assert case.measured is not None
        main = case.measured.main
        return ET.fromstring(charts.distribution(case, main, charts.latency_axis([main])))

    def trade_off(self, cases: list[tuple[CaseResult, Measured]]) -> str:
        """With axes as long as a page's."""
        points = [(one, each, each.latency_ms.p50, each.images_per_s) for one, found in cases for each in found.series]
        x, y = linear([500.0], "p50 latency, ms"), linear([100.0], "images/s")
        return charts.trade_off(points, charts.runtimes(cases), x, y)  # type: ignore[arg-type]


@needs_chromium
class TestBrowser:
    @pytest.mark.parametrize(("width", "dark"), [(320, False), (360, True), (1200, False)])
    def test_only_tables_scroll_and_all_can_be_read(self, width: int, dark: bool, tmp_path: Path) -> None:
        """Text has a contrast of 4.5 to 1, marks have one of 3 to 1 (WCAG 2, 1.4.3 and 1.4.11)."""
        scrolled = "page.documentElement.scrollWidth <= page.documentElement.clientWidth"
        expression = f"[{scrolled}, frame.innerWidth, {CONTRAST}, {NUMBERS_BEYOND}, {LABELS_CUT}]"
        found = evaluate(PAGE, expression, tmp_path, width=width, dark=dark)
        assert found.split(",")[:6] == ["true", f"{width}", f"{dark}".lower(), "true", "true", "true"]
        beyond, cut = found.split(",")[6:]
        assert beyond == "0" or width < 360, "the first numbers are seen on a phone"
        assert cut == "", "labels of charts are not cut"

    @pytest.mark.long
    def test_the_console_stays_empty(self, tmp_path: Path) -> None:
        page = tmp_path / "page.html"
        page.write_text(PAGE, encoding="utf-8")
        assert CHROMIUM is not None
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr", "--dump-dom", page.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert "CONSOLE" not in done.stderr
        page.write_text(PAGE.replace("</main>", "<script>1</script></main>"), encoding="utf-8")
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert "CONSOLE" in done.stderr, "what the policy forbids is said there"
