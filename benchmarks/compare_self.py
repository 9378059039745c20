"""How `bench compare` behaves: a file with itself, and with a slow-down of 3 % that is put in.

    python benchmarks/compare_self.py                       # 20 and 10 comparisons of 60 s: half an hour
    python benchmarks/compare_self.py --alike 4 --slower 4 --seconds 20

ResNet-18 in ONNX Runtime on the CPU, with two threads. The slow-down is the synthetic runtime's, around the same.
Comparisons that the results already hold are kept, so that a long sweep can be made in parts; each has its own seed.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shared

from resnet_export import export
from resnet_export.bench.compare import BAND, compare
from resnet_export.bench.compare.side import read_sides
from resnet_export.bench.sampling import DEFAULT
from resnet_export.machine import read_machine

if TYPE_CHECKING:
    from resnet_export.bench.compare.results import Comparison

RESULTS = shared.FOLDER / "compare.json"
SLOW_DOWN = 1.03
EXPERIMENTS = {
    "alike": (("runtime=ort:cpu,threads=2", "threads=2"), "equivalent", 1.0),
    "slower": (("runtime=synthetic,inside=ort:cpu", f"slower={SLOW_DOWN}"), "slower", SLOW_DOWN),
}
"""Name -> (both sides but for the file, the right verdict, the true ratio)."""


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--alike", type=int, default=20, metavar="N", help="comparisons of the file with itself")
    parser.add_argument("--slower", type=int, default=10, metavar="N", help="comparisons with the slow-down")
    parser.add_argument("--seconds", type=float, default=DEFAULT.seconds, help="of each")
    options = parser.parse_args()

    rows = shared.kept(options.output, "comparisons")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "resnet18.onnx")
        export(output=model, framework="torch")
        for name, ((a, b), right, truth) in EXPERIMENTS.items():
            sides = read_sides(f"model={model},{a}", b)
            done = {
                row["seed"] for row in rows if (row["experiment"], row["budget_seconds"]) == (name, options.seconds)
            }
            for seed in range(getattr(options, name)):
                if seed in done:
                    continue
                found = compare(*sides, options.seconds, BAND, seed)
                rows.append(row_of(found, name, truth))
                print(f"{name} {seed}: {in_words(rows[-1])}", flush=True)
                machine = read_machine().as_dict()
                shared.write(options.output, schema_version=1, band=BAND, machine=machine, comparisons=rows)
            mine = [row for row in rows if (row["experiment"], row["budget_seconds"]) == (name, options.seconds)]
            verdicts = Counter(row["verdict"] for row in mine)
            covered = sum(row["covered"] for row in mine)
            print(
                f"{name}: {right} {verdicts[right]} of {len(mine)}; all verdicts: {dict(verdicts)}; "
                f"the interval held the true ratio in {covered}",
                flush=True,
            )


def row_of(found: Comparison, name: str, truth: float) -> dict[str, Any]:
    ratio = found.ratio
    return {
        "experiment": name,
        "seed": found.seed,
        "budget_seconds": found.budget_seconds,
        "seconds": found.seconds,
        "verdict": found.verdict,
        "ratio": ratio.value,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "covered": ratio.low is not None and ratio.high is not None and ratio.low <= truth <= ratio.high,
        "a_p50_ms": found.a.p50_ms,
        "b_p50_ms": found.b.p50_ms,
        "log_ratios": [launch.log_ratio for launch in found.launches],
    }


def in_words(row: dict[str, Any]) -> str:
    ends = "?" if row["ratio_low"] is None else f"[{row['ratio_low']:.4f} {row['ratio_high']:.4f}]"
    interval = f"{row['ratio']:.4f} {ends}"
    return f"{row['verdict']}, {interval}, {len(row['log_ratios'])} launches, p50 {row['a_p50_ms']:.2f} ms"


if __name__ == "__main__":
    main()
