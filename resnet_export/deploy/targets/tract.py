"""tract, the inference engine in Rust: the `.onnx` file as it is."""

from resnet_export.deploy.target import Takes, Target
from resnet_export.deploy.targets.ort import copied
from resnet_export.deploy.targets.python import python_client

TARGET = Target(
    writes="the .onnx file; a Python client",
    proven_by="Python with tract",
    takes=Takes(),
    write=copied,
    client=python_client("tract", "tract"),
    runtime="tract",
)
