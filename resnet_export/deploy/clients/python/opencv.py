"""The network in OpenCV's DNN module."""

import cv2


def load(file, config):
    """Opens a file; gives a function from images to what the network makes of them."""
    net = cv2.dnn.readNetFromONNX(str(file))

    def run(images):
        net.setInput(images, config["input"]["name"])
        return net.forward(config["output"]["name"])

    return run


def version():
    """What runs."""
    return f"opencv {cv2.__version__}"
