"""The network in ONNX Runtime."""

import onnxruntime


def load(file, config):
    """Opens a file; gives a function from images to what the network makes of them."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    name, output = config["input"]["name"], config["output"]["name"]
    return lambda images: session.run([output], {name: images})[0]


def version():
    """What runs."""
    return f"onnxruntime {onnxruntime.__version__}"
