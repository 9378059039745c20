"""How the gate behaves: false alarms and error ratios over depths, seeds, kinds of weights and frameworks.

    python benchmarks/gate.py                      # tiny networks, every depth, seeds 0 to 19
    python benchmarks/gate.py --size full --seeds 0 5

Each network is traced once, and gets the weights of every seed, as a float32 file and as a live model.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from resnet_export import ResNetSpec, Weights
from resnet_export.convert import CONVERTERS
from resnet_export.graph.canonical import canonicalise
from resnet_export.graph.file import bind, write
from resnet_export.graph.folding import folded
from resnet_export.graph.interface import Interface, dress
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.images import Preprocessing
from resnet_export.models import FRAMEWORKS
from resnet_export.parity.blame import Suspect
from resnet_export.parity.verify import check_file
from resnet_export.runtimes import RUNTIMES
from resnet_export.spec import VARIANTS
from resnet_export.weights.initial import draw, trained_like

KINDS = {"he": draw, "trained-like": trained_like}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("tiny", "full"), default="tiny")
    parser.add_argument("--depths", type=int, nargs="+", default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 20), metavar=("FIRST", "END"))
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/gate-<size>.json")
    options = parser.parse_args()
    output = options.output or Path(__file__).parent / "results" / f"gate-{options.size}.json"

    rows: list[dict[str, Any]] = []
    for depth in options.depths:
        spec = ResNetSpec(depth) if options.size == "full" else ResNetSpec(depth, 10, image_size=32, width=8)
        for framework in FRAMEWORKS:
            rows += sweep(spec, framework, range(*options.seeds))
            mine = [row for row in rows if (row["depth"], row["framework"]) == (depth, framework)]
            ratios = [row["file_over_source"] for row in mine]
            alarms = sum(not row["passed"] for row in mine)
            print(
                f"ResNet-{depth} {framework}: {len(mine)} comparisons, {alarms} false alarms, "
                f"error(file) / error(source) from {min(ratios):.2f} to {max(ratios):.2f}",
                flush=True,
            )
            output.write_text(json.dumps({"schema_version": 1, "size": options.size, "comparisons": rows}, indent=1))


def sweep(spec: ResNetSpec, framework: str, seeds: range) -> list[dict[str, Any]]:
    """Every seed and kind of weights through one framework."""
    definition, converter, runtime = (
        importlib.import_module(table[framework]) for table in (FRAMEWORKS, CONVERTERS, RUNTIMES)
    )
    model = definition.build(spec)
    interface, preprocessing = Interface(), Preprocessing.default(spec.in_channels, spec.image_size)
    graph = canonicalise(converter.to_onnx(model, spec), spec)
    dress(graph, spec, interface, preprocessing)
    source = Suspect(f"the {framework} model", runtime.attach(model, spec))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "net.onnx")
        for seed in seeds:
            for kind, drawn in KINDS.items():
                weights = Weights(spec, drawn(spec, seed))
                definition.load(model, weights)
                bind(graph, folded(weights))
                metadata = Metadata(spec, interface, preprocessing, weights.digest, "")
                write(graph, file, replace(metadata, initializers_digest=initializers_digest(graph)))
                found = check_file(file, ["ort:cpu"], source=source, weights=weights)
                assert found.comparisons, found.failures
                by_batch = {c.batch: {} for c in found.comparisons}
                for comparison in found.comparisons:
                    by_batch[comparison.batch][comparison.runtime] = comparison
                for batch, pair in by_batch.items():
                    ours, theirs = pair["ort:cpu"], pair[framework]
                    rows.append(
                        {
                            "depth": spec.depth,
                            "framework": framework,
                            "seed": seed,
                            "weights": kind,
                            "batch": batch,
                            "file_error": ours.error,
                            "source_error": theirs.error,
                            "scale": ours.scale,
                            "file_over_source": ours.error / theirs.error if theirs.error else 1.0,
                            "passed": ours.passed and theirs.passed,
                        }
                    )
    return rows


if __name__ == "__main__":
    main()
