"""What the harness itself costs: its p50 beside that of a bare loop around `session.run`, and its time per sample.

    python benchmarks/overhead.py [--rounds N] [--output FILE]

ResNet-18 in ONNX Runtime on the CPU, in fresh processes that take turns, the order of each turn drawn by lot.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from resnet_export import export
from resnet_export.bench import bench
from resnet_export.bench.clock import RealClock
from resnet_export.bench.sampling import Budget, closed_loop
from resnet_export.machine import read_machine

RESULTS = Path(__file__).parent / "results" / "overhead.json"
SECONDS = 4.0
"""Of each process."""
EMPTY_CALLS = 200_000
BARE = """
import json, sys, time
import numpy, onnxruntime

path, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
image = numpy.random.default_rng(0).standard_normal((1, 3, 224, 224), dtype=numpy.float32)
for _ in range(30):
    session.run(None, {name: image})
samples = []
end = time.perf_counter_ns() + seconds * 1e9
while time.perf_counter_ns() < end:
    begin = time.perf_counter_ns()
    session.run(None, {name: image})
    samples.append(time.perf_counter_ns() - begin)
print(json.dumps(samples))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what the harness itself costs.")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="turns")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE", help="the JSON")
    options = parser.parse_args()
    machine = read_machine()
    threads = max(1, int(machine.usable_cpus))
    medians: dict[str, list[float]] = {"harness": [], "bare loop": []}
    lots = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "resnet18.onnx")
        export(output=path, framework="torch")
        measure = {"harness": harness, "bare loop": bare_loop}
        for turn in range(options.rounds):
            for side in lots.sample(list(measure), 2):
                medians[side].append(measure[side](path, threads))
            ratio = medians["harness"][-1] / medians["bare loop"][-1]
            print(f"turn {turn + 1}: harness over bare loop {ratio:.4f}", flush=True)
    ratios = [ours / bare for ours, bare in zip(*medians.values(), strict=True)]
    own = min(own_cost_us() for _ in range(5))
    middle = statistics.median(ratios)
    print(f"p50, harness over bare loop: {middle:.4f} (least {min(ratios):.4f}, most {max(ratios):.4f})")
    print(f"its own time per sample: {own:.2f} microseconds")
    found = {
        "schema_version": 1,
        "machine": machine.as_dict(),
        "p50_ms": medians,
        "ratio": middle,
        "own_us_per_sample": own,
    }
    options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def harness(path: Path, threads: int) -> float:
    """The p50 in milliseconds."""
    report = bench([path], [f"ort:cpu,threads={threads}"], budget=Budget("overhead", SECONDS, 64))
    measured = report.cases[0].measured
    assert measured is not None, report.cases[0].reason
    return statistics.median(measured.main.samples_ms)


def bare_loop(path: Path, threads: int) -> float:
    """The p50 in milliseconds."""
    command = [sys.executable, "-c", BARE, str(path), str(threads), str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return statistics.median(json.loads(done.stdout)) / 1e6


def own_cost_us() -> float:
    """What the closed loop takes for a call that does nothing, in microseconds."""
    clock = RealClock()
    begin = clock.now_ns()
    samples = closed_loop(lambda index: None, clock, Budget("empty", 0.0, EMPTY_CALLS))
    return (clock.now_ns() - begin) / len(samples) / 1e3


if __name__ == "__main__":
    main()
