"""How the gate behaves: false alarms and error ratios over depths, seeds, kinds of weights and frameworks.

    python benchmarks/gate.py                      # tiny networks, every depth, seeds 0 to 19
    python benchmarks/gate.py --size full --seeds 0 5

Each network is traced once in each framework, and gets the weights of every seed, as a float32 file and as a live
model; both frameworks are held against one truth, and their files must be the same bytes. Rows that the results
already hold are kept, so that a long sweep can be made in parts.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import importlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_export.graph.canonical import canonicalise
from resnet_export.graph.folding import folded

from resnet_export import ResNetSpec, Weights
from resnet_export.convert import CONVERTERS
from resnet_export.graph.file import bind, write
from resnet_export.graph.interface import Interface, apply_interface
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.images import Preprocessing
from resnet_export.models import FRAMEWORKS
from resnet_export.parity.check import Check
from resnet_export.parity.gate.evaluation import Candidate
from resnet_export.runtimes import attach
from resnet_export.spec import VARIANTS
from resnet_export.weights.initial import draw, trained_like

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.parity.results import VerifyReport

KINDS = {"he": draw, "trained-like": trained_like}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("tiny", "full"), default="tiny")
    parser.add_argument("--depths", type=int, nargs="+", default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 20), metavar=("FIRST", "END"))
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/gate-<size>.json")
    options = parser.parse_args()
    output = options.output or Path(__file__).parent / "results" / f"gate-{options.size}.json"

    rows: list[dict[str, Any]] = json.loads(output.read_text())["comparisons"] if output.exists() else []
    for depth in options.depths:
        spec = ResNetSpec(depth) if options.size == "full" else ResNetSpec(depth, 10, image_size=32, width=8)
        seeds = [seed for seed in range(*options.seeds) if (depth, seed) not in {(r["depth"], r["seed"]) for r in rows}]
        for of_seed in sweep(spec, seeds):
            rows += of_seed
            output.write_text(json.dumps({"schema_version": 1, "size": options.size, "comparisons": rows}, indent=1))
        for framework in FRAMEWORKS:
            mine = [row for row in rows if (row["depth"], row["framework"]) == (depth, framework)]
            ratios = [row["file_over_source"] for row in mine]
            alarms = sum(not row["passed"] for row in mine)
            print(
                f"ResNet-{depth} {framework}: {len(mine)} comparisons, {alarms} false alarms, "
                f"error(file) / error(source) from {min(ratios):.2f} to {max(ratios):.2f}",
                flush=True,
            )


class Traced:
    """A network in one framework, ready to be given weights."""

    def __init__(self, spec: ResNetSpec, framework: str) -> None:
        self.framework = framework
        self._definition = importlib.import_module(FRAMEWORKS[framework])
        self._interface = Interface()
        self._preprocessing = Preprocessing.default(spec.in_channels, spec.image_size)
        self._model = self._definition.build(spec)
        converter = importlib.import_module(CONVERTERS[framework])
        self._graph = canonicalise(converter.to_onnx(self._model, spec), spec)
        apply_interface(self._graph, spec, self._interface, self._preprocessing)
        self.source = Candidate(f"the {framework} model", lambda: attach(framework, self._model, spec))

    def write(self, weights: Weights, file: Path) -> Metadata:
        """Writes the network with these weights, from the traced graph; the live model gets them too."""
        self._definition.load(self._model, weights)
        bind(self._graph, folded(weights))
        digest = initializers_digest(self._graph)
        metadata = Metadata(weights.spec, self._interface, self._preprocessing, weights.digest, digest)
        write(self._graph, file, metadata)
        return metadata


def sweep(spec: ResNetSpec, seeds: list[int]) -> Iterator[list[dict[str, Any]]]:
    """Every seed and kind of weights through both frameworks; yields the rows of a seed."""
    traced = [Traced(spec, framework) for framework in FRAMEWORKS] if seeds else []
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            rows: list[dict[str, Any]] = []
            for kind, drawn in KINDS.items():
                weights = Weights(spec, drawn(spec, seed))
                digests = set()
                for one in traced:
                    file = Path(folder, f"{one.framework}.onnx")
                    metadata = one.write(weights, file)
                    with contextlib.closing(Check(weights, metadata.interface, metadata.preprocessing)) as check:
                        check.run_source(one.source)
                        found = check.judge(file, functools.partial(_same, weights), file)
                    assert found.comparisons, found.failures
                    rows += [row | {"seed": seed, "weights": kind} for row in pairs(found, spec, one.framework)]
                    digests.add(hashlib.sha256(file.read_bytes()).hexdigest())
                assert len(digests) == 1, f"the frameworks' files differ: depth {spec.depth}, seed {seed}, {kind}"
            yield rows


def _same(weights: Weights) -> Weights:
    return weights


def pairs(found: VerifyReport, spec: ResNetSpec, framework: str) -> Iterator[dict[str, Any]]:
    """File and source side by side, for each batch."""
    for batch in sorted({comparison.batch for comparison in found.comparisons}):
        of_batch = {c.runtime: c for c in found.comparisons if c.batch == batch}
        ours, theirs = of_batch["ort:cpu"], of_batch[framework]
        yield {
            "depth": spec.depth,
            "framework": framework,
            "batch": batch,
            "file_error": ours.error,
            "source_error": theirs.error,
            "scale": ours.scale,
            "file_over_source": ours.error / theirs.error if theirs.error else 1.0,
            "passed": ours.passed and theirs.passed,
        }


if __name__ == "__main__":
    main()
