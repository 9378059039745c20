"""How much of the possible rate `resnet-export evaluate` reaches: decoding and network measured alone, then together.

    python benchmarks/evaluate.py [--pictures N] [--rounds N] [--output FILE]

Decoding alone reaches d pictures a second on all cores, and the network m. One after the other, or shared out over the
same cores without any loss, they reach 1 / (1 / d + 1 / m). Pictures are parts of two photographs that scikit-learn
brings, as JPEG of the size that is usual in ImageNet; the network is ResNet-18 at 224 x 224.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shared

from resnet_export import evaluate, export
from resnet_export.classify.classifier import Asked, read_classifier
from resnet_export.classify.data import read_dataset
from resnet_export.classify.decoding import load
from resnet_export.classify.evaluate import BATCH
from resnet_export.machine import read_machine
from resnet_export.runtimes import open_session

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = shared.FOLDER / "evaluate.json"
CLASSES = 10
LEAST = 0.9
"""Share of the possible rate that is promised."""


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--pictures", type=int, default=2000, metavar="N", help="pictures of a round")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds, in which the three take turns")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = folder / "resnet18.onnx"
        export(output=model, framework="torch", num_classes=CLASSES)
        data = write_pictures(folder / "val", options.pictures)
        found = measure(model, data, options.pictures, options.rounds)
    rates = {part: statistics.median(values) for part, values in found.items()}
    possible = 1 / (1 / rates["decode"] + 1 / rates["model"])
    ratios = [
        together * (1 / decode + 1 / network)
        for decode, network, together in zip(found["decode"], found["model"], found["evaluate"], strict=True)
    ]
    ratio = statistics.median(ratios)
    print(f"decode {rates['decode']:.1f}, model {rates['model']:.1f}, possible {possible:.1f} pictures/s")
    print(f"evaluate {rates['evaluate']:.1f} pictures/s: {ratio:.3f} of it (promised: {LEAST})")
    shared.write(
        options.output,
        schema_version=1,
        machine=read_machine().as_dict(),
        pictures=options.pictures,
        batch=BATCH,
        pictures_per_s=found,
        ratios=ratios,
        ratio=ratio,
    )


def write_pictures(folder: Path, count: int) -> Path:
    """Class folders of JPEG files."""
    for index, picture in enumerate(shared.cuts(count)):
        path = folder / f"class {index % CLASSES}" / f"{index:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, quality=90)
    return folder


def measure(model: Path, data: Path, pictures: int, rounds: int) -> dict[str, list[float]]:
    """Pictures a second of each part alone and of the whole, for each round."""
    classifier, dataset = read_classifier(model, Asked()), read_dataset(data)
    size = classifier.preprocessing.crop
    images = np.random.default_rng(0).standard_normal((BATCH, 3, size, size)).astype(np.float32)
    session = open_session("ort:cpu", model)
    session.run(images)

    def decode() -> None:
        deque(load(dataset, classifier), maxlen=0)

    def run() -> None:
        for first in range(0, pictures, BATCH):
            session.run(images[: pictures - first])

    parts: dict[str, Callable[[], object]] = {
        "decode": decode,
        "model": run,
        "evaluate": lambda: evaluate(model, data),
    }
    found: dict[str, list[float]] = {part: [] for part in parts}
    for _ in range(rounds):
        for part, work in parts.items():
            begun = time.perf_counter()
            work()
            found[part].append(pictures / (time.perf_counter() - begun))
    session.close()
    return found


if __name__ == "__main__":
    main()
