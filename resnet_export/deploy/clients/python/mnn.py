"""The network in MNN."""

import MNN
import numpy as np
from MNN import expr, nn

WINOGRAD_LEVEL, SMALLEST = 3, 0


def load(file, config):
    """Opens a file; gives a function from images to what the network makes of them."""
    manager = nn.create_runtime_manager(({"backend": 0, "precision": "high"},))
    manager.set_hint(WINOGRAD_LEVEL, SMALLEST)  # large tiles multiply float32's rounding error by twelve
    names = [config["input"]["name"]], [config["output"]["name"]]
    module = nn.load_module_from_file(str(file), *names, runtime_manager=manager)

    def run(images, manager=manager):  # MNN does not keep the manager alive by itself
        kind = expr.uint8 if images.dtype == np.uint8 else expr.float
        image = expr.placeholder(list(images.shape), expr.NCHW, kind)
        image.write(images)
        return np.array(expr.convert(module.forward([image])[0], expr.NCHW).read())

    return run


def version():
    """What runs."""
    return f"mnn {MNN.version()}"
