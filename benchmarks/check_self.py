"""How `bench check` behaves: a re-run of the same, and one with a slow-down of 10 % that is put in.

    python benchmarks/check_self.py [--runs N] [--seconds S] [--output FILE]

ResNet-18 in ONNX Runtime on the CPU, inside the synthetic runtime, which slows it down on request. Every check has a
baseline of its own.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from resnet_export import export
from resnet_export.bench import bench
from resnet_export.bench.check import check
from resnet_export.bench.sampling import Budget
from resnet_export.machine import read_machine

RESULTS = Path(__file__).parent / "results" / "check.json"
RUNTIME = "synthetic,inside=ort:cpu"
SLOW_DOWN = 1.10


def main() -> None:
    parser = argparse.ArgumentParser(description="Find out whether bench check tells a slow-down from a re-run.")
    parser.add_argument("--runs", type=int, default=10, metavar="N")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="of each measurement")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE", help="the JSON")
    options = parser.parse_args()
    budget = Budget("check", options.seconds, 64)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "resnet18.onnx")
        export(output=path, framework="torch")
        for run in range(options.runs):
            baseline = measure(path, RUNTIME, budget)
            for name, slower in (("alike", 1.0), ("slower", SLOW_DOWN)):
                found = check(measure(path, f"{RUNTIME},slower={slower}", budget), baseline)
                (case,) = found.cases
                rows.append({"run": run, "experiment": name, "passed": found.passed, "ratio": case.ratio})
                print(
                    f"run {run + 1}, {name}: ratio {case.ratio:.3f}, {'passed' if found.passed else 'failed'}",
                    flush=True,
                )
    right = {
        name: sum(row["passed"] == (name == "alike") for row in rows if row["experiment"] == name)
        for name in ("alike", "slower")
    }
    print(f"alike: {right['alike']} of {options.runs} passed; slower: {right['slower']} of {options.runs} failed")
    found_all = {"schema_version": 1, "machine": read_machine().as_dict(), "seconds": options.seconds, "checks": rows}
    options.output.write_text(json.dumps(found_all, indent=1) + "\n", encoding="utf-8")


def measure(path: Path, runtime: str, budget: Budget) -> dict[str, Any]:
    """As `bench --output` writes it; the case is called the same, slowed down or not."""
    plain = bench([path], [runtime], budget=budget).as_dict()
    plain["cases"][0]["runtime"] = RUNTIME
    return plain


if __name__ == "__main__":
    main()
