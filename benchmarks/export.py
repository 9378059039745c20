"""Times the export: this project's command, its check included, beside the frameworks' own, which check nothing.

    python benchmarks/export.py [--runs N] [--only torch|keras] [--output FILE]

Every sample is a whole process, from the start of Python to the finished file, as a user waits for it. The contestants
of a framework take turns (A B C A B C ...), so that a change of the machine's speed hits all of them, and each runs
once beforehand, so that no one pays alone for a cold disk cache. All export ResNet-18 at 224 x 224, as
`resnet_export.models` defines it.

Writes every sample to a JSON file and, after a full run, the table into the README.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Nothing heavy may be imported here: Linux counts the size of the parent at the fork as the child's.
import readme
import shared
from rich.console import Console
from rich.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.machine import Machine

HERE = Path(__file__).parent
RESULTS = shared.FOLDER / "export-cpu.json"

SCHEMA_VERSION = 2
"""Raised when a key of the results changes its meaning or goes."""
WARM_UPS = 1
PACKAGES = ("resnet-export", "torch", "onnxscript", "keras", "tensorflow-cpu", "tensorflow", "tf2onnx", "numpy", "onnx")


@dataclass(frozen=True)
class Contestant:
    """One way to get the file."""

    framework: str
    name: str
    command: tuple[str, ...]
    """The file to write is put behind it."""
    ours: bool = False


@dataclass(frozen=True)
class Sample:
    """One process."""

    wall_s: float
    peak_mib: float
    """Largest resident set of the process, or of one that it started and waited for."""


def ours(framework: str) -> Contestant:
    program = str(Path(sys.executable).with_name("resnet-export"))
    command = (program, "--framework", framework, "--force", "--output")
    return Contestant(framework, "`resnet-export`, checked", command, ours=True)


def rival(framework: str, name: str, script: str) -> Contestant:
    return Contestant(framework, name, (sys.executable, str(HERE / "rivals" / script)))


CONTESTANTS = (
    ours("torch"),
    rival("torch", "`torch.onnx.export`", "torch_export.py"),
    ours("keras"),
    rival("keras", "`Model.export`", "keras_export.py"),
    rival("keras", "`tf2onnx.convert.from_keras`", "tf2onnx_from_keras.py"),
)


def main() -> int:
    options = parse()
    samples: dict[Contestant, list[Sample]] = {}
    for framework in [options.only] if options.only else ["torch", "keras"]:
        samples |= take_turns([one for one in CONTESTANTS if one.framework == framework], options.runs)

    from resnet_export.machine import read_machine  # heavy: see above

    machine = read_machine()
    text = markdown(samples, machine)
    print(text)
    shared.write(options.output, **as_dict(samples, machine))
    if options.only is None and options.output == RESULTS:
        readme.refresh("export", text)
    return 0


def parse() -> argparse.Namespace:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="samples of each contestant (default: 5)")
    parser.add_argument("--only", choices=("torch", "keras"), help="one framework; leaves the README as it is")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    return options


def take_turns(contestants: list[Contestant], runs: int) -> dict[Contestant, list[Sample]]:
    """A B C A B C ...; the first rounds are the warm-up and don't count."""
    samples: dict[Contestant, list[Sample]] = {one: [] for one in contestants}
    with tempfile.TemporaryDirectory() as folder:
        rounds = [(number, one) for number in range(WARM_UPS + runs) for one in contestants]
        for number, one in track(rounds, contestants[0].framework, console=Console(stderr=True)):
            sample = measure([*one.command, str(Path(folder) / "model.onnx")])
            if number >= WARM_UPS:
                samples[one].append(sample)
    return samples


def measure(command: list[str]) -> Sample:
    """Runs a command to its end; what it prints is shown only if it fails."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{said.read().decode(errors='replace')}\n{' '.join(command)} ended with {process.returncode}")
    # Kilobytes on Linux, bytes on macOS.
    return Sample(wall, usage.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024))


def pairs(samples: dict[Contestant, list[Sample]]) -> Iterator[tuple[Contestant, dict[str, float] | None]]:
    """Each contestant, a rival with how our time relates to its own: of the medians, and from turn to turn."""
    for one, own in samples.items():
        if one.ours:
            yield one, None
            continue
        baseline = next(other for other in samples if other.ours and other.framework == one.framework)
        by_turn = [ours.wall_s / theirs.wall_s for ours, theirs in zip(samples[baseline], own, strict=True)]
        ratio = median(samples[baseline], "wall_s") / median(own, "wall_s")
        yield one, {"medians": ratio, "min": min(by_turn), "max": max(by_turn)}


def median(samples: list[Sample], field: str) -> float:
    return statistics.median(getattr(sample, field) for sample in samples)


def rows(samples: dict[Contestant, list[Sample]]) -> Iterator[tuple[str, ...]]:
    for one, ratio in pairs(samples):
        own = samples[one]
        yield (
            {"torch": "PyTorch", "keras": "Keras"}[one.framework],
            one.name,
            f"{median(own, 'wall_s'):.1f} s",
            f"{median(own, 'peak_mib'):.0f} MiB",
            "" if ratio is None else f"{ratio['medians']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})",
        )


HEADINGS = ("Framework", "Exporter", "Time", "Peak memory", "Ours / its time")


def markdown(samples: dict[Contestant, list[Sample]], machine: Machine) -> str:
    runs = len(next(iter(samples.values())))
    return "\n".join(
        [
            *readme.table(HEADINGS, ("---", "---", "--:", "--:", "--:"), list(rows(samples))),
            "",
            f"ResNet-18, whole processes, medians of {runs} runs that took turns; the ratio is that of the medians, "
            f"with the least and the largest of a turn. {readme.machine_in_words(machine)}. Every sample: "
            "[benchmarks/results/export-cpu.json](benchmarks/results/export-cpu.json).",
        ]
    )


def as_dict(samples: dict[Contestant, list[Sample]], machine: Machine) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "network": "ResNet-18, 224 x 224, 1000 classes",
        "warm_ups": WARM_UPS,
        "machine": machine.as_dict(),
        "versions": versions(),
        "contestants": [
            {
                "framework": one.framework,
                "name": one.name.replace("`", ""),
                "ours": one.ours,
                "median_wall_s": median(samples[one], "wall_s"),
                "median_peak_mib": median(samples[one], "peak_mib"),
                "ours_over_this": ratio,
                "samples": [asdict(sample) for sample in samples[one]],
            }
            for one, ratio in pairs(samples)
        ],
    }


def versions() -> dict[str, str]:
    found = {}
    for name in (*PACKAGES, "onnxruntime-gpu", "onnxruntime"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
