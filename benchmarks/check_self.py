"""How `bench check` behaves: a re-run of the same, and one with a slow-down of 10 % that is put in.

    python benchmarks/check_self.py                         # 10 baselines, 20 results of 60 s: 40 minutes
    python benchmarks/check_self.py --runs 3 --seconds 30

ResNet-18 in ONNX Runtime on the CPU, inside the synthetic runtime, which slows it down on request. Each pair of checks
has a baseline of its own, and all are measured with `--reference`. Runs that the results already hold are kept, so
that a long sweep can be made in parts.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import shared

from resnet_export import export
from resnet_export.bench import bench
from resnet_export.bench.check import check
from resnet_export.bench.sampling import DEFAULT, Budget
from resnet_export.data import as_plain
from resnet_export.machine import read_machine

if TYPE_CHECKING:
    from resnet_export.bench.results import BenchReport

RESULTS = shared.FOLDER / "check.json"
RUNTIME = "synthetic,inside=ort:cpu"
SLOW_DOWN = 1.10


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--runs", type=int, default=10, metavar="N")
    parser.add_argument("--seconds", type=float, default=DEFAULT.seconds, metavar="S", help="of each measurement")
    options = parser.parse_args()
    budget = Budget(options.seconds, DEFAULT.least_samples)
    rows = shared.kept(options.output, "checks")
    done = {row["run"] for row in rows}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "resnet18.onnx")
        export(output=path, framework="torch")
        for run in sorted(set(range(options.runs)) - done):
            baseline = measure(path, RUNTIME, budget)
            for name, slower in (("alike", 1.0), ("slower", SLOW_DOWN)):
                found = check(measure(path, f"{RUNTIME},slower={slower}", budget), baseline)
                (case,) = found.cases
                rows.append({
                    "run": run,
                    "experiment": name,
                    "passed": found.passed,
                    "status": case.status,
                    "quantity": case.times.quantity,
                    "ratio": as_plain(case.times.ratio),
                })  # fmt: skip
                ratio = case.times.ratio
                told = "" if ratio is None else f", {case.times.quantity} {ratio.value:.3f} of the baseline's"
                print(f"run {run + 1}, {name}: {case.status}{told}", flush=True)
            machine = read_machine().as_dict()
            shared.write(options.output, schema_version=2, machine=machine, seconds=options.seconds, checks=rows)
    passed = sum(row["passed"] for row in rows if row["experiment"] == "alike")
    slower = sum(row["status"] == "slower" for row in rows if row["experiment"] == "slower")
    print(f"alike: {passed} of {options.runs} passed; slower: {slower} of {options.runs} called slower")


def measure(path: Path, runtime: str, budget: Budget) -> BenchReport:
    """A result whose case is called the same, slowed down or not."""
    report = bench([path], [runtime], budget=budget, referenced=True)
    (result,) = report.cases
    return replace(report, cases=(replace(result, case=replace(result.case, runtime=RUNTIME)),))


if __name__ == "__main__":
    main()
