"""What `resnet-export deploy` makes of three networks for every target: the tables in docs/deploy.md and the README.

    python benchmarks/deploy.py [--output FILE] [FILE.onnx ...]

Without a file: ResNet-18 as `resnet-export` initialises it, the same in int8, and keras.applications' MobileNetV2, with
batch norms as a training leaves them, as read from its `.keras` file. The golden pictures take part, and two
photographs that scikit-learn brings.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import readme
import shared
from zoo.files.keras_files import awake
from zoo.in_keras import lively

from resnet_export import export, quantize
from resnet_export.deploy import deploy
from resnet_export.deploy.target import names
from resnet_export.machine import read_machine
from resnet_export.report.bench.words import shown
from resnet_export.terminal import file_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnet_export.deploy.results import BundleResult, DeployReport

HERE = Path(__file__).parent
RESULTS = shared.FOLDER / "deploy.json"
PAGE = HERE.parent / "docs" / "deploy.md"
HEADINGS = ("File", "Target", "Artefact", "Precision", "Size", "Error", "Top-1", "Pillow's", "p50, ms", "Memory, MB")
NOTE = (
    "The error is the largest difference of a score from float64. Pillow's: pictures that the client prepared to the "
    "same pixels as Pillow, to the last bit. The memory is the largest of the client's process, with the picture of "
    "4000 x 3000 pixels."
)
SHORT_HEADINGS = ("Target", "Runtime", "Error", "Top-1", "p50, ms", "int8: error", "int8: p50, ms")
SHORT_NOTE = (
    "ResNet-18, run by the clients of the bundles on 16 pictures. The error is the largest difference of a logit from "
    "float64. [All artefacts, with sizes and memory](docs/deploy.md#every-target-in-numbers)."
)
ALIGNMENTS = ("---",) * 4 + ("--:",) * 6


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE.onnx")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = shared.write_photographs(folder / "photos", ".jpg")
        reports = []
        for file in options.files or make_files(folder, photos):
            reports.append(deploy(file, names(), folder / file.stem, images=photos))
            print(f"{file.name}: exit code {reports[-1].exit_code}", flush=True)
    machine = read_machine()
    shared.write(options.output, machine=machine.as_dict(), reports=[_without_folders(one) for one in reports])
    if options.output != RESULTS:
        return
    rows = [row for report in reports for bundle in report.bundles for row in _rows(report, bundle)]
    text = readme.table(HEADINGS, ALIGNMENTS, rows)
    readme.refresh("deploy", "\n".join([*text, "", f"{NOTE} {readme.machine_in_words(machine)}."]), PAGE)
    if not options.files:
        whole, quantised, _ = reports
        readme.refresh("deploy", "\n".join([*short(whole, quantised), "", SHORT_NOTE]))


def make_files(folder: Path, photos: Path) -> list[Path]:
    """The three networks."""
    import keras

    whole, quantised, other = (folder / f"{name}.onnx" for name in ("resnet18", "resnet18-int8", "mobilenetv2"))
    export(output=whole, framework="torch")
    quantize(whole, quantised, calibrate=photos, keep=True)
    keras.utils.set_random_seed(0)
    model = awake(lively(keras.applications.MobileNetV2(weights=None, classifier_activation=None)))
    model.save(folder / "mobilenetv2.keras")
    export(folder / "mobilenetv2.keras", other)
    return [whole, quantised, other]


def short(whole: DeployReport, quantised: DeployReport) -> list[str]:
    """A row for each target that was run, of its first artefact in float32 and in int8."""
    int8 = {bundle.target: bundle.proofs[0] for bundle in quantised.bundles if bundle.proofs}
    rows = []
    for bundle in whole.bundles:
        if bundle.proofs:
            first, other = bundle.proofs[0], int8.get(bundle.target)
            agreed, ms = f"{first.top1_agreed}/{first.pictures}", shown(first.p50_ms)
            rows.append((f"`{bundle.target}`", first.runtime, f"{first.error:.1e}", agreed, ms))
            rows[-1] += ("-", "-") if other is None else (f"{other.error:.1e}", shown(other.p50_ms))
    return readme.table(SHORT_HEADINGS, ("---",) * 2 + ("--:",) * 5, rows)


def _without_folders(report: DeployReport) -> dict[str, object]:
    """The report without places of this machine."""
    plain = report.as_dict()
    plain["file"] = Path(report.file).name
    for bundle in plain["bundles"]:
        bundle["folder"] = None
    return plain


def _rows(report: DeployReport, bundle: BundleResult) -> Iterator[tuple[str, ...]]:
    start = (f"`{Path(report.file).name}`", f"`{bundle.target}`")
    if not bundle.proofs:
        size = file_size(sum(bundle.sizes)) if bundle.sizes else ""
        yield (*start, ", ".join(bundle.artefacts), bundle.precision or "", size, bundle.status, "", "", "", "")
    for proof in bundle.proofs:
        agreed = f"{proof.top1_agreed}/{proof.pictures}"
        size = file_size(dict(zip(bundle.artefacts, bundle.sizes, strict=True))[proof.artefact])
        same = f"{proof.pictures - len(proof.decoders)}/{proof.pictures}"
        memory = "" if proof.peak_mb is None else f"{proof.peak_mb:.0f}"
        measured = (f"{proof.error:.1e}", agreed, same, shown(proof.p50_ms), memory)
        yield (*start, proof.artefact, proof.precision, size, *measured)


if __name__ == "__main__":
    main()
