"""What `bench` measured as a page: one file, without scripts, that needs no network."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from resnet_export.bench.results import BenchReport, CaseResult
from resnet_export.bench.roofline import Peaks
from resnet_export.errors import and_more
from resnet_export.report.bench import charts
from resnet_export.report.bench.remarks import facts, warnings
from resnet_export.report.bench.table import HEADING, kept_columns, rows
from resnet_export.report.bench.verdict import verdicts
from resnet_export.report.bench.words import advice, digits, file_name, machine_line, remedy
from resnet_export.report.kit import page
from resnet_export.report.kit.page import text
from resnet_export.report.machine import facts as machine_facts
from resnet_export.terminal import Row, file_size, number

STYLE = """
h1 { margin: 0; } h3 { font-size: .9375rem; margin: 1rem 0 .25rem; font-weight: 600; }
.charts { display: flex; flex-wrap: wrap; gap: .5rem 1rem; } .charts figure { margin: 0; max-width: 100%; }
.charts h3 { margin: .5rem 0 0; max-width: 328px; font-size: .875rem; } .charts svg { max-width: 100%; height: auto; }
svg .grid { stroke-opacity: .6; } svg .own { stroke: var(--error); } svg .mark.own { fill: var(--error); }
svg .faint { stroke: var(--faint); } svg .mark.faint { fill: var(--faint); }
small { color: var(--faint); font-size: .8125rem; font-weight: 400; }
td:first-child { white-space: normal; overflow-wrap: normal; min-width: 6rem; line-height: 1.3; }
"""
EXPLANATION = (
    "p50: half of the runs are as fast or faster; p99: 99 of 100 are. In brackets: the 95 % interval; a question mark "
    "where the samples are too few, or resemble each other too much, for one. images/s: batch over the mean. roofline: "
    "the least time that this machine's measured peaks allow, over p50; above 100 % where fast convolutions need fewer "
    "multiply-adds; a question mark at grade D, which disturbs these peaks, too. grade: from A, nothing disturbed it, "
    "to D, it says more about the disturbance than about the network."
)


def render(report: BenchReport) -> str:
    """An HTML document."""
    names = dict.fromkeys(file_name(one.case.model.path) for one in report.cases)
    title = f"{and_more(names)}: latency and throughput"
    body = [
        f'<p class="note">{text(f"{machine_line(report.machine)}, resnet-export {report.version}")}</p>',
        *_results(report),
        *charts.sections(report.cases),
        "<h2>Machine</h2>",
        _machine(report),
    ]
    return page.page(title, body, style=STYLE)


def _results(report: BenchReport) -> Iterator[str]:
    """A table for each file, with remarks below the rows of a case, and which case is the fastest."""
    for path, cases in groupby(report.cases, key=lambda one: one.case.model.path):
        found = [(case, list(rows(case))) for case in cases]
        yield f"<h2>{text(file_name(path))} <small>{file_size(found[0][0].case.model.size)}</small></h2>"
        kept = kept_columns(row for _, own in found for row in own)
        lines: list[Row | Sequence[str]] = []
        for case, own in found:
            *first, last = ([cells[at] for at in kept] for cells in own)
            lines += [*first, Row(last, _remarks(case))]
        yield from page.table(f"Results of {file_name(path)}", [HEADING[at] for at in kept], lines)
    yield from (f"<p>{text(f'{told} {command}'.rstrip())}</p>" for told, command in verdicts(report))
    yield f'<p class="note">{text(EXPLANATION)}</p>'


def _remarks(result: CaseResult) -> list[str]:
    """What has to be known of a case, and what would make it better."""
    return [*warnings(result), *facts(result), *(f"→ {remedy(one)}" for one in advice(result))]


def _machine(report: BenchReport) -> str:
    """What the machine is, and its measured peaks."""
    packages = [f"{name} {version}" for name, version in report.machine.packages.items()]
    known = [*machine_facts(report.machine), ("packages", packages), ("budget", [f"{report.budget.seconds:g} s"])]
    known += [("" if at else "peaks", _peaks(one)) for at, one in enumerate(report.peaks)]
    return page.facts(known)


def _peaks(peaks: Peaks) -> list[str]:
    """The peaks of a device and a number of threads: each rate, and what reached it."""
    rates = {
        precision: f"{digits(rate / 1e9)} G multiply-adds/s in {precision}"
        for precision, rate in peaks.multiply_adds_per_s.items()
    }
    rates["memory"] = f"memory {digits(peaks.bytes_per_s / 1e9)} GB/s"
    told = [f"{rate} ({peaks.how[what]})" if what in peaks.how else rate for what, rate in rates.items()]
    whose = "GPU" if peaks.device == "cuda" else number(peaks.threads, "thread")
    return [f"{whose}: {told[0]}", *told[1:]]
