"""How near `resnet-export score` comes to what decoding and the network allow, and how fast Ray Data's recipe is.

    python benchmarks/score.py [--pictures N] [--rounds N] [--output FILE] FILE.onnx ...

    bound = 1 / (1 / rate of decoding alone + 1 / rate of the network alone)

Decoding alone, the network alone, the command and Ray Data (benchmarks/rivals/ray_data.py) take turns on all CPUs, over
the same JPEGs of 500 x 375 pixels, which are cut from two photographs; one in a hundred is damaged. Ray Data gets the
whole ones only, since a damaged one would end its run. The network alone runs prepared batches, with several callers of
one thread, or one of all threads, whichever is faster. Memory is that of the program with its decoders, summed as
resident sets, at most, over a tenth of the pictures and over all.

Writes every sample to a JSON file, and the table into the README where the JSON has its usual place.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import readme
import shared

from resnet_export.classify.classifier import Asked, read_classifier
from resnet_export.classify.decoder import Recipe, Source, decode_all
from resnet_export.classify.preparation import session_input
from resnet_export.machine import read_machine
from resnet_export.machine.cpu import usable_cpus
from resnet_export.runtimes import parse_runtime
from resnet_export.score.engine import Engine, open_engine

HERE = Path(__file__).parent
RESULTS = shared.FOLDER / "score.json"
SECONDS = 10.0
"""For which the network runs alone, in each of the two ways."""


@dataclass(frozen=True)
class Round:
    """Pictures a second of each, one after the other."""

    decoding: float
    network: float
    score: float
    ray: float

    @property
    def share(self) -> float:
        """Of the bound."""
        return self.score * (1 / self.decoding + 1 / self.network)

    @property
    def over_ray(self) -> float:
        """Of the rate of Ray Data's recipe."""
        return self.score / self.ray


def draw(folder: Path, whole: Path, count: int) -> list[Source]:
    """JPEGs cut from photographs; each hundredth ends too early, and the others are in the second folder, too."""
    folder.mkdir()
    whole.mkdir()
    for number, picture in enumerate(shared.cuts(count)):
        path = folder / f"{number:06d}.jpg"
        picture.save(path, quality=90)
        if number % 100 == 99:
            path.write_bytes(path.read_bytes()[:9000])
        else:
            shutil.copy(path, whole)
    return [Source(str(path), str(path)) for path in sorted(folder.iterdir())]


def decode(sources: list[Source], engine: Engine) -> float:
    since = time.perf_counter()
    count = sum(1 for _ in decode_all(sources, Recipe(engine.classifier.preprocessing), processes=engine.decoders))
    return count / (time.perf_counter() - since)


def run(engine: Engine, runtime: str) -> float:
    """The network alone, in the faster of two ways."""
    classifier, size = engine.classifier, engine.batching.size
    side, channels = classifier.preprocessing.crop, classifier.taken.channels
    pixels = np.random.default_rng(0).integers(0, 256, (size, side, side, channels), dtype=np.uint8)
    rates = [_rate(engine.session, engine.callers, engine, pixels)]
    with parse_runtime(runtime).open(classifier.path) as session:
        rates.append(_rate(session, 1, engine, pixels))
    return max(rates)


def _rate(session: Any, callers: int, engine: Engine, pixels: Any) -> float:
    given = session_input(session, engine.classifier.taken, engine.classifier.preprocessing, pixels)
    session.run(given)
    since = time.perf_counter()

    def work(_: int) -> int:
        runs = 0
        while time.perf_counter() - since < SECONDS:
            session.run(given)
            runs += 1
        return runs

    with ThreadPoolExecutor(callers) as threads:
        runs = sum(threads.map(work, range(callers)))
    return runs * len(pixels) / (time.perf_counter() - since)


def score(model: str, pictures: Path, folder: Path) -> tuple[float, float]:
    """(pictures a second, MiB at most) of the command in a process of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "resnet_export", "score", model, str(pictures), "--output", str(folder), "--json"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said)
        most = 0.0
        while process.poll() is None:
            most = max(most, _resident(process.pid))
            time.sleep(0.5)  # more often, and what is looked at becomes slower by some percent
        said.seek(0)
        if process.returncode:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}")
        return json.loads(said.read())["run"]["rate"], most / 2**20


def run_ray(model: str, pictures: Path, folder: Path) -> float:
    """Pictures a second of Ray Data's recipe in a process of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, str(HERE / "rivals" / "ray_data.py"), model, str(pictures), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return float(done.stdout.split()[-1])


def _resident(pid: int) -> float:
    total = 0
    try:
        program = psutil.Process(pid)
        for process in (program, *program.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.Error:  # it has just ended
        return 0
    return total


def measure(model: str, folder: Path, count: int, rounds: int) -> dict[str, Any]:
    classifier = read_classifier(Path(model), Asked())
    sources = draw(folder / "pictures", folder / "whole", count)
    few = folder / "few"
    few.mkdir()
    for source in sources[: count // 10]:
        shutil.copy(source.place, few)
    taken, memory = [], 0.0
    with (engine := open_engine(classifier, parse_runtime("ort:cpu"), None, None)).session:
        for number in range(rounds):
            decoding, network = decode(sources, engine), run(engine, "ort:cpu")
            rate, memory = score(model, folder / "pictures", folder / "out")
            taken.append(Round(decoding, network, rate, run_ray(model, folder / "whole", folder / "ray")))
            print(f"{model}, round {number + 1}: {taken[-1]}, {taken[-1].share:.1%} of the bound", flush=True)
    _, memory_of_few = score(model, few, folder / "out")
    return {
        "model": model,
        "pictures": count,
        "callers": engine.callers,
        "decoders": engine.decoders,
        "batch": engine.batching.size,
        "rounds": [{**asdict(one), "share": one.share, "over_ray": one.over_ray} for one in taken],
        "peak_mib": memory,
        "peak_mib_of_a_tenth": memory_of_few,
    }


def markdown(results: list[dict[str, Any]], words: str) -> str:
    def middle(result: dict[str, Any], name: str) -> float:
        return statistics.median(one[name] for one in result["rounds"])

    heading = ("File", "Decoding alone", "Network alone", "`score`", "Of the bound", "Ray Data", "Over Ray", "Memory")
    rows = [
        (
            f"`{Path(result['model']).name}`",
            *(f"{middle(result, name):.1f}/s" for name in ("decoding", "network", "score")),
            f"{middle(result, 'share'):.0%}",
            f"{middle(result, 'ray'):.1f}/s",
            f"{middle(result, 'over_ray'):.2f}",
            f"{result['peak_mib']:.0f} MiB",
        )
        for result in results
    ]
    first, tenths = results[0], [f"{result['peak_mib_of_a_tenth']:.0f} MiB" for result in results]
    return "\n".join(
        [
            *readme.table(heading, ("---", *("--:",) * 7), rows),
            "",
            f"{first['pictures']:,} JPEGs of {shared.SIZE[0]} x {shared.SIZE[1]} pixels, medians of "
            f"{len(first['rounds'])} rounds in which all took turns. The bound is the rate that decoding alone and the "
            "network alone allow on the same CPUs. Ray Data: `read_images` and `map_batches` as its guide has them. "
            "Memory: peak, decoders included; "
            f"over a tenth of the pictures, {' and '.join(tenths)}. {words}. Every sample: "
            "[benchmarks/results/score.json](benchmarks/results/score.json).",
        ]
    )


def main() -> int:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("models", nargs="+", metavar="FILE.onnx")
    parser.add_argument("--pictures", type=int, default=4000, metavar="N", help="how many (default: 4000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="samples of each (default: 3)")
    options = parser.parse_args()
    machine, results = read_machine(), []
    for model in options.models:
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(model, Path(folder), options.pictures, options.rounds))
    shared.write(options.output, schema_version=1, machine=machine.as_dict(), cpus=usable_cpus(), results=results)
    text = markdown(results, readme.machine_in_words(machine))
    print(text)
    if options.output == RESULTS:
        readme.refresh("score", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
