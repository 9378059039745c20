"""The network in tract, which compiles it for one shape of the images."""

import tract


def load(file, config):
    """Opens a file; gives a function from images to what the network makes of them."""
    taken = config["input"]
    size = config["preparation"]["crop"]
    sides = (taken["channels"], size, size) if taken["layout"] == "nchw" else (size, size, taken["channels"])
    kind = {"uint8": "u8", "float32": "f32"}[taken["dtype"]]
    model = tract.onnx().load(file)
    model.set_input_fact(0, ",".join([*map(str, (taken["batch"] or 1, *sides)), kind]))
    runnable = model.into_model().into_runnable()
    return lambda images: runnable.run([images])[0].to_numpy()


def version():
    """What runs."""
    return f"tract {tract.version()}"
