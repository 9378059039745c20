"""Triton Inference Server: a model repository with its configuration. Nothing here runs the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Takes, Target
from resnet_export.deploy.targets.python import SHARED, copied, pinned, python_client
from resnet_export.errors import NotApplicableError
from resnet_export.targets.signature import Signature, read_signature

LARGEST_BATCH = 16
"""Images that the server may put together for a run, where the file takes any number."""
TYPES = {"float32": "TYPE_FP32", "uint8": "TYPE_UINT8"}
IMAGE = "nvcr.io/nvidia/tritonserver:25.03-py3"
SERVER = f'docker run --rm -d -p 8000:8000 -v "$PWD/models:/models" {IMAGE} tritonserver --model-repository /models'
LABELS = "labels.txt"


def write(source: Source, folder: Path) -> Sequence[Artefact]:
    """The repository: `models/NAME/1/model.onnx`, and beside it the configuration."""
    model = folder / "models" / source.path.stem
    version = model / "1"
    version.mkdir(parents=True)
    file = copied(source, version)[0].path.rename(version / "model.onnx")
    text = configuration(source.path.stem, read_signature(source.path, "triton"), source)
    (model / "config.pbtxt").write_text(text, encoding="utf-8")
    if source.classifier.labels is not None:
        (model / LABELS).write_text("".join(f"{label}\n" for label in source.classifier.labels), encoding="utf-8")
    return [Artefact(file, source.form, source.precision)]


def configuration(name: str, signature: Signature, source: Source) -> str:
    """`config.pbtxt`. Of files that take any number of images, the server makes the batches: their axis is left out."""
    free = source.form.batch is None
    if signature.output_shape is None:
        raise NotApplicableError(
            f"{source.path} doesn't say which shape its output has, and Triton has to be told.",
            hint=f"Export it anew: resnet-export {source.path} --output again.onnx",
        )
    shapes = [
        ", ".join("-1" if size is None else str(size) for size in shape[1 if free else 0 :])
        for shape in (signature.shape, signature.output_shape)
    ]
    labels = "" if source.classifier.labels is None else f', label_filename: "{LABELS}"'
    batching = "dynamic_batching { }\n" if free else ""
    return f"""name: "{name}"
backend: "onnxruntime"
max_batch_size: {LARGEST_BATCH if free else 0}
input [ {{ name: "{signature.name}", data_type: {TYPES[signature.dtype.name]}, dims: [ {shapes[0]} ] }} ]
output [
  {{ name: "{signature.output}", data_type: TYPE_FP32, dims: [ {shapes[1]} ]{labels} }}
]
instance_group [ {{ count: 1, kind: KIND_AUTO }} ]
{batching}"""


TARGET = Target(
    writes="a model repository with config.pbtxt and labels; a Python client",
    proven_by="nothing here: the server is a container of its own",
    takes=Takes(precisions=("float32", "int8"), pictures=True),
    write=write,
    client=replace(
        python_client("triton"),
        install=SERVER,
        run="pip install -r requirements.txt && python client.py golden/08-colour.jpg",
        requirements=lambda: ["tritonclient[http]", *pinned(*SHARED)],
        prove=None,
    ),
)
