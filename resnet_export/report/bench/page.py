"""What `bench` measured as a page: one file, without scripts that run, that needs no network.

It carries the result along as JSON in a block of its own; each figure says in `data-figure` where in it it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_export.data import to_json
from resnet_export.report.bench import charts, machine, tables
from resnet_export.report.bench.words import file_name, machine_line
from resnet_export.report.kit.page import page, text
from resnet_export.report.profile import page as profile

if TYPE_CHECKING:
    from resnet_export.bench.results import BenchReport

STYLE = """
:root { --s0: #0b5cad; --s1: #a34700; --s2: #1a7232; --s3: #7d3ac1; --s4: #00697a; --s5: #b0245c; }
@media (prefers-color-scheme: dark) {
  :root { --s0: #6cb2ff; --s1: #ffa657; --s2: #56d364; --s3: #c297ff; --s4: #4fd1d9; --s5: #ff7eb0; } }
h1 { margin: 0; } h3 { font-size: .9375rem; margin: 1rem 0 .25rem; font-weight: 600; }
.charts { display: flex; flex-wrap: wrap; gap: .5rem 1rem; } .charts figure { margin: 0; max-width: 100%; }
.charts h3 { margin: .5rem 0 0; max-width: 328px; font-size: .875rem; } .charts svg { max-width: 100%; height: auto; }
svg .grid { stroke-opacity: .6; } svg .front { stroke: var(--faint); stroke-dasharray: 2 3; }
svg .hollow { fill: var(--back); } svg .faint { stroke: var(--faint); } svg .mark.faint { fill: var(--faint); }
.track { display: block; width: 9rem; } .bar { display: block; height: .7rem; background: var(--s0); }
small { color: var(--faint); font-size: .8125rem; font-weight: 400; }
td:first-child { white-space: normal; overflow-wrap: normal; min-width: 6rem; line-height: 1.3; }
""" + "".join(
    f".s{at} {{ stroke: var(--s{at}); }} .mark.s{at}:not(.hollow) {{ fill: var(--s{at}); }}\n"
    for at in range(charts.COLOURS)
)  # fmt: skip


def render(report: BenchReport) -> str:
    """An HTML document."""
    names = list(dict.fromkeys(file_name(one.case.model.path) for one in report.cases))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    title = f"{', '.join(names[:3])}{more}: latency and throughput"
    # No text of others can end the block.
    embedded = to_json(report, indent=0).replace("<", "\\u003c")
    body = [
        f"<h1>{text(title)}</h1>",
        f'<p class="note">{text(f"{machine_line(report.machine)}, resnet-export {report.version}")}</p>',
        *tables.results(report),
        *charts.sections(report.cases),
        *(line for at, one in enumerate(report.cases) if one.profile
          for line in profile.section(f"cases/{at}/profile", one.profile)),
        *tables.conditions(report.cases),
        *machine.section(report),
        f'<script type="application/json" id="data">{embedded}</script>',
    ]  # fmt: skip
    return page(title, body, style=STYLE)
