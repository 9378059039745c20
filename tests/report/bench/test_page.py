from __future__ import annotations

import html
import re
import subprocess
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from resnet_export.bench.grade import Grade
from resnet_export.report.bench import charts
from resnet_export.report.bench.page import render
from resnet_export.report.bench.table import as_markdown
from tests.bench.examples import series_of
from tests.report.bench.examples import EXAMPLE, RELATIVE, of, replaced
from tests.report.browser import CHROMIUM, Checker, evaluate, needs_chromium

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.bench.results import BenchReport, CaseResult

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

NUMBERS_BEYOND = """[...page.querySelectorAll("td:nth-child(2)")].filter(one =>
  one.getBoundingClientRect().right > frame.innerWidth).length"""
LABELS_CUT = """[...page.querySelectorAll("figure svg text")].filter(one => {
  const box = one.getBoundingClientRect(), svg = one.closest("svg").getBoundingClientRect();
  return box.left < svg.left - 1 || box.right > svg.right + 1 || box.top < svg.top - 1 || box.bottom > svg.bottom + 1;
}).map(one => one.textContent).join(";")"""

FAILURES = of(EXAMPLE.cases[-1])


def cells(page: str) -> list[list[str]]:
    """The cells of the tables of a page, without the headings and the remarks."""
    found = re.findall(r"<tr>(.*?)</tr>", page)
    shown = [re.findall(r"<td(?: class=\"left\")?>(.*?)</td>", row) for row in found]
    return [[html.unescape(cell) for cell in row] for row in shown if row]


def test_every_cell_is_that_of_the_table_for_other_programs() -> None:
    _, _, *lines = as_markdown(EXAMPLE).partition("\n\n")[0].splitlines()
    assert cells(PAGE) == [line[2:-2].replace("\\", "").split(" | ") for line in lines]
    assert len(cells(PAGE)) == len(lines) > 20


@pytest.mark.parametrize("report", [EXAMPLE, FAILURES], ids=["all", "failures"])
def test_is_well_formed_and_fetches_nothing(report: BenchReport) -> None:
    page = render(report)
    checker = Checker()
    checker.feed(page)
    assert (checker.open, checker.fetched) == ([], [])
    assert not re.search(r"url\(|@import|javascript:", page)
    assert "default-src 'none'" in page
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ET.fromstring(svg)


def test_everything_of_others_is_escaped() -> None:
    name, grade = EVIL.replace("/", ""), Grade("A", (EVIL,), (EVIL,))
    cases = [
        replaced(one, case__model__path=name, case__runtime=EVIL, reason=EVIL, hint=EVIL, grade=grade)
        for one in EXAMPLE.cases
    ]
    cases = [one if one.measured is None else replaced(one, measured__ran__fallback=EVIL) for one in cases]
    page = render(of(*cases))
    assert "<script" not in page
    assert "</script" not in page
    assert page.count("&lt;script&gt;") > 20


def test_a_name_that_is_no_text_can_be_written() -> None:
    render(of(replaced(EXAMPLE.cases[0], case__model__path="mod\udcffle.onnx"))).encode("utf-8")


def test_what_there_is_nothing_of_has_no_section() -> None:
    page = render(FAILURES)
    assert re.findall(r"<h2>(.*?)</?[hs]", page) == ["net.onnx ", "Machine"]
    assert "its process was ended by SIGSEGV while sampling" in page
    titles = re.findall(r"<h2>(.*?)</?[hs]", PAGE)
    assert titles == [
        "net.onnx ", "Latency by percentile", "Latency against the offered rate", "Machine",
    ]  # fmt: skip


def test_the_cold_start_and_the_fastest() -> None:
    assert (
        "<div>Cold start 350 ms (import 200, open 100, first run 50), peak memory 250 MB and 640 MB on the GPU." in PAGE
    )
    assert re.search(r"<p>ort:cuda, batch 1, 2 threads, device to device is the fastest of 14: \d+\.\d images/s.", PAGE)
    assert "question mark" in PAGE


def test_the_peaks_and_what_reached_them() -> None:
    one, two, gpu = [one for one in re.findall(r"<dd>(.*?)</dd>", PAGE) if "multiply-adds/s" in one]
    assert one == (
        "1 thread: 60.00 G multiply-adds/s in float32 (NumPy&#x27;s BLAS), 200.0 G multiply-adds/s in int8 "
        "(ONNX Runtime&#x27;s MatMulInteger), memory 12.00 GB/s (NumPy&#x27;s copy)"
    )
    assert two.startswith("2 threads: 120.0 G")
    assert gpu.startswith("GPU: 25000 G multiply-adds/s in float32")
    assert "<dt>CPU</dt><dd>AMD EPYC, x86_64, virtual</dd><dd>AVX2; no VNNI</dd>" in PAGE.replace("\n", "")


def test_grades_with_reasons_and_advice() -> None:
    assert "<td>A</td>" in PAGE
    assert "<div>Other processes used 0.4 of the 2 CPUs meanwhile.</div>" in PAGE
    assert "<div>→ Measure it again with --seconds 180.</div>" in PAGE


def test_how_it_stands_to_the_reference_network() -> None:
    page = render(of(replaced(EXAMPLE.cases[0], relative=RELATIVE)))
    assert "<div>It takes 2.824 [2.783 2.863] times as long as reference network 1 in onnxruntime 1.31.1.</div>" in page


class TestCharts:
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
        page = "".join(charts.sections(cases))
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
        (drawn,) = charts.load_curves([(case, case.measured)])
        svg = ET.fromstring(drawn)
        assert [line.get("class") for line in svg.iter("line")].count("bound") == 1
        crosses = [one for one in svg.iter("path") if "-3.5 -3.5l7 7" in one.get("d", "")]
        assert len(crosses) == 3, "0.7, 0.8 and 0.9"
        assert "p99 within 80 ms is shown up to 22.50 requests/s" in svg.get("aria-label", "")

    def distribution(self, case: CaseResult) -> ET.Element:
        assert case.measured is not None
        main = case.measured.main
        return ET.fromstring(charts.distribution(case, main, charts.latency_axis([main])))


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
