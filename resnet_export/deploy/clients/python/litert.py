"""The network in LiteRT."""

import importlib.metadata

from ai_edge_litert.interpreter import Interpreter


def load(file, config):
    """Opens a file; gives a function from images to what the network makes of them."""
    interpreter = Interpreter(model_path=str(file))
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    interpreter.allocate_tensors()

    def run(images):
        interpreter.set_tensor(taken, images)
        interpreter.invoke()
        return interpreter.get_tensor(given)

    return run


def version():
    """What runs."""
    return f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}"
