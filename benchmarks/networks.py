"""Which networks are read and exported, with which errors: timm's ResNets, torchvision's, Keras's and others.

    python benchmarks/networks.py                              # all, of images of 64 x 64 pixels; takes hours
    python benchmarks/networks.py --only 'torchvision/*' --again

Weights are random; nothing is downloaded. Rows that the results already hold are kept, so that the sweep can be made
in parts. Needs timm, torchvision and transformers, which `make install` brings.
"""

from __future__ import annotations

import fnmatch
import gc
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import readme
import shared
from zoo import Member, members

from resnet_export import export
from resnet_export.errors import ParityError, ResNetExportError

RESULTS = shared.FOLDER / "networks.json"
LIMIT = 120
"""Characters of a reason in the table."""


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--only", metavar="GLOB", default="*", help="group/name, such as 'timm/*'")
    parser.add_argument(
        "--image-size", type=int, default=64, help="pixels; the smallest that a network takes, if larger"
    )
    parser.add_argument("--again", action="store_true", help="export those anew whose results are there")
    parser.add_argument("--failed", action="store_true", help="export those anew that were refused")
    options = parser.parse_args()

    rows = {row["network"]: row for row in shared.kept(options.output, "networks")}
    for member in members():
        known = rows.get(member.path)
        wanted = known is None or options.again or (options.failed and not known["passed"])
        if not (wanted and fnmatch.fnmatch(member.path, options.only)):
            continue
        rows[member.path] = row = exported(member, member.size(options.image_size))
        shared.write(options.output, schema_version=1, networks=list(rows.values()))
        print(member.path, "passed" if row["passed"] else row["reason"], f"{row['seconds']} s", flush=True)
        gc.collect()
    options.output.with_suffix(".md").write_text(table(list(rows.values())))


def exported(member: Member, size: int) -> dict[str, Any]:
    """Builds a network and exports it; what came of it."""
    row: dict[str, Any] = {"network": member.path, "group": member.group, "image_size": size, "passed": False}
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        try:
            row |= measured(export(member.build(size), Path(folder, "network.onnx"), image_size=size))
        except ParityError as error:
            row |= measured(error.report) | {"reason": str(error)}
        except ResNetExportError as error:
            row["reason"] = error.message
        except Exception:  # a mistake of ours: a user would see a traceback
            row["reason"] = f"unexpected: {traceback.format_exc()}"
    return row | {"seconds": round(time.perf_counter() - start, 1)}


def measured(report: Any) -> dict[str, Any]:
    """What the report of an export says of its errors."""
    checked = report.verification
    framework, comparisons = report.framework, checked.comparisons
    sources = {entry.batch: entry for entry in comparisons if entry.runtime == framework}
    files = {entry.batch: entry for entry in comparisons if entry.runtime == "ort:cpu"}
    worst = max(files, key=lambda batch: files[batch].ratio, default=None)
    found = {
        "passed": bool(report.passed),
        "nodes": sum(report.nodes.values()),
        "parameters": report.parameters,
        "witness": checked.witness,
        "trace_seconds": round(report.stages["load"], 1),
    }
    if worst is not None and worst in sources:
        ours, theirs = files[worst], sources[worst]
        found |= {
            "file_error": ours.error / ours.scale if ours.scale else ours.error,
            "source_error": theirs.error / theirs.scale if theirs.scale else theirs.error,
            "ratio": ours.ratio,
        }
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """The results as Markdown: counts by group, then a line for each network."""
    groups = {row["group"]: [one["passed"] for one in rows if one["group"] == row["group"]] for row in rows}
    counts = [(group, str(sum(passed)), str(len(passed))) for group, passed in groups.items()]
    lines = [
        *readme.table(("Group", "Exported", "Of"), ("---", "--:", "--:"), counts),
        "",
        "Errors are the largest ones over the largest output: of the file, of the source's own float32 run, and of its "
        "own float64 run (witness), each from the float64 truth. The ratio is the file's over the source's, or over "
        "the rounding floor where that is larger; up to 4 passes.",
        "",
    ]
    cells = []
    for row in rows:
        errors = [f"{row[key]:.0e}" if row.get(key) is not None else "" for key in ("file_error", "source_error")]
        witness = f"{row['witness']:.0e}" if row.get("witness") is not None else ""
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        verdict = "passed" if row["passed"] else row["reason"].strip().splitlines()[-1][:LIMIT]
        times = (row.get("trace_seconds", ""), row["seconds"])
        cells.append(tuple(map(str, (row["network"], row.get("nodes", ""), *errors, ratio, witness, *times, verdict))))
    headings = ("Network", "Nodes", "File", "Source", "Ratio", "Witness", "Trace s", "All s", "")
    return "\n".join([*lines, *readme.table(headings, ("---", *["--:"] * 7, "---"), cells)]) + "\n"


if __name__ == "__main__":
    main()
