"""The latency of ResNet-18 in everything that can run it here, side by side, and the README's table and picture.

    python benchmarks/latency.py [--rounds N] [--seconds S] [--output FILE]

Builds the files itself: this project's, and the frameworks' own exports of the same network (benchmarks/rivals/). In
each round every peer is measured once, in a fresh process, in an order drawn by lot; so what changes with time on this
machine, and what differs from process to process, is in the intervals (see `resnet_export.bench.compare.paired`).
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import picture
import readme
import shared

from resnet_export import __version__, export
from resnet_export.bench.case import expand_cases
from resnet_export.bench.compare.paired import LEAST_LAUNCHES, estimate
from resnet_export.bench.runner import Limits, run_case
from resnet_export.bench.sampling import Budget
from resnet_export.bench.statistics import summarise
from resnet_export.errors import ResNetExportError
from resnet_export.machine import read_machine

if TYPE_CHECKING:
    from resnet_export.bench.case import Case
    from resnet_export.bench.estimate import Estimate
    from resnet_export.bench.results import Measured
    from resnet_export.bench.statistics import Summary
    from resnet_export.machine import Machine

HERE = Path(__file__).parent
RESULTS = shared.FOLDER / "cpu-resnet18.json"
PICTURE = HERE.parent / "docs" / "latency.svg"
SECONDS = 4.0
"""Of each process, its warm-up not counted."""
LEAST_SAMPLES = 64


@dataclass(frozen=True)
class Peer:
    """One way to run the network."""

    name: str
    file: str
    """Which of the files it runs; the frameworks read this project's into their own definition."""
    runtime: str


OURS = Peer("resnet-export in ONNX Runtime", "ours", "ort:cpu")
PEERS = (
    OURS,
    Peer("`torch.onnx.export` in ONNX Runtime", "torch", "ort:cpu"),
    Peer("`tf2onnx` in ONNX Runtime", "tf2onnx", "ort:cpu"),
    Peer("resnet-export in OpenVINO", "ours", "openvino"),
    Peer("resnet-export in OpenVINO, bfloat16", "ours", "openvino,precision=bfloat16"),
    Peer("PyTorch, eager", "ours", "torch"),
    Peer("PyTorch, `torch.compile`", "ours", "torch:compile"),
    Peer("Keras, `predict_on_batch`", "ours", "keras,call=predict_on_batch"),
)


@dataclass(frozen=True)
class Found:
    """A peer in all rounds."""

    peer: Peer
    measured: tuple[Measured, ...]
    """One for each round."""

    @property
    def medians(self) -> list[float]:
        """The median of each round, in milliseconds."""
        return [one.main.latency_ms.p50.value for one in self.measured]

    @property
    def p50(self) -> Estimate:
        """The median in milliseconds, with its interval over the rounds."""
        return estimate([math.log(median) for median in self.medians])

    @property
    def memory(self) -> Estimate:
        """Peak memory of the process in bytes, likewise."""
        return estimate([math.log(one.memory.peak_rss_bytes or one.memory.steady_rss_bytes) for one in self.measured])

    def ratio(self, ours: Found) -> Estimate:
        """Its time over ours, round by round."""
        return estimate([math.log(own / other) for own, other in zip(self.medians, ours.medians, strict=True)])

    @property
    def summary(self) -> Summary:
        """All samples together, in milliseconds."""
        return summarise([sample / 1e6 for one in self.measured for sample in one.main.samples_ns])


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument(
        "--rounds", type=int, default=2 * LEAST_LAUNCHES, metavar="N", help="how often each is measured"
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help="how long each time")
    options = parser.parse_args()
    if options.rounds < LEAST_LAUNCHES:
        parser.error(f"an interval takes {LEAST_LAUNCHES} rounds")
    machine = read_machine()
    with tempfile.TemporaryDirectory() as name:
        files = write_files(Path(name))
        found, absent = measure(files, options.rounds, Budget(options.seconds, LEAST_SAMPLES), machine)
    shared.write(options.output, **as_dict(found, absent, options, machine))
    lines = markdown(found, absent, options, machine)
    print("\n".join(lines))
    if options.output == RESULTS:
        readme.refresh("latency", "\n".join(lines))
        bars = [(plain(one.peer.name), one.p50, one.peer == OURS) for one in found]
        PICTURE.write_text(picture.bars(bars, "ResNet-18, batch 1: median latency, ms"), encoding="utf-8")


def write_files(folder: Path) -> dict[str, Path]:
    """The files by the names that the peers give them."""
    files = {name: folder / f"{name}.onnx" for name in ("ours", "torch", "tf2onnx")}
    export(output=files["ours"], framework="torch")
    for name, script in (("torch", "torch_export.py"), ("tf2onnx", "tf2onnx_from_keras.py")):
        subprocess.run([sys.executable, HERE / "rivals" / script, files[name]], check=True)
    return files


def measure(
    files: dict[str, Path], rounds: int, budget: Budget, machine: Machine
) -> tuple[list[Found], dict[str, str]]:
    """The peers that run here, fastest first, and why the others don't."""
    cases: dict[Peer, Case] = {}
    absent: dict[str, str] = {}
    for peer in PEERS:
        try:
            (cases[peer],) = expand_cases([files[peer.file]], [peer.runtime])
        except ResNetExportError as error:
            absent[peer.name] = error.message
    taken: dict[Peer, list[Measured]] = {peer: [] for peer in cases}
    lots = random.Random(0)
    for turn in range(rounds):
        for peer in lots.sample(list(taken), len(taken)):
            result = run_case(cases[peer], machine.usable_cpus, Limits(budget))
            if result.measured is None:
                absent[peer.name] = f"{result.reason}"
                del taken[peer]
                continue
            taken[peer].append(result.measured)
        medians = ", ".join(f"{peer.name} {own[-1].main.latency_ms.p50.value:.2f}" for peer, own in taken.items())
        print(f"round {turn + 1}: {medians}", flush=True)
    if OURS not in taken:
        sys.exit(f"{OURS.name} gave no numbers: {absent[OURS.name]}")
    return sorted((Found(peer, tuple(own)) for peer, own in taken.items()), key=lambda one: one.p50.value), absent


def as_dict(
    found: list[Found], absent: dict[str, str], options: argparse.Namespace, machine: Machine
) -> dict[str, Any]:
    """Every sample, and what the table says."""
    ours = next(one for one in found if one.peer == OURS)
    return {
        "schema_version": 2,
        "version": __version__,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "machine": machine.as_dict(),
        "absent": absent,
        "peers": [
            {
                "name": plain(one.peer.name),
                "file": one.peer.file,
                "runtime": one.peer.runtime,
                "version": one.measured[0].ran.version,
                "precision": one.measured[0].ran.precision,
                "p50_ms": dataclasses.asdict(one.p50),
                "ratio_to_ours": dataclasses.asdict(one.ratio(ours)),
                "p99_ms": dataclasses.asdict(one.summary.p99),
                "peak_rss_bytes": dataclasses.asdict(one.memory),
                "rounds_ns": [list(measured.main.samples_ns) for measured in one.measured],
            }
            for one in found
        ],
    }


def markdown(found: list[Found], absent: dict[str, str], options: argparse.Namespace, machine: Machine) -> list[str]:
    """The table, and what it rests on."""
    ours = next(one for one in found if one.peer == OURS)
    rows = [
        (
            f"**{one.peer.name}**" if one.peer == OURS else one.peer.name,
            interval(one.p50),
            "1" if one.peer == OURS else interval(one.ratio(ours)),
            interval(one.memory, 1e6),
        )
        for one in found
    ]
    missing = "".join(f" Not here: {plain(peer)} ({reason.rstrip('.')})." for peer, reason in absent.items())
    return [
        *readme.table(("Runs", "p50, ms", "Its time / ours", "Memory, MB"), ("---", *["--:"] * 3), rows),
        "",
        f"ResNet-18, batch 1, {machine.usable_cpus:g} threads, NumPy to NumPy, float32 where nothing else is said; "
        f"with 95 % intervals. {options.rounds} rounds of {options.seconds:g} s in fresh processes that took turns. "
        f"{readme.machine_in_words(machine)}.{missing} Every sample: "
        f"[benchmarks/results/{RESULTS.name}](benchmarks/results/{RESULTS.name}).",
    ]


def interval(found: Estimate, unit: float = 1.0) -> str:
    """`17.2 [17.0 17.5]`; the value alone where there is no interval."""
    ends = "" if found.interval is None else f" [{' '.join(f'{end / unit:.3g}' for end in found.interval)}]"
    return f"{found.value / unit:.3g}{ends}"


def plain(name: str) -> str:
    """Without Markdown."""
    return name.replace("`", "")


if __name__ == "__main__":
    main()
