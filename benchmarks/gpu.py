"""The latency of ResNet-18 on an NVIDIA GPU: PyTorch, ONNX Runtime's CUDA provider, TensorRT.

    python benchmarks/gpu.py [--minutes M] [--rounds N] [--batches N ...] [--device cpu] [--output FILE]

From device to device, in float32, TF32 and float16. Every measurement has a process of its own, and every batch a file
of its own, so that nothing is compiled for a shape that nobody asked for. What matters most comes first: the first
batch in all peers, then the others, then all of it again, each time in an order drawn by lot. Peers that compile for a
minute take part once, with the first two batches. What the time doesn't suffice for is listed as left out, and what
isn't installed as absent. It needs neither Keras nor the internet. `--device cpu` measures nothing of interest: it
tries the script.
"""

from __future__ import annotations

import itertools
import operator
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import onnx
import readme
import shared

from resnet_export import __version__, export
from resnet_export.bench.case import expand_cases
from resnet_export.bench.runner import Limits, run_case
from resnet_export.bench.sampling import Budget
from resnet_export.data import as_plain
from resnet_export.errors import ResNetExportError
from resnet_export.machine import read_machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resnet_export.bench.case import Case
    from resnet_export.bench.results import CaseResult

    FileType = Literal["float32", "float16"]

RESULTS = shared.FOLDER / "gpu-resnet18.json"
BUDGETS = {"cuda": Budget(1.0, 80, 5000), "cpu": Budget(0.1, 8)}
"""Of a case: on a GPU most of its time goes into starting a process and choosing algorithms, and p50's interval takes
some 70 samples."""
BATCHES = (1, 64, 8, 512)
"""Latency and throughput first, then what lies between and beyond."""
ROUNDS = 3
TIMEOUT_S = 150.0
"""Seconds without a sign of life: `max-autotune` tries kernels for a minute or two."""
GRACE = 10.0
"""Seconds before the time is over in which nothing begins, and what has begun may give its numbers."""


@dataclass(frozen=True)
class Peer:
    """One way to run the network."""

    name: str
    runtime: str
    """With its options."""
    file: FileType = "float32"
    """Which of the files it runs."""
    slow: bool = False
    """Whether it compiles for a minute before its first run."""


@dataclass(frozen=True)
class Turn:
    """One measurement of the plan."""

    round: int
    """From 1."""
    peer: Peer
    batch: int


def on_gpu() -> Iterator[Peer]:
    """What a GPU runs: both as they come, and then every precision in everything that is tuned for it."""
    tuned = "prefer_nhwc=1,cudnn_conv_algo_search=EXHAUSTIVE,cudnn_conv_use_max_workspace=1"
    yield Peer("ONNX Runtime, float32", "ort:cuda")
    yield Peer("PyTorch eager, float32", "torch,device=cuda")
    precisions: tuple[tuple[str, FileType, str], ...] = (
        ("float32", "float32", "ort:cuda"),
        ("TF32", "float32", "ort:cuda,use_tf32=1"),
        ("float16", "float16", "ort:cuda"),
    )
    for precision, file, ort in precisions:
        torch = f"device=cuda,precision={precision.lower()},channels_last=1"
        yield Peer(f"ONNX Runtime tuned, {precision}", f"{ort},{tuned}", file)
        yield Peer(f"ONNX Runtime tuned, CUDA graph, {precision}", f"{ort},{tuned},enable_cuda_graph=1", file)
        yield Peer(f"PyTorch eager, channels last, {precision}", f"torch,{torch}")
        yield Peer(f"torch.compile max-autotune, {precision}", f"torch:compile,{torch},mode=max-autotune", slow=True)
    for precision, fp16 in (("TF32", 0), ("float16", 1)):
        tensorrt = f"ort:tensorrt,trt_fp16_enable={fp16},trt_cuda_graph_enable=1"
        yield Peer(f"TensorRT, CUDA graph, {precision}", tensorrt, slow=True)


def on_cpu() -> Iterator[Peer]:
    """The same ways, as far as a CPU knows them and starts in seconds."""
    yield Peer("ONNX Runtime, float32", "ort:cpu")
    yield Peer("ONNX Runtime, float16", "ort:cpu", "float16")
    yield Peer("PyTorch eager, float32", "torch")
    yield Peer("PyTorch eager, channels last, float32", "torch,channels_last=1")


PEERS = {"cuda": tuple(on_gpu()), "cpu": tuple(on_cpu())}


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--minutes", type=float, default=8.0, metavar="M", help="in which it is done")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="how often each is measured")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES, metavar="N", help="what matters most first")
    parser.add_argument("--device", choices=tuple(PEERS), default="cuda")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes - GRACE
    machine = read_machine()
    with tempfile.TemporaryDirectory() as name:
        cases, absent = make_cases(PEERS[options.device], write_files(Path(name), options.batches))
        turns = order(cases, options.batches, options.rounds)
        found, left_out = measure(turns, cases, BUDGETS[options.device], max(1, int(machine.usable_cpus)), end)
    shared.write(
        options.output,
        schema_version=2,
        version=__version__,
        device=options.device,
        minutes=options.minutes,
        rounds=options.rounds,
        machine=machine.as_dict(),
        absent=absent,
        left_out=[{"round": turn.round, "peer": turn.peer.name, "batch": turn.batch} for turn in left_out],
        cases=[as_row(turn, result) for turn, result in found],
    )
    print("\n".join([*markdown(found), *without_numbers(absent, left_out)]))


def write_files(folder: Path, batches: Sequence[int]) -> dict[tuple[FileType, int], Path]:
    """For each batch the canonical file, and the same in float16."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    files: dict[tuple[FileType, int], Path] = {}
    for batch in batches:
        own, half = (folder / f"{name}-batch{batch}.onnx" for name in ("float32", "float16"))
        # Unchecked: in float64 512 images take minutes, and what is measured is the time.
        export(output=own, framework="torch", batch=batch, verify=False)
        onnx.save_model(convert_float_to_float16(onnx.load_model(own)), half)
        files |= {("float32", batch): own, ("float16", batch): half}
    return files


def make_cases(
    peers: Sequence[Peer], files: dict[tuple[FileType, int], Path]
) -> tuple[dict[tuple[Peer, int], Case], dict[str, str]]:
    """For each peer and batch a case, and why some peers have none."""
    cases: dict[tuple[Peer, int], Case] = {}
    absent: dict[str, str] = {}
    for peer in peers:
        own = {batch: path for (file, batch), path in files.items() if file == peer.file}
        try:
            for batch, path in own.items():
                (cases[peer, batch],) = expand_cases([path], [peer.runtime], [batch], ios=["device"])
        except ResNetExportError as error:
            absent[peer.name] = error.message
    return cases, absent


def order(cases: Iterable[tuple[Peer, int]], batches: Sequence[int], rounds: int) -> list[Turn]:
    """The turns of all rounds; within a round and a batch lots are drawn."""
    turns = [
        Turn(number, peer, batch)
        for number in range(1, rounds + 1)
        for peer, batch in cases
        if not peer.slow or (number == 1 and batch in batches[:2])
    ]
    random.Random(0).shuffle(turns)

    def rank(turn: Turn) -> tuple[int, bool, int, bool]:
        index = batches.index(turn.batch)
        return turn.round, turn.peer.slow and index > 0, index, turn.peer.slow

    return sorted(turns, key=rank)


def measure(
    turns: Sequence[Turn], cases: dict[tuple[Peer, int], Case], budget: Budget, threads: int, end: float
) -> tuple[list[tuple[Turn, CaseResult]], list[Turn]]:
    """What became of the turns, and those that the time did not suffice for."""
    found: list[tuple[Turn, CaseResult]] = []
    left_out: list[Turn] = []
    for turn in turns:
        if failed(turn, found):
            continue
        result = measure_until(end, cases[turn.peer, turn.batch], budget, threads)
        if result is None:
            left_out.append(turn)
            continue
        found.append((turn, result))
        print(f"round {turn.round}: {turn.peer.name}, batch {turn.batch}: {in_words(result)}", flush=True)
    return found, left_out


def failed(turn: Turn, found: list[tuple[Turn, CaseResult]]) -> bool:
    """Whether the peer failed with this batch or with its first: it would again."""
    own = [(earlier.batch, result.measured) for earlier, result in found if earlier.peer == turn.peer]
    return any(measured is None and batch in (turn.batch, own[0][0]) for batch, measured in own)


class TimeOverError(Exception):
    """The time is over."""


def measure_until(end: float, case: Case, budget: Budget, threads: int) -> CaseResult | None:
    """Measures a case; None where the time, by `time.monotonic`, is over before it gives a number."""

    def stop_when_over(doing: str) -> None:
        if time.monotonic() > end + GRACE:
            raise TimeOverError(doing)

    left = end - time.monotonic()
    if left <= 0:
        return None
    try:
        result = run_case(case, threads, Limits(budget, timeout_s=min(TIMEOUT_S, left)), stop_when_over)
    except TimeOverError:
        return None
    return None if result.status == "hung" and time.monotonic() >= end else result


def as_row(turn: Turn, result: CaseResult) -> dict[str, Any]:
    """A case of the JSON: what `bench` says of it, and which turn it was."""
    row: dict[str, Any] = {**as_plain(result), "peer": turn.peer.name, "round": turn.round}
    row["case"]["model"]["path"] = Path(result.case.model.path).name
    return row


def p50_of(result: CaseResult) -> float | None:
    """In milliseconds."""
    return None if result.measured is None else result.measured.main.latency_ms.p50.value


def in_words(result: CaseResult) -> str:
    """What the progress says of it."""
    p50 = p50_of(result)
    return f"{result.status}: {result.reason}" if p50 is None else f"{p50:.3f} ms"


def markdown(found: list[tuple[Turn, CaseResult]]) -> list[str]:
    """A table: a row for each peer, a column for each batch."""
    if not found:
        return ["Nothing was measured."]
    rounds: dict[tuple[str, int], list[CaseResult]] = {}
    for turn, result in found:
        rounds.setdefault((turn.peer.name, turn.batch), []).append(result)
    cells = {key: cell(results) for key, results in rounds.items()}
    names, batches = sorted({name for name, _ in cells}), sorted({batch for _, batch in cells})
    rows = [(name, *(cells.get((name, batch), "") for batch in batches)) for name in names]
    return readme.table(("p50, ms", *(f"batch {batch}" for batch in batches)), ("---", *["--:"] * len(batches)), rows)


def cell(results: list[CaseResult]) -> str:
    """`0.512 [0.508 0.53]`: the median of the rounds, with the least and the most; one round has its number alone."""
    values = [value for value in map(p50_of, results) if value is not None]
    if not values:
        return results[0].status
    spread = f" [{min(values):.3g} {max(values):.3g}]" if len(values) > 1 else ""
    return f"{statistics.median(values):.3g}{spread}"


def without_numbers(absent: dict[str, str], left_out: list[Turn]) -> list[str]:
    """What the table lacks, for people."""
    lines = []
    for reason, peers in itertools.groupby(absent.items(), operator.itemgetter(1)):
        lines.append(f"Not here: {'; '.join(name for name, _ in peers)} ({reason.rstrip('.')}).")
    for (number, batch), turns in itertools.groupby(left_out, lambda turn: (turn.round, turn.batch)):
        names = "; ".join(turn.peer.name for turn in turns)
        lines.append(f"Left out, as the time was over: round {number}, batch {batch}: {names}.")
    return lines


if __name__ == "__main__":
    main()
