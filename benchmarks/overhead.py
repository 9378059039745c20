"""What the harness itself costs: its p50 beside that of a bare loop around `session.run`, and its time per sample.

    python benchmarks/overhead.py [--rounds N] [--output FILE]

ResNet-18 in ONNX Runtime on the CPU, in fresh processes that take turns, the order of each turn drawn by lot. The
ratio and its interval are those of `bench compare` (see `resnet_export.bench.compare.paired`), a turn being a launch.
"""

from __future__ import annotations

import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import onnx
import onnxruntime
import shared
from onnx import helper

from resnet_export import export
from resnet_export.bench import bench
from resnet_export.bench.compare import paired
from resnet_export.bench.inputs import Images
from resnet_export.bench.request import Request
from resnet_export.bench.sampling import Budget
from resnet_export.bench.scenarios.single import Single
from resnet_export.bench.worker import CaseWorker
from resnet_export.machine import read_machine
from resnet_export.runtimes import parse_runtime

RESULTS = shared.FOLDER / "overhead.json"
SECONDS = 3.0
"""Of each process."""
CALLS = 20_000
"""Of a network that does nothing, to see what the harness itself takes."""
ROUNDS = 10
"""Of these; the fastest count."""
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
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--rounds", type=int, default=20, metavar="N", help="turns")
    options = parser.parse_args()
    if options.rounds < paired.LEAST_LAUNCHES:
        parser.error(f"an interval takes {paired.LEAST_LAUNCHES} turns")
    machine = read_machine()
    threads = max(1, int(machine.usable_cpus))
    medians: dict[str, list[float]] = {"harness": [], "bare loop": []}
    lots = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "resnet18.onnx")
        export(output=path, framework="torch")
        measure = {"harness": harness, "bare loop": bare_loop}
        own = own_cost_us(Path(name))
        for turn in range(options.rounds):
            for side in lots.sample(list(measure), 2):
                medians[side].append(measure[side](path, threads))
            print(f"turn {turn + 1}: {medians['harness'][-1] / medians['bare loop'][-1]:.4f}", flush=True)
    ratio = paired.estimate([math.log(ours / bare) for ours, bare in zip(*medians.values(), strict=True)])
    print(f"p50, harness over bare loop: {ratio.value:.4f} [{ratio.low:.4f} {ratio.high:.4f}]")
    print(f"its own time per sample: {own:.2f} microseconds")
    shared.write(
        options.output,
        schema_version=1,
        machine=machine.as_dict(),
        p50_ms=medians,
        ratio=ratio.value,
        ratio_low=ratio.low,
        ratio_high=ratio.high,
        own_us_per_sample=own,
    )


def harness(path: Path, threads: int) -> float:
    """The p50 in milliseconds."""
    report = bench([path], [f"ort:cpu,threads={threads}"], budget=Budget(SECONDS, 64))
    measured = report.cases[0].measured
    assert measured is not None, report.cases[0].reason
    return measured.main.latency_ms.p50.value


def bare_loop(path: Path, threads: int) -> float:
    """The p50 in milliseconds."""
    command = [sys.executable, "-c", BARE, str(path), str(threads), str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return statistics.median(json.loads(done.stdout)) / 1e6


def own_cost_us(folder: Path) -> float:
    """Microseconds that the harness adds to `session.run`: of a file that does nothing, less those of a bare loop."""
    path = folder / "identity.onnx"
    images = Images("float32", "nchw", 1, 1, 1)
    ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, images.shape(1)) for name in ("image", "same")]
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["same"])], "identity", ports[:1], ports[1:])
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    worker = CaseWorker(lambda value: None)
    worker.load(
        Request(parse_runtime("ort:cpu"), str(path), images, 1, "host", 1, allow_fallback=False, environment={})
    )
    worker.open(Single())
    worker.first_run()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    image, *_ = images.draw(1)
    times: dict[str, list[float]] = {"harness": [], "bare loop": []}
    for _ in range(ROUNDS):
        begin = time.perf_counter_ns()
        worker.block(Budget(0.0, 1), Budget(0.0, CALLS))
        middle = time.perf_counter_ns()
        for _ in range(CALLS):
            session.run(["same"], {"image": image})
        times["harness"].append(middle - begin)
        times["bare loop"].append(time.perf_counter_ns() - middle)
    ours, bare = (min(one) for one in times.values())
    return (ours - bare) / CALLS / 1e3


if __name__ == "__main__":
    main()
