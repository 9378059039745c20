"""The network in OpenVINO, on the CPU."""

import sys

sys.modules["openvino_telemetry"] = None  # its import would report the use to its maker

import openvino  # noqa: E402

PRECISIONS = {"bfloat16": "bf16"}


def load(file, config):
    """Opens a file; gives a function from images to what the network makes of them."""
    core = openvino.Core()
    hint = {"INFERENCE_PRECISION_HINT": PRECISIONS.get(config["artefacts"][file.name], "f32")}
    request = core.compile_model(core.read_model(file), "CPU", hint).create_infer_request()
    return lambda images: request.infer([images])[0].copy()


def version():
    """What runs."""
    return f"openvino {openvino.__version__.partition('-')[0]}"
