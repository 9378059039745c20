"""How far each runtime is from the truth: `resnet-export verify` in all that are installed, and the README's table.

    python benchmarks/verify.py [--output FILE]

On ResNet-18 as `resnet-export` initialises it, its plain exports by PyTorch and tf2onnx (benchmarks/rivals/), random
images, and two photographs that scikit-learn brings.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import readme
import shared

from resnet_export import export, verify
from resnet_export.machine import read_machine

if TYPE_CHECKING:
    from resnet_export.parity.results import RuntimeResult, VerifyReport

HERE = Path(__file__).parent
RESULTS = shared.FOLDER / "verify.json"
FILES = {
    "canonical": None,
    "`torch.onnx.export`": "torch_export.py",
    "`tf2onnx`": "tf2onnx_from_keras.py",
}
"""Column of the table -> the script that writes the file; None for this project's own."""
HEADINGS = ("Runtime", "Version", "Batches", "Error", *(f"Ratio, {name}" for name in FILES), "Top-1")


def main() -> None:
    options = shared.parser(__doc__, RESULTS).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = shared.write_photographs(folder / "photos", ".png")
        reports = {}
        for column, script in FILES.items():
            path = folder / f"{script or 'resnet18'}.onnx"
            if script is None:
                export(output=path, framework="torch")
            else:
                subprocess.run([sys.executable, HERE / "rivals" / script, path], check=True)
            reports[column] = verify(path, images=photos)
            print(f"{column}: {'passed' if reports[column].passed else 'FAILED'}", flush=True)
    machine = read_machine()
    files = {column.strip("`"): report.as_dict() | {"file": column} for column, report in reports.items()}
    shared.write(options.output, schema_version=1, machine=machine.as_dict(), files=files)
    if options.output == RESULTS:
        readme.refresh("verify", "\n".join(markdown(reports, readme.machine_in_words(machine))))


def markdown(reports: dict[str, VerifyReport], machine: str) -> list[str]:
    own = reports["canonical"]
    rows = [
        (
            f"`{result.runtime}`",
            result.version,
            " ".join(str(batch) for batch in (1, 2, 7) if batch not in result.batches_left_out),
            f"{max(c.error for c in own.comparisons if c.runtime == result.runtime):.1e}",
            *(ratio(report, result) for report in reports.values()),
            top1(own, result),
        )
        for result in own.runtimes
        if result.status in ("passed", "failed")
    ]
    absent = ", ".join(f"`{result.runtime}`" for result in own.runtimes if result.status == "not here")
    scale = max(comparison.scale for comparison in own.comparisons)
    return [
        *readme.table(HEADINGS, ("---", "---", "---", *["--:"] * (len(HEADINGS) - 3)), rows),
        "",
        f"ResNet-18 on 7 random images and 2 photographs. Error: the largest distance from the truth, on logits of up "
        f"to {scale:.1f}; ratio: that error over NumPy's in float32, or over the rounding floor where that is larger "
        f"(up to 4 passes), for the canonical file and for plain exports of the same network. {machine}; not here: "
        f"{absent}. Every number: "
        "[benchmarks/results/verify.json](benchmarks/results/verify.json).",
    ]


def ratio(report: VerifyReport, result: RuntimeResult) -> str:
    same = next(one for one in report.runtimes if one.runtime == result.runtime)
    if same.status not in ("passed", "failed"):
        return same.status
    worst = max(comparison.ratio for comparison in report.comparisons if comparison.runtime == result.runtime)
    return f"{worst:.2f}{'' if same.status == 'passed' else ' FAILED'}"


def top1(report: VerifyReport, result: RuntimeResult) -> str:
    compared = [comparison for comparison in report.comparisons if comparison.runtime == result.runtime]
    return f"{sum(c.top1_agreed for c in compared)}/{sum(c.batch for c in compared)}"


if __name__ == "__main__":
    main()
