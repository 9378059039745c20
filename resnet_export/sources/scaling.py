"""Whether a network scales pixels by itself: its first steps take the mean of pixels off, or multiply 0..255 down."""

from __future__ import annotations

import numpy as np

from resnet_export.network import IMAGE, Network
from resnet_export.network.evaluation import Numbers

LARGEST_SCALE = 0.1
"""Factor below which what comes in must have been pixels: 1/255 and 1/127.5 are the usual ones, and standard deviations
of pixels are about 60. Images on the scale 0..1 have deviations of about 0.25."""
LARGEST_SHIFT = 10.0
"""Number above which what is taken off is the mean of pixels, about 120."""
MOVES = frozenset({"Concat", "Gather", "Pad", "Reshape", "Slice", "Split", "Transpose", "Unsqueeze"})
"""Operators that leave the numbers as they are: those that make BGR of RGB, and a padding."""


def takes_pixels(network: Network, numbers: Numbers) -> bool:
    """Whether the network's input is pixels 0..255: behind Keras's `Rescaling`, or a `preprocess_input` inside."""
    ahead, seen = [(IMAGE, 1.0)], {IMAGE}
    while ahead:
        value, scale = ahead.pop()
        for step in network.users.get(value, ()):
            affine = set(step.parameters) == {"right"} and step.op in ("Add", "Div", "Mul", "Sub")
            if step.name in seen or not (affine or step.op in MOVES):
                continue
            if affine:
                number = np.abs(numbers[step.parameter("right")].astype(np.float64))
                if step.op in ("Add", "Sub") and number.max() > LARGEST_SHIFT * scale:
                    return True
                with np.errstate(divide="ignore"):
                    scale_behind = scale * {"Mul": number.max(), "Div": (1 / number).max()}.get(step.op, 1.0)
                if scale_behind < LARGEST_SCALE:
                    return True
                ahead.append((step.name, scale_behind))
            else:
                ahead.append((step.name, scale))
            seen.add(step.name)
    return False
