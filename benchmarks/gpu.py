"""The latency and throughput of ResNet-18 on an NVIDIA GPU: PyTorch, ONNX Runtime's CUDA provider, TensorRT.

    python benchmarks/gpu.py [--minutes M] [--device cpu] [--output FILE]

From device to device, in float32, TF32 and float16, batches 1 to 512. Every case has a process of its own. What matters
most comes first; what the time doesn't suffice for is listed as such, and so is what isn't installed. It needs neither
Keras nor a network. With `--device cpu` the same cases run on the CPU, but for those that only a GPU has: that tries
the script, and measures nothing of interest.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import readme

from resnet_export import __version__, export
from resnet_export.bench.case import make_plan
from resnet_export.bench.isolation import run_case
from resnet_export.bench.sampling import Budget
from resnet_export.errors import ResNetExportError, UnavailableError
from resnet_export.machine import read_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.bench.results import CaseResult

RESULTS = Path(__file__).parent / "results" / "gpu-resnet18.json"
BUDGET = Budget("gpu", 1.5, 200, 5000)
"""Of a case: most of its time goes into starting a process and choosing algorithms."""
BATCHES = (1, 8, 64, 512)
PATIENCE = 240.0
"""Seconds without a sign of life: `max-autotune` tries kernels for minutes."""
TUNED = "prefer_nhwc=1,cudnn_conv_algo_search=EXHAUSTIVE,cudnn_conv_use_max_workspace=1"
GRAPH = "enable_cuda_graph=1"


@dataclass(frozen=True)
class Peer:
    """One way to run the network."""

    name: str
    file: str
    """Which of the files it runs."""
    runtime: str
    batches: tuple[int, ...] = BATCHES
    gpu_only: bool = False


PEERS = (
    Peer("ONNX Runtime CUDA, float32", "float32", "ort:cuda"),
    Peer("PyTorch eager, float32", "float32", "torch,device=cuda"),
    Peer("ONNX Runtime CUDA, TF32", "float32", f"ort:cuda,use_tf32=1,{TUNED}", gpu_only=True),
    Peer("PyTorch eager, TF32", "float32", "torch,device=cuda,precision=tf32", gpu_only=True),
    Peer("ONNX Runtime CUDA, TF32, CUDA graph", "float32", f"ort:cuda,use_tf32=1,{TUNED},{GRAPH}", gpu_only=True),
    Peer("ONNX Runtime CUDA, float16", "float16", f"ort:cuda,{TUNED}", gpu_only=True),
    Peer("ONNX Runtime CUDA, float16, CUDA graph", "float16", f"ort:cuda,{TUNED},{GRAPH}", gpu_only=True),
    Peer("PyTorch eager, float16", "float32", "torch,device=cuda,precision=float16,channels_last=1", gpu_only=True),
    Peer("TensorRT, float16", "float32", "ort:tensorrt,trt_fp16_enable=1,trt_cuda_graph_enable=1", gpu_only=True),
    Peer(
        "torch.compile max-autotune, float16",
        "float32",
        "torch:compile,device=cuda,precision=float16,channels_last=1,mode=max-autotune",
        (1, 64),
        gpu_only=True,
    ),
    Peer(
        "torch.compile max-autotune, TF32",
        "float32",
        "torch:compile,device=cuda,precision=tf32,mode=max-autotune",
        (1, 64),
        gpu_only=True,
    ),
    Peer("TensorRT, TF32", "float32", "ort:tensorrt,trt_cuda_graph_enable=1", gpu_only=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure ResNet-18 on an NVIDIA GPU.")
    parser.add_argument("--minutes", type=float, default=8.0, metavar="M", help="after which no further case begins")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES, metavar="N")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE", help="the JSON")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    machine = read_machine()
    results: list[tuple[Peer, CaseResult]] = []
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        files = write_files(Path(name))
        for peer, batch in wanted(options.device, tuple(options.batches)):
            if peer.name in absent:
                continue
            if time.monotonic() > end:
                absent[f"{peer.name}, batch {batch}"] = "the time was over"
                continue
            try:
                (case,) = make_plan([files[peer.file]], [peer.runtime], [batch], boundaries=["device"])
            except ResNetExportError as error:
                absent[peer.name] = error.message
                print(f"{peer.name}: {error.message}", flush=True)
                continue
            result = run_case(case, BUDGET, max(1, int(machine.usable_cpus)), patience=PATIENCE)
            if result.exit_code == UnavailableError.exit_code:
                absent[peer.name] = str(result.reason)
            else:
                results.append((peer, result))
            print(f"{peer.name}, batch {batch}: {in_words(result)}", flush=True)
    rows = [as_row(peer, result) for peer, result in results]
    found = {"schema_version": 1, "version": __version__, "machine": machine.as_dict(), "absent": absent, "cases": rows}
    options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n".join(markdown(rows)))


def wanted(device: str, batches: tuple[int, ...]) -> Iterator[tuple[Peer, int]]:
    """The cases, the batches of all peers before those of the next rank."""
    peers = [peer for peer in PEERS if device == "cuda" or not peer.gpu_only]
    if device == "cpu":
        peers = [dataclasses.replace(peer, runtime=on_cpu(peer.runtime)) for peer in peers]
    for batch, peer in itertools.product(batches, peers):
        if batch in peer.batches:
            yield peer, batch


def on_cpu(runtime: str) -> str:
    return runtime.replace("ort:cuda", "ort:cpu").replace("device=cuda", "device=cpu")


def write_files(folder: Path) -> dict[str, Path]:
    """The canonical file, and the same in float16."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    files = {name: folder / f"{name}.onnx" for name in ("float32", "float16")}
    export(output=files["float32"], framework="torch")
    onnx.save_model(convert_float_to_float16(onnx.load_model(files["float32"])), files["float16"])
    return files


def as_row(peer: Peer, result: CaseResult) -> dict[str, Any]:
    """A case of the JSON: what `bench` says of it, and the peer's name."""
    return {**result.as_dict(), "peer": peer.name, "model": f"{peer.file}.onnx"}


def in_words(result: CaseResult) -> str:
    if result.measured is None:
        return f"{result.status}: {result.reason}"
    p50 = result.measured.summary.quantile(0.5)
    return f"{p50.value:.3f} ms" if p50.value is not None else f"needs {p50.needs} samples"


def markdown(rows: list[dict[str, Any]]) -> list[str]:
    """A table: a row for each peer, a column for each batch, p50 in milliseconds with its interval."""
    batches = sorted({row["batch"] for row in rows})
    cells = {(row["peer"], row["batch"]): cell(row) for row in rows}
    names = list(dict.fromkeys(row["peer"] for row in rows))
    table = [(name, *(cells.get((name, batch), "") for batch in batches)) for name in names]
    return readme.table(("Runs", *(f"batch {batch}" for batch in batches)), ("---", *["--:"] * len(batches)), table)


def cell(row: dict[str, Any]) -> str:
    if row["status"] != "measured":
        return str(row["status"])
    if row["p50_ms"] is None:
        return f"needs {row['p50_needs']}"
    return f"{row['p50_ms']:.3g} [{row['p50_low_ms']:.3g} {row['p50_high_ms']:.3g}]"


if __name__ == "__main__":
    main()
