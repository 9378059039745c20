"""How the gate behaves: false alarms and error ratios over networks, seeds, kinds of weights and runtimes.

    python benchmarks/gate.py                            # all three sweeps: about half an hour
    python benchmarks/gate.py --only graphs --seeds 0 40

family  ResNets of every depth, exported from both frameworks: file and live model against one truth
zoo     networks with other operators, exported from PyTorch: grouped and depthwise convolutions, SiLU, gates, norms
graphs  files of other hands with long sums, verified in every runtime: pools of 111 x 111, matrix products over 50,000
        features, depthwise convolutions, means over axes, layer and instance norms

Everything is right, so that each alarm is a false one. Rows that the results already hold are kept, so that a long
sweep can be made in parts.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import shared
from onnx import numpy_helper

from resnet_export import ResNetSpec, Weights, export, verify
from resnet_export.errors import ParityError
from resnet_export.models import FRAMEWORKS
from resnet_export.spec import VARIANTS
from resnet_export.weights.initial import draw, trained_like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resnet_export.parity.results import VerifyReport

RESULTS = shared.FOLDER / "gate.json"
KINDS = {"he": draw, "trained-like": trained_like}
ZOO = (
    "torchvision/resnext50_32x4d", "torchvision/wide_resnet50_2", "timm/resnet50d", "timm/seresnet50",
    "timm/ecaresnet26t", "timm/resnetblur50", "torchvision-others/mobilenet_v2",
    "torchvision-others/mobilenet_v3_small", "torchvision-others/efficientnet_b0", "torchvision-others/densenet121",
    "torchvision-others/regnet_y_400mf", "torchvision-others/vgg16",
)  # fmt: skip
"""Members of benchmarks/zoo, whose weights are drawn anew for every seed."""
HEAD = "f = Flatten(p) logits = Gemm<transB=1>(f, fw, fb)"
GRAPHS: dict[str, tuple[int, str, dict[str, tuple[int, ...]]]] = {
    "a pool of 111 x 111": (
        224,
        f"a = Conv<strides=[2,2]>(x, w, b) r = Relu(a) p = GlobalAveragePool(r) {HEAD}",
        {"w": (16, 3, 3, 3), "b": (16,), "fw": (10, 16), "fb": (10,)},
    ),
    "an average pool of 55 x 55": (
        224,
        f"""a = Conv<strides=[2,2]>(x, w, b) r = Relu(a) q = AveragePool<kernel_shape=[55,55], strides=[28,28]>(r)
            p = ReduceMean<axes=[2,3]>(q) {HEAD}""",
        {"w": (16, 3, 3, 3), "b": (16,), "fw": (10, 16), "fb": (10,)},
    ),
    "50,176 features": (
        224,
        f"a = Conv<strides=[4,4], pads=[1,1,1,1]>(x, w, b) p = Relu(a) {HEAD}",
        {"w": (16, 3, 4, 4), "b": (16,), "fw": (10, 16 * 56 * 56), "fb": (10,)},
    ),
    "depthwise convolutions": (
        64,
        f"""a = Conv<pads=[1,1,1,1]>(x, w, b) r = Relu(a) c = Conv<group=32, pads=[2,2,2,2]>(r, d, e) s = Relu(c)
            g = Conv<group=32, strides=[2,2]>(s, h, e) p = GlobalAveragePool(g) {HEAD}""",
        {
            "w": (32, 3, 3, 3),
            "b": (32,),
            "d": (32, 1, 5, 5),
            "e": (32,),
            "h": (32, 1, 7, 7),
            "fw": (10, 32),
            "fb": (10,),
        },
    ),
    "instance and layer norms": (
        112,
        f"""a = Conv<pads=[1,1,1,1]>(x, w, b) n = InstanceNormalization(a, s, t) r = Relu(n)
            l = LayerNormalization<axis=1>(r, u) p = GlobalAveragePool(l) {HEAD}""",
        {"w": (8, 3, 3, 3), "b": (8,), "s": (8,), "t": (8,), "u": (8, 112, 112), "fw": (10, 8), "fb": (10,)},
    ),
    "sums along the channels": (
        32,
        f"""a = Conv<pads=[1,1,1,1]>(x, w, b) q = Mul(a, a) s = ReduceMean<axes=[1]>(q) e = Sqrt(s) d = Div(a, e)
            p = GlobalAveragePool(d) {HEAD}""",
        {"w": (1024, 3, 3, 3), "b": (1024,), "fw": (10, 1024), "fb": (10,)},
    ),
}
"""Name -> (pixels of a side of its images, its nodes, its numbers)."""


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--only", choices=SWEEPS, help="one of the sweeps")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 5), metavar=("FIRST", "END"))
    options = parser.parse_args()
    rows = shared.kept(options.output, "comparisons")
    done = {(row["sweep"], row["network"], row["seed"]) for row in rows}
    for sweep in [options.only] if options.only else SWEEPS:
        for seed in range(*options.seeds):
            for name, check in SWEEPS[sweep](seed):
                if (sweep, name, seed) in done:
                    continue
                rows += [{"sweep": sweep, "network": name, "seed": seed, **row} for row in rows_of(check)]
                shared.write(options.output, schema_version=2, comparisons=rows)
    for line in summary(rows):
        print(line)


def rows_of(check: Callable[[Path], VerifyReport]) -> Iterator[dict[str, Any]]:
    """The comparisons of one check."""
    with tempfile.TemporaryDirectory() as folder:
        found = check(Path(folder, "network.onnx"))
    for one in found.comparisons:
        yield {
            "runtime": one.runtime,
            "batch": one.batch,
            "error": one.error,
            "ratio": one.ratio,
            "allowed": one.bound / one.yardstick,
            "scale": one.scale,
            "passed": one.passed,
        }


def family(seed: int) -> Iterator[tuple[str, Callable[[Path], VerifyReport]]]:
    """Tiny ResNets of every depth, with both kinds of weights, from both frameworks."""
    for depth in VARIANTS:
        spec = ResNetSpec(depth, 10, image_size=32, width=8)
        for kind, drawn in KINDS.items():
            weights = Weights(spec, drawn(spec, seed), origin="the sweep")
            for framework in FRAMEWORKS:
                yield f"{spec.title}, {kind}, {framework}", exported(weights, framework=framework)


def zoo(seed: int) -> Iterator[tuple[str, Callable[[Path], VerifyReport]]]:
    """Networks with other operators."""
    from zoo import in_torch

    in_torch.SEED = seed
    for member in in_torch.members():
        if member.path in ZOO:
            size = member.size(64)
            yield (
                member.path,
                lambda file, member=member, size=size: exported(member.build(size), image_size=size)(file),
            )


def graphs(seed: int) -> Iterator[tuple[str, Callable[[Path], VerifyReport]]]:
    """Files of other hands."""
    for name in GRAPHS:
        yield name, lambda file, name=name: verify(written(name, seed, file))


def exported(source: Any, **options: Any) -> Callable[[Path], VerifyReport]:
    """A check of what becomes of a source; a failed one is a result too."""

    def check(file: Path) -> VerifyReport:
        try:
            found = export(source, file, **options).verification
        except ParityError as error:
            found = error.report and error.report.verification
        assert found is not None, "it was verified"
        return found

    return check


def written(name: str, seed: int, file: Path) -> Path:
    """A file with numbers of that seed, as large as keeps the values near 1."""
    size, body, shapes = GRAPHS[name]
    random = np.random.default_rng(seed)
    image = f"float[N,3,{size},{size}] x"
    text = f'<ir_version: 8, opset_import: ["" : 17]> net ({image}) => (float[N,10] logits) {{ {body} }}'
    model = onnx.parser.parse_model(text)
    for key, shape in shapes.items():
        scale = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 1.0
        model.graph.initializer.append(
            numpy_helper.from_array((random.standard_normal(shape) * scale).astype(np.float32), key)
        )
    onnx.save(model, file)
    return file


def summary(rows: list[dict[str, Any]]) -> Iterator[str]:
    """For each sweep and runtime: how many comparisons, how many alarms, the largest ratio and what it may be."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["sweep"], row["runtime"]].append(row)
    for (sweep, runtime), mine in sorted(groups.items()):
        worst = max(mine, key=lambda row: row["ratio"] / row["allowed"])
        alarms = sum(not row["passed"] for row in mine)
        yield (
            f"{sweep:<7} {runtime:<12} {len(mine):>5} comparisons, {alarms} false alarms, error / yardstick up to "
            f"{worst['ratio']:.2f} of {worst['allowed']:.0f} allowed ({worst['network']}, seed {worst['seed']})"
        )


SWEEPS = {"family": family, "zoo": zoo, "graphs": graphs}


if __name__ == "__main__":
    main()
