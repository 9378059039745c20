"""The network in ncnn: one image a run."""

import ncnn
import numpy as np


def load(file, config):
    """Opens a file; gives a function from images to what the network makes of them."""
    half = config["artefacts"][file.name] == "float16"
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = half
    net.opt.use_winograd63_convolution = half  # it multiplies float32's rounding error by up to ten
    if net.load_param(str(file)) or net.load_model(str(file.with_suffix(".bin"))):
        raise SystemExit(f"ncnn cannot load {file.name}")

    def run(images):
        image = np.ascontiguousarray(images[0])  # ncnn borrows its memory,
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(image).clone())  # and crashes if the first layer works in place there
        failed, output = extractor.extract("out0")
        if failed:
            raise SystemExit(f"ncnn fails with code {failed}")
        return np.array(output)[np.newaxis]

    return run


def version():
    """What runs."""
    return f"ncnn {ncnn.__version__}"
