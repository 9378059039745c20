"""int8 by this project, by ONNX Runtime's quantiser as it is by default, and by NNCF where that is installed.

    python benchmarks/precision.py FILE --calibrate PHOTOS [--labelled DATA] [--name NAME]

All take the same pictures in the same preparation. Each file is held against float32 in ONNX Runtime and in OpenVINO:
by accuracy on labelled pictures where there are such, by how often it gives float32's class to pictures that no one
calibrated on, and by `bench compare`; and each other one against ours, which in OpenVINO is the file that was made for
it. A network takes the place of the one of the same name in the results and in the table. NNCF is no part of the
environment: `pip install nncf`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import shared
from readme import machine_in_words, refresh, table

from resnet_export import __version__, evaluate
from resnet_export.classify.measures import Paired
from resnet_export.data import as_plain, decode
from resnet_export.errors import ResNetExportError
from resnet_export.graph.file import write
from resnet_export.machine import Machine, read_machine
from resnet_export.quantization.job import quantize
from resnet_export.quantization.pictures import Part, Pictures, gather, prepare
from resnet_export.quantization.proof import agreement, classes_of, outputs_of, runtimes_here, timed
from resnet_export.quantization.subject import Subject, read_subject

SECONDS = 20.0
"""Of each comparison."""
RESULT = shared.FOLDER / "precision.json"
NOTE = (
    "Time: the median of int8 over that of float32 in the same runtime, batch 1, in turns. Accuracy: top-1 minus "
    "float32's on the same test pictures. Both with 95 % intervals. SQNR: of the outputs on held-out pictures. {}. "
    "Every number: [benchmarks/results/precision.json](benchmarks/results/precision.json)."
)


@dataclass(frozen=True)
class Rig:
    """What every peer is given."""

    subject: Subject
    pictures: Pictures
    calibrate: str
    samples: int
    folder: Path

    def images(self) -> Iterator[np.ndarray]:
        """The pictures of the calibration, one by one, as the float32 file takes them."""
        yield from self.pictures.calibration.normalised(self.subject.network.preprocessing, 1)

    def finished(self, path: Path, name: str) -> Path:
        """The file with the metadata that tell how pictures are prepared for it."""
        target = self.folder / name
        write(ir.from_proto(onnx.load(path)), target, self.subject.network.metadata)
        return target


def ours(rig: Rig, target: str = "this-machine") -> Path:
    made = rig.folder / f"{target}.onnx"
    quantize(rig.subject.path, made, calibrate=rig.calibrate, samples=rig.samples, target=target, seconds=5, keep=True)
    return made


def ours_for_openvino(rig: Rig) -> Path:
    return ours(rig, "openvino")


def onnxruntime_default(rig: Rig) -> Path:
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = rig.images()

        def get_next(self) -> dict[str, np.ndarray] | None:
            found = next(self.left, None)
            return None if found is None else {"input": found}

    plain, prepared, made = (rig.folder / f"default-{name}.onnx" for name in ("plain", "prepared", "made"))
    ir.save(rig.subject.network.graph(), plain)
    quant_pre_process(plain, prepared)
    quantize_static(prepared, made, Reader())
    return rig.finished(made, "onnxruntime.onnx")


def nncf(rig: Rig) -> Path:
    import nncf  # type: ignore[import-not-found]

    plain, made = (rig.folder / f"nncf-{name}.onnx" for name in ("plain", "made"))
    ir.save(rig.subject.network.graph(), plain)
    data = nncf.Dataset(list(rig.images()), lambda images: {"input": images})
    onnx.save(nncf.quantize(onnx.load(plain), data, subset_size=rig.samples), made)
    return rig.finished(made, "nncf.onnx")


PEERS: dict[str, Callable[[Rig], Path]] = {
    "resnet-export": ours,
    "resnet-export, --for openvino": ours_for_openvino,
    "onnxruntime.quantization, defaults": onnxruntime_default,
    "NNCF, nncf.quantize": nncf,
}


def measure(rig: Rig, path: Path, runtime: str, labelled: str | None, right: Any, seconds: float) -> dict[str, Any]:
    """One file in one runtime beside float32."""
    held_out: Part = rig.pictures.held_out
    found: dict[str, Any] = {"runtime": runtime}
    try:
        if labelled is not None:
            found["accuracy"] = as_plain(difference(path, rig.subject.path, labelled, runtime, "ort:cpu"))
        exact, rounded = (
            np.array(outputs_of(*side, held_out)) for side in ((rig.subject.path, "ort:cpu"), (path, runtime))
        )
        found["sqnr_db"] = float(10 * np.log10(np.square(exact).sum() / np.square(rounded - exact).sum()))
        found["agreement"] = as_plain(agreement(classes_of(path, runtime, held_out) == right))
        compared = timed(rig.subject.path, path, seconds, runtime)
        found |= {"time": as_plain(compared.ratio), "float32_ms": compared.a.p50_ms, "ms": compared.b.p50_ms}
    except ResNetExportError as error:
        found["error"] = error.message
    return found


def difference(path: Path, other: Path, labelled: str, runtime: str, other_runtime: str | None = None) -> Paired | None:
    """The accuracy of a file minus that of another one on the same pictures."""
    return evaluate(path, labelled, against=other, runtime=runtime, against_runtime=other_runtime).paired


def measure_network(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Every peer in every runtime, and each beside ours."""
    subject = read_subject(asked.file, folder)
    pictures = prepare(gather([asked.calibrate]), subject.classifier, folder, asked.samples, 0)
    rig = Rig(subject, pictures, asked.calibrate, asked.samples, folder)
    right = classes_of(subject.path, "ort:cpu", pictures.held_out)
    rows = []
    own: dict[str, Path] = {}
    for peer, make in PEERS.items():
        if make is nncf and importlib.util.find_spec("nncf") is None:
            continue
        begin = time.perf_counter()
        path = make(rig)
        made = {"peer": peer, "seconds_to_make": time.perf_counter() - begin, "size": path.stat().st_size}
        if make is ours:
            own = dict.fromkeys(runtimes_here(), path)
        elif make is ours_for_openvino:
            own["openvino"] = path
        for runtime in runtimes_here():
            row = made | measure(rig, path, runtime, asked.labelled, right, asked.seconds)
            if make not in (ours, ours_for_openvino) and "error" not in row:
                row["our_time"] = as_plain(timed(path, own[runtime], asked.seconds, runtime).ratio)
                if asked.labelled is not None:
                    row["our_accuracy"] = as_plain(difference(own[runtime], path, asked.labelled, runtime))
            rows.append(row)
            print(json.dumps(row), flush=True)
    return {"name": asked.name or Path(asked.file).stem, "float32_size": subject.path.stat().st_size, "rows": rows}


def table_of(networks: list[dict[str, Any]]) -> str:
    """The table of the README."""
    rows = [
        (
            network["name"],
            row["peer"],
            f"`{row['runtime']}`",
            row.get("error") or interval(row["time"]),
            interval(row["accuracy"]["difference"], 100, "+.2f") if "accuracy" in row else "-",
            f"{row['sqnr_db']:.1f}" if "sqnr_db" in row else "-",
            f"{row['size'] / network['float32_size']:.2f}",
        )
        for network in networks
        for row in network["rows"]
    ]
    headings = ("Network", "Quantiser", "Runtime", "Time over float32", "Accuracy, points", "SQNR, dB", "Size")
    return "\n".join(table(headings, ("---",) * 3 + ("--:",) * 4, rows))


def machines_of(networks: list[dict[str, Any]]) -> str:
    """On what each network was measured, in words."""
    machines = ((one["name"], decode(Machine, one["machine"], RESULT.name)) for one in networks)
    return "; ".join(f"{name}: {machine_in_words(machine)}" for name, machine in machines)


def interval(found: dict[str, Any], factor: float = 1, form: str = ".3f") -> str:
    """`0.304 [0.282 0.329]`."""
    value, *ends = (found[key] for key in ("value", "low", "high"))
    shown = f" [{' '.join(f'{factor * end:{form}}' for end in ends)}]" if None not in ends else ""
    return f"{factor * value:{form}}{shown}"


def main() -> None:
    parser = shared.parser(__doc__, RESULT)
    parser.add_argument("file")
    parser.add_argument("--calibrate", required=True)
    parser.add_argument("--labelled")
    parser.add_argument("--name", help="of the network in the table")
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        network = measure_network(asked, Path(name))
    others = [one for one in shared.kept(asked.output, "networks") if one["name"] != network["name"]]
    measured = {"version": __version__, "machine": as_plain(read_machine())}
    networks = [*others, network | measured]
    shared.write(asked.output, networks=networks)
    if asked.output == RESULT:
        refresh("precision", f"{table_of(networks)}\n\n{NOTE.format(machines_of(networks))}")


if __name__ == "__main__":
    main()
