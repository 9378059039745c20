"""How the pictures of a source are prepared, as far as it shows that itself, or scales pixels by itself."""

from dataclasses import replace

import numpy as np

from resnet_export.images import DESCRIBED, IMAGENET_MEAN, Preprocessing
from resnet_export.network import IMAGE, Network
from resnet_export.network.evaluation import Numbers
from resnet_export.sources.trained import Trained

OF_PIXELS = {"mean", "std", "bgr"}
LARGEST_SCALE = 0.1
"""Factor below which what comes in must have been pixels: 1/255 and 1/127.5 are the usual ones, and standard deviations
of pixels are about 60. Images on the scale 0..1 have deviations of about 0.25."""
LARGEST_SHIFT = 10.0
"""Number above which what is taken off is the mean of pixels, about 120."""
MOVES = frozenset({"Concat", "Gather", "Pad", "Reshape", "Slice", "Split", "Transpose", "Unsqueeze"})
"""Operators that leave the numbers as they are: those that make BGR of RGB, and a padding."""


def preparation_of(trained: Trained) -> tuple[Preprocessing, str, set[str]]:
    """(preprocessing, where it comes from in words, its fields that are known): the network's, or the usual one."""
    channels, height, width = trained.network.image
    size = min(height, width)
    default = Preprocessing.default(channels, size)
    said = {name: trained.preprocessing[name] for name in DESCRIBED if name in trained.preprocessing}
    if inside := takes_pixels(trained.network, trained.numbers):
        default = replace(default, mean=(0.0,) * channels, std=(1 / 255,) * channels)
        said = {name: value for name, value in said.items() if name not in OF_PIXELS}
    origin = "ImageNet's" if default.mean == IMAGENET_MEAN else "pixels on the scale 0..1"
    if said:
        origin = trained.preprocessing.get("origin", "what the source says of it")
    if inside:
        origin = ", ".join(["the network scales pixels 0..255 by itself", *([f"the rest {origin}"] if said else [])])
    crop = trained.preprocessing.get("crop", size)
    said["resize"] = max(said.get("resize", default.at_size(crop).resize), crop)
    known = said.keys() & trained.preprocessing.keys() - {*trained.preprocessing.get("assumed", ())}
    return replace(default, **said, crop=crop).at_size(size), origin, known | (OF_PIXELS if inside else set())


def takes_pixels(network: Network, numbers: Numbers) -> bool:
    """Whether the network's input is pixels 0..255: behind Keras's `Rescaling`, or a `preprocess_input` inside."""
    ahead, seen = [(IMAGE, 1.0)], {IMAGE}
    while ahead:
        value, scale = ahead.pop()
        for step in network.users.get(value, ()):
            affine = set(step.parameters) == {"right"} and step.op in ("Add", "Div", "Mul", "Sub")
            if step.name in seen or not (affine or step.op in MOVES):
                continue
            behind = scale
            if affine:
                number = np.abs(numbers[step.parameter("right")].astype(np.float64))
                with np.errstate(divide="ignore"):
                    behind *= {"Mul": number.max(), "Div": (1 / number).max()}.get(step.op, 1.0)
                shifts = step.op in ("Add", "Sub") and number.max() > LARGEST_SHIFT * scale
                if shifts or behind < LARGEST_SCALE:
                    return True
            ahead.append((step.name, behind))
            seen.add(step.name)
    return False
