"""The network behind a Triton server on this machine."""

from pathlib import Path

import tritonclient
from tritonclient import http

SERVER = "localhost:8000"
TYPES = {"float32": "FP32", "uint8": "UINT8"}


def load(file, config):
    """Connects to the server; gives a function from images to what the network makes of them."""
    model = Path(file).parts[-3]  # models/NAME/1/model.onnx
    client = http.InferenceServerClient(SERVER)
    if not client.is_model_ready(model):
        raise SystemExit(f"The server at {SERVER} has no model {model}")

    def run(images):
        given = http.InferInput(config["input"]["name"], images.shape, TYPES[config["input"]["dtype"]])
        given.set_data_from_numpy(images)
        return client.infer(model, [given]).as_numpy(config["output"]["name"])

    return run


def version():
    """What runs."""
    server = http.InferenceServerClient(SERVER).get_server_metadata()
    return f"tritonclient {tritonclient.__version__}, {server['name']} {server['version']}"
