"""What `bench` measured as a page: one file, without scripts that run, that needs no network.

It is made of the plain data that the JSON holds, and carries it along in a block of its own; each figure says in
`data-figure` where in it it comes from.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

from resnet_export import plain
from resnet_export.report import bench_charts as charts
from resnet_export.report.chart import text
from resnet_export.report.elements import figure, row, table
from resnet_export.report.figures import case_name, condition, file_name, group_name, place, size_name
from resnet_export.report.html import POLICY
from resnet_export.report.html import STYLE as COMMON_STYLE
from resnet_export.report.profile_html import sections as profile_sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

STYLE = """
:root { --s0: #0b5cad; --s1: #a34700; --s2: #1a7232; --s3: #7d3ac1; --s4: #00697a; --s5: #b0245c; }
@media (prefers-color-scheme: dark) {
  :root { --s0: #6cb2ff; --s1: #ffa657; --s2: #56d364; --s3: #c297ff; --s4: #4fd1d9; --s5: #ff7eb0; } }
h1 { margin: 0; } h3 { font-size: .9375rem; margin: 1rem 0 .25rem; font-weight: 600; }
.charts { display: flex; flex-wrap: wrap; gap: .5rem 1rem; } .charts figure { margin: 0; max-width: 100%; }
.charts h3 { margin: .5rem 0 0; max-width: 328px; font-size: .875rem; } .charts svg { max-width: 100%; height: auto; }
svg .tick.middle { text-anchor: middle; } svg .axis { fill: var(--faint); } svg .grid { stroke-opacity: .6; }
svg .label { font-size: 10px; } svg .curve, svg .front { stroke-width: 1.5; }
svg .front { stroke: var(--faint); stroke-dasharray: 2 3; } svg .interval { fill: none; stroke-width: 1.25; }
svg .mark { stroke-width: 1.5; } svg .hollow { fill: var(--back); }
svg .faint { stroke: var(--faint); } svg .mark.faint { fill: var(--faint); }
""" + "".join(
    f".s{at} {{ stroke: var(--s{at}); }} .mark.s{at}:not(.hollow) {{ fill: var(--s{at}); }}\n"
    for at in range(charts.COLOURS)
) + """
.track { display: block; width: 9rem; } .bar { display: block; height: .7rem; background: var(--s0); }
small { color: var(--faint); font-size: .8125rem; font-weight: 400; } th.group { padding-top: .7rem; }
td:first-child { white-space: normal; overflow-wrap: normal; min-width: 6.5rem; line-height: 1.3; }
td.remark div { position: sticky; left: 1rem; max-width: calc(min(100vw, 66rem) - 4rem); }
"""  # fmt: skip
HEADING = ("case", "grade", "p50 ms", "p99 ms", "images/s", "eff. samples", "peak MB", "ran on")
LEFT = (0, 7)
"""Columns that are aligned to the left."""
COLD = ("case", "import ms", "open ms", "first run ms", "new shape ms", "peak MB", "steady MB")
EXPLANATION = (
    "In brackets: the 95 % interval, distribution-free. eff. samples: independent ones that those measured are "
    "worth. needs N: so many samples like these would support the number."
)
TAIL = "Each sample is in it; the bars are the 95 % intervals of p50, p90, p95 and p99."
FRONT = "Filled: on the Pareto front, where nothing is better in both. b8 t2: batch 8, 2 threads. Bars: 95 % intervals."
LOAD = (
    "Requests that come at random (Poisson); latency counts from the time at which they were due. A cross: not shown "
    "to keep the bound."
)


def render(report: Mapping[str, Any]) -> str:
    """An HTML document.

    Args:
        report: as `BenchReport.as_dict` gives it, with or without `profile`, of the report or of a case.
    """
    title = _title(report)
    return "\n".join([
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>{COMMON_STYLE}{STYLE}</style></head>",
        "<body><main>",
        f"<h1>{title}</h1>",
        f'<p class="note">{_machine_line(report)}</p>',
        *_results(report["cases"]),
        *_distributions(report["cases"]),
        *_trade_offs(report["cases"]),
        *_curves(report["cases"], "server", "Latency against the offered rate", charts.load_curve, LOAD),
        *_curves(report["cases"], "idle", "Latency after a pause", charts.after_gaps, "Bars: 95 % intervals."),
        *profile_sections(report),
        *_cold_start(report["cases"]),
        *_machine(report),
        f'<script type="application/json" id="data">{_embedded(report)}</script>',
        "</main></body></html>",
        "",
    ])  # fmt: skip


def _title(report: Mapping[str, Any]) -> str:
    names = list(dict.fromkeys(file_name(case["model"]) for case in report["cases"]))
    return text(
        f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}: latency and throughput"
    )


def _machine_line(report: Mapping[str, Any]) -> str:
    machine = report["machine"]
    cpu = machine["cpu"]
    words = f"{cpu['model'] or 'unknown CPU'}, {machine['usable_cpus']:g} of {cpu['logical_cores']} CPUs"
    gpus = [device["name"] for device in (machine.get("gpus") or {}).get("devices", ())]
    return text(", ".join([words, *gpus, machine["system"]["name"], f"resnet-export {report['version']}"]))


def _results(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A table for each file; a line for what its cases have in common, and remarks below the rows of a case."""
    for path, group in groupby(enumerate(cases), key=lambda entry: str(entry[1]["model"])):
        found = list(group)
        yield f"<h2>{text(file_name(path))} <small>{plain.file_size(found[0][1]['file_bytes'])}</small></h2>"
        rows = []
        for name, own in groupby(found, key=lambda entry: group_name(entry[1])):
            rows.append(f'<tr><th class="left group" colspan="{len(HEADING)}">{text(name)}</th></tr>')
            rows += [line for at, case in own for line in (*_rows(at, case), *_remarks(case))]
        yield from table(f"Results of {file_name(path)}", HEADING, rows, LEFT)
    yield f'<p class="note">{EXPLANATION}</p>'


def _rows(at: int, case: Mapping[str, Any]) -> Iterator[str]:
    name = text(size_name(case))
    if case["status"] != "measured":
        yield row([name, f'<span class="failed">{text(case["status"])}</span>', *[""] * 6], LEFT)
        return
    grade = text((case.get("grade") or {}).get("letter") or "")
    several = len(case["series"]) > 1
    for index, series in enumerate(case["series"]):
        if series.get("probe"):
            continue
        where = f"cases/{at}/series/{index}"
        own = condition(series) if several else ""
        shown = grade if index == case["headline"] else ""
        peak = case["peak_rss_bytes"]
        cells = [
            text(own) or name,
            f"<b>{shown}</b>",
            *(_estimate(series, f"{quantile}_{{}}ms", where) for quantile in ("p50", "p99")),
            _estimate(series, "images_per_s{}", where),
            figure(series["effective_samples"], f"{where}/effective_samples", f"{series['effective_samples']:.0f}"),
            "-" if peak is None else f"{peak / 1e6:.0f}",
            text(place(case)),
        ]
        yield row(cells, LEFT)


def _estimate(found: Mapping[str, Any], pattern: str, where: str) -> str:
    """A figure with its interval; `pattern` is its key with a place for `low_` and `high_`."""
    ends = ("", "_low", "_high") if pattern.endswith("{}") else ("", "low_", "high_")
    keys = [pattern.format(end) for end in ends]
    needed = f"{pattern.partition('_')[0]}_needs"
    needs = found.get(needed)
    value, low, high = (found.get(key) for key in keys)
    if value is None:
        return "-" if needs is None else f"needs {figure(needs, f'{where}/{needed}', str(needs))}"
    shown = figure(value, f"{where}/{keys[0]}")
    if low is None or high is None:
        return shown
    return f"{shown} <small>[{figure(low, f'{where}/{keys[1]}')} {figure(high, f'{where}/{keys[2]}')}]</small>"


def _remarks(case: Mapping[str, Any]) -> Iterator[str]:
    """What has to be known of a case, and what would make it better."""
    grade = case.get("grade") or {}
    told = [words for words in (case["reason"], case["hint"]) if words]
    if case.get("fallback"):
        told.append(f"FALLBACK: {case['fallback']}")
    told += [*grade.get("reasons", ()), *(f"→ {advice}" for advice in grade.get("advice", ()))]
    if told:
        lines = "".join(f"<div>{text(line)}</div>" for line in told)
        yield f'<tr><td class="left remark" colspan="{len(HEADING)}">{lines}</td></tr>'


def _distributions(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A chart for the main series of each case."""
    names = charts.runtimes(cases)
    drawn = []
    for case in cases:
        if case["status"] == "measured":
            series = case["series"][case["headline"]]
            colour = names.index(case["runtime"]) % charts.COLOURS
            own = condition(series) if len(case["series"]) > 1 else ""
            drawn.append((_caption(cases, case, own), charts.distribution(case, series, colour)))
    yield from _charts("Latency by percentile", drawn, TAIL)


def _trade_offs(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A chart for each file."""
    measured = [case for case in cases if case["status"] == "measured"]
    drawn = []
    for path, group in groupby(measured, key=lambda case: str(case["model"])):
        drawn.append((text(file_name(path)), charts.trade_off(list(group))))
    legend = _legend(charts.runtimes(measured)) if len(charts.runtimes(measured)) > 1 else ""
    yield from _charts("Throughput against latency", drawn, FRONT, legend)


def _curves(cases: Sequence[Mapping[str, Any]], scenario: str, title: str, draw: Any, note: str) -> Iterator[str]:
    """A chart for each case of a scenario."""
    names = charts.runtimes(cases)
    drawn = [
        (_caption(cases, case, ""), draw(case, names.index(case["runtime"]) % charts.COLOURS))
        for case in cases
        if case["status"] == "measured" and case["scenario"]["name"] == scenario
    ]
    yield from _charts(title, drawn, note)


def _charts(title: str, drawn: Iterable[tuple[str, str | None]], note: str, legend: str = "") -> Iterator[str]:
    shown = [(name, svg) for name, svg in drawn if svg is not None]
    if shown:
        yield f'<h2>{title}</h2>{legend}<div class="charts">'
        yield from (f"<figure><h3>{name}</h3>{svg}</figure>" for name, svg in shown)
        yield f'</div><p class="note">{note}</p>'


def _legend(names: Sequence[str]) -> str:
    marks = []
    for at, name in enumerate(names):
        path = f'<path class="mark s{at % charts.COLOURS}" d="{charts.mark_path(at)}"/>'
        svg = f'<svg width="14" height="14" aria-hidden="true">{path}</svg>'
        marks.append(f"<li>{svg} {text(name)}</li>")
    return f'<ul class="legend">{"".join(marks)}</ul>'


def _caption(cases: Sequence[Mapping[str, Any]], case: Mapping[str, Any], own: str) -> str:
    """The name of a case, with its file where there are several."""
    several = len({other["model"] for other in cases}) > 1
    return text(", ".join(filter(None, [file_name(case["model"]) if several else "", case_name(case), own])))


def _cold_start(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    measured = [(at, case) for at, case in enumerate(cases) if case["status"] == "measured"]
    if not measured:
        return
    rows = []
    for at, case in measured:
        times = ("import_ms", "open_ms", "first_run_ms", "new_shape_ms")
        sizes = ("peak_rss_bytes", "steady_rss_bytes")
        cells = [
            *("-" if case.get(key) is None else figure(case[key], f"cases/{at}/{key}") for key in times),
            *("-" if case.get(key) is None else f"{case[key] / 1e6:.0f}" for key in sizes),
        ]
        rows.append(row([_caption(cases, case, ""), *cells], (0,)))
    yield "<h2>Cold start and memory</h2>"
    yield from table("Cold start and memory", COLD, rows, (0,))


def _machine(report: Mapping[str, Any]) -> Iterator[str]:
    machine, budget = report["machine"], report["budget"]
    cpu, system, clock = machine["cpu"], machine["system"], machine["cpu"].get("clock") or {}
    sets = [name for name, has in (cpu.get("instruction_sets") or {}).items() if has]
    facts = {
        "CPU": cpu["model"] or "unknown",
        "cores": f"{cpu.get('physical_cores') or '?'} physical, {cpu['logical_cores']} logical, "
        f"{machine['usable_cpus']:g} usable",
        "instruction sets": ", ".join(sets) or "unknown",
        "clock": f"{clock['current_mhz']:.0f} MHz" if clock.get("current_mhz") else "unknown",
        "governor": clock.get("governor") or "unknown",
        "virtual": {True: "yes", False: "no"}.get(cpu.get("virtual"), "unknown"),
        "memory": plain.file_size(int(machine["memory_bytes"])),
        "GPU": ", ".join(one["name"] for one in (machine.get("gpus") or {}).get("devices", ())) or "none",
        "system": f"{system['name']}, {system['kernel']}",
        "container": system.get("container") or "none",
        "Python": system["python"],
        "packages": ", ".join(f"{name} {version}" for name, version in machine["packages"].items()),
        "budget": f"{budget['name']}: {budget['seconds']:g} s, at least {budget['least_samples']} samples a case",
    }
    yield "<h2>Machine</h2><dl>"
    yield from (f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in facts.items())
    yield "</dl>"


def _embedded(report: Mapping[str, Any]) -> str:
    """JSON that can stand in a page: no text of others can end the block."""
    return json.dumps(report, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
