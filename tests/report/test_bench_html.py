from __future__ import annotations

import itertools
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from resnet_export.bench.relative import Relative
from resnet_export.report import bench_chart_sections, bench_charts, bench_html
from tests.report.bench_examples import EXAMPLE, changed
from tests.report.browser import CHROMIUM, evaluate, needs_chromium
from tests.report.test_html import Checker

if TYPE_CHECKING:
    from pathlib import Path

PAGE = bench_html.render(EXAMPLE)
EVIL = "</script><script>alert('&\"')</script>"
FIGURES = """(() => {
  const data = JSON.parse(page.getElementById("data").textContent);
  const figures = [...page.querySelectorAll("[data-figure]")];
  const wrong = figures.filter(one => {
    let value = data; for (const key of one.dataset.figure.split("/")) value = value[key];
    if (Array.isArray(value)) value = value.toSorted((one, other) => one - other)[value.length >> 1];
    const shown = one.textContent, place = one.dataset.figure;
    const unit = shown.endsWith("%") ? 1e-2 : place.endsWith("_bytes") ? 1e6
      : /multiply_adds_per_s|bytes_per_s/.test(place) ? 1e9 : 1;
    const last = unit / 10 ** (shown.match(/[.]([0-9]+)/)?.[1].length ?? 0);
    return !(typeof value === "number" && Math.abs(parseFloat(shown) * unit - value) <= 0.501 * last);
  });
  return [figures.length > 200, wrong.length, wrong.slice(0, 3).map(one => one.outerHTML).join("")];
})()"""
"""A figure is off by half of its last digit at most. A list of the JSON (of odd length here) stands for its median."""
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


def without_charts() -> dict[str, Any]:
    """Nothing but failures."""
    return changed(cases=[case for case in EXAMPLE["cases"] if case["status"] != "measured"], profile=None)


@pytest.mark.parametrize("report", [EXAMPLE, without_charts()], ids=["all", "failures"])
def test_is_well_formed_and_fetches_nothing(report: dict[str, Any]) -> None:
    page = bench_html.render(report)
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
    assert json.loads(block[1]) == EXAMPLE


def test_everything_of_others_is_escaped() -> None:
    cases = [
        {
            **case, "model": EVIL.replace("/", ""), "runtime": EVIL, "reason": EVIL, "hint": EVIL, "fallback": EVIL,
            "grade": {"letter": EVIL, "reasons": [EVIL], "advice": [EVIL]},
        }
        for case in EXAMPLE["cases"]
    ]  # fmt: skip
    layers = [{**one, "layer": EVIL, "layers": [EVIL], "op": EVIL} for one in EXAMPLE["profile"]["layers"]]
    profile = {**EXAMPLE["profile"], "runtime": EVIL, "model": EVIL, "layers": layers}
    page = bench_html.render(changed(cases=cases, profile=profile))
    assert page.count("<script") == 1
    assert page.count("</script") == 1
    assert page.count("&lt;script&gt;") > 20


def test_a_name_that_is_no_text_can_be_written() -> None:
    cases = [{**EXAMPLE["cases"][0], "model": "mod\udcffle.onnx"}]
    bench_html.render(changed(cases=cases)).encode("utf-8")


def test_what_there_is_nothing_of_has_no_section() -> None:
    page = bench_html.render(without_charts())
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
    assert "<div>Other processes used 0.4 of 2 CPUs meanwhile.</div><div>→ Run it on an idle machine.</div>" in PAGE


def test_how_it_stands_to_the_reference_network() -> None:
    told = Relative(2.824, 2.783, 2.863, 11, "reference network 1 in onnxruntime 1.31.1", 6.1, ())
    page = bench_html.render(changed(cases=[{**EXAMPLE["cases"][0], "relative": told.as_dict()}]))
    assert "<div>It takes 2.824 [2.783 2.863] times as long as reference network 1 in onnxruntime 1.31.1.</div>" in page


def test_a_profile_of_a_case_is_shown() -> None:
    cases = [{**EXAMPLE["cases"][0], "profile": EXAMPLE["profile"]}]
    page = bench_html.render(changed(cases=cases, profile=None))
    assert 'data-figure="cases/0/profile/layers/0/mean_ms"' in page
    assert "All 16 in the order in which they run" in page


class TestCharts:
    def test_pareto(self) -> None:
        assert bench_charts.pareto([(1, 1), (2, 3), (2, 2), (3, 3), (4, 5), (0.5, 0.1)]) == [5, 0, 1, 4]
        assert bench_charts.pareto([(1, 1), (1, 2)]) == [1]
        assert bench_charts.pareto([]) == []

    def test_the_front_is_filled_and_named(self) -> None:
        cases = EXAMPLE["cases"][:12]
        svg = ET.fromstring(str(bench_charts.trade_off(cases, *bench_charts.trade_offs(cases))))
        marks = [mark for mark in svg.iter("path") if "mark" in mark.get("class", "").split()]
        assert len(marks) == 12
        filled = [mark.findtext("title", "") for mark in marks if "hollow" not in mark.get("class", "")]
        assert [words.partition(":  ")[0].split(": p50")[0] for words in filled] == [
            f"openvino, batch {batch}, threads 2" for batch in (1, 8, 32)
        ]
        assert [text.text for text in svg.iter("text") if text.get("class") == "label"] == ["b1 t2", "b8 t2", "b32 t2"]

    def test_one_point_is_no_trade_off(self) -> None:
        cases = EXAMPLE["cases"][:1]
        assert bench_charts.trade_off(cases, *bench_charts.trade_offs(cases)) is None

    def test_a_distribution_has_the_intervals_that_the_samples_support(self) -> None:
        case, few = EXAMPLE["cases"][0], EXAMPLE["cases"][12]
        svg = self.distribution(case)
        assert len([mark for mark in svg.iter("path") if "interval" in mark.get("class", "")]) == 4
        assert "ms, 900 samples" in svg.get("aria-label", "")
        svg = self.distribution(few)
        kinds = [mark.get("class", "").split()[0] for mark in svg.iter("path")]
        assert (kinds.count("mark"), kinds.count("interval")) == (4, 1), "40 samples support one of p50"

    def test_a_curve_rises_and_ends_at_the_slowest(self) -> None:
        svg = self.distribution(EXAMPLE["cases"][0])
        (line,) = svg.iter("polyline")
        points = [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
        assert points == sorted(points, key=lambda point: (point[0], -point[1]))
        assert len(points) <= bench_charts.MOST_POINTS + 1

    @pytest.mark.parametrize("samples", [[5.0], [5.0, 5.0], [0.0, 5.0], [1.0] * 100_000])
    def test_few_and_many_and_equal_samples(self, samples: list[float]) -> None:
        case = EXAMPLE["cases"][12]
        self.distribution({**case, "series": [{**case["series"][0], "samples_ms": samples}]})

    def test_charts_of_a_batch_have_one_axis_from_zero(self) -> None:
        cases = [case for case in EXAMPLE["cases"][:12] if case["batch"] == 8]
        axis = bench_charts.latencies(cases)
        assert axis.low == 0 == axis.ticks[0][0]
        assert axis.high > max(series["max_ms"] for case in cases for series in case["series"])
        page = "".join(bench_chart_sections.sections(cases)).partition("Throughput")[0]
        ticks = [
            re.findall(r'<text class="tick" .*?>(.*?)</text>', svg)
            for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)
        ]
        assert len(ticks) == 4
        assert ticks == [[label for _, label in axis.ticks]] * 4

    def test_a_sample_far_beyond_the_others_does_not_press_them_down(self) -> None:
        case = EXAMPLE["cases"][0]
        (series,) = case["series"]
        late = {**case, "series": [{**series, "samples_ms": [*series["samples_ms"], 9e3], "max_ms": 9e3}]}
        axis = bench_charts.latencies([late])
        assert axis.high < 4 * series["p99_high_ms"]
        assert "the slowest, 9000 ms, lies above" in bench_charts.distribution(late, axis)

    def test_the_bound_and_the_rates_that_break_it(self) -> None:
        case = EXAMPLE["cases"][13]
        svg = ET.fromstring(bench_charts.load_curve(case, *bench_charts.load_curves([case])))
        assert [line.get("class") for line in svg.iter("line")].count("bound") == 1
        crosses = [one for one in svg.iter("path") if "-3.5 -3.5l7 7" in one.get("d", "")]
        assert len(crosses) == 3, "0.7, 0.8 and 0.9"
        assert "p99 within 80 ms is shown up to 22.50 requests/s" in svg.get("aria-label", "")

    def test_pauses_stand_evenly(self) -> None:
        case = EXAMPLE["cases"][14]
        svg = ET.fromstring(bench_charts.after_gaps(case, *bench_charts.gaps([case])))
        ticks = [text for text in svg.iter("text") if text.get("class") == "tick middle"]
        assert [text.text for text in ticks] == ["0", "1", "10", "100", "1000"]
        places = [float(text.get("x", "")) for text in ticks]
        assert {round(after - before, 0) for before, after in itertools.pairwise(places)} == {
            round(places[1] - places[0], 0)
        }

    def distribution(self, case: dict[str, Any]) -> ET.Element:
        return ET.fromstring(bench_charts.distribution(case, bench_charts.latencies([case])))


@needs_chromium
class TestBrowser:
    @pytest.mark.parametrize("width", [320, 360, 1200])
    def test_only_tables_scroll(self, width: int, tmp_path: Path) -> None:
        expression = "[page.documentElement.scrollWidth <= page.documentElement.clientWidth, frame.innerWidth]"
        assert evaluate(PAGE, expression, tmp_path, width=width) == f"true,{width}"

    def test_the_first_numbers_are_seen_on_a_phone(self, tmp_path: Path) -> None:
        expression = """[...page.querySelectorAll("[data-figure$='/p50_ms']")].filter(one =>
          one.getBoundingClientRect().right > frame.innerWidth).length"""
        assert evaluate(PAGE, expression, tmp_path, width=360) == "0"

    @pytest.mark.parametrize("dark", [False, True])
    def test_is_readable_in_both_colour_schemes(self, dark: bool, tmp_path: Path) -> None:
        """Text has a contrast of 4.5 to 1, marks have one of 3 to 1 (WCAG 2, 1.4.3 and 1.4.11)."""
        found = evaluate(PAGE, CONTRAST, tmp_path, width=800, dark=dark)
        assert found == f"{'true' if dark else 'false'},true,true,true"

    def test_every_figure_is_the_jsons(self, tmp_path: Path) -> None:
        assert evaluate(PAGE, FIGURES, tmp_path, width=800) == "true,0,"

    @pytest.mark.parametrize("place", ["cases/0/peak_rss_bytes", "cases/0/roofline/of_possible", "peaks/0/bytes_per_s"])
    def test_and_one_that_is_not_is_found(self, place: str, tmp_path: Path) -> None:
        wrong = PAGE.replace(f'data-figure="{place}">', f'data-figure="{place}">1', 1)
        assert evaluate(wrong, FIGURES, tmp_path, width=800).startswith("true,1,")

    def test_labels_of_charts_are_not_cut(self, tmp_path: Path) -> None:
        expression = """[...page.querySelectorAll("figure svg text")].filter(one => {
          const box = one.getBoundingClientRect(), svg = one.closest("svg").getBoundingClientRect();
          return box.left < svg.left - 1 || box.right > svg.right + 1
            || box.top < svg.top - 1 || box.bottom > svg.bottom + 1;
        }).map(one => one.textContent).join(";")"""
        assert evaluate(PAGE, expression, tmp_path, width=1200) == ""

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
