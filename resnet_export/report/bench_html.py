"""What `bench` measured as a page: one file, without scripts that run, that needs no network.

It is made of the plain data that the JSON holds, and carries it along in a block of its own; each figure says in
`data-figure` where in it it comes from.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from resnet_export.report import (
    bench_chart_sections,
    bench_condition_tables,
    bench_machine,
    bench_result_tables,
    profile_html,
)
from resnet_export.report.bench_charts import COLOURS
from resnet_export.report.chart import text
from resnet_export.report.figures import file_name
from resnet_export.report.html import POLICY
from resnet_export.report.html import STYLE as COMMON_STYLE

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    for at in range(COLOURS)
) + """
.track { display: block; width: 9rem; } .bar { display: block; height: .7rem; background: var(--s0); }
small { color: var(--faint); font-size: .8125rem; font-weight: 400; } th.group { padding-top: .7rem; }
td:first-child { white-space: normal; overflow-wrap: normal; min-width: 6rem; line-height: 1.3; }
td.remark div { position: sticky; left: 1rem; max-width: calc(min(100vw, 66rem) - 4rem); }
"""  # fmt: skip


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
        *bench_result_tables.sections(report),
        *bench_chart_sections.sections(report["cases"]),
        *profile_html.sections(report),
        *bench_condition_tables.sections(report["cases"]),
        *bench_machine.section(report),
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


def _embedded(report: Mapping[str, Any]) -> str:
    """JSON that can stand in a page: no text of others can end the block."""
    return json.dumps(report, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
