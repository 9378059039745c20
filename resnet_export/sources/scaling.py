"""Whether a network scales pixels by itself: its first steps then multiply 0..255 down to about 1."""

from __future__ import annotations

import numpy as np

from resnet_export.network import IMAGE, Network
from resnet_export.network.evaluation import Numbers

LARGEST_SCALE = 0.1
"""Factor below which what comes in must have been pixels: 1/255 and 1/127.5 are the usual ones, and standard deviations
of pixels are about 60. Images on the scale 0..1 have deviations of about 0.25."""


def takes_pixels(network: Network, numbers: Numbers) -> bool:
    """Whether the network's input is pixels 0..255, as behind Keras's `Rescaling` and `Normalization`."""
    value, scale = IMAGE, 1.0
    while len(network.users.get(value, ())) == 1:
        (step,) = network.users[value]
        if set(step.parameters) != {"right"} or step.op not in ("Add", "Div", "Mul", "Sub"):
            break
        number = np.abs(numbers[step.parameter("right")].astype(np.float64))
        with np.errstate(divide="ignore"):
            scale *= {"Mul": float(number.max()), "Div": float((1 / number).max())}.get(step.op, 1.0)
        value = step.name
    return scale < LARGEST_SCALE
