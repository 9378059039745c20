"""He initialisation, drawn by NumPy so that every framework starts from the same numbers.

He et al., "Delving Deep into Rectifiers" (2015), equation 10, in the fan-out form that torchvision uses:

    convolution ~ Normal(0, 2 / (out channels * kernel^2))
    classifier  ~ Uniform(-1 / sqrt(features), 1 / sqrt(features))
    batch norm: gamma 1, beta 0, mean 0, variance 1
"""

import math

import numpy as np
from numpy.typing import NDArray

from resnet_export.spec import ResNetSpec


def draw(spec: ResNetSpec, seed: int) -> dict[str, NDArray[np.float32]]:
    """Name -> array for every parameter of `spec`, drawn in the order of `spec.parameters` from `seed`."""
    generator = np.random.Generator(np.random.PCG64(seed))
    return {name: _draw(generator, name, shape, spec) for name, shape in spec.parameters.items()}


def _draw(generator: np.random.Generator, name: str, shape: tuple[int, ...], spec: ResNetSpec) -> NDArray[np.float32]:
    if len(shape) == 4:
        out_channels, _, height, width = shape
        deviation = math.sqrt(2.0 / (out_channels * height * width))
        return generator.standard_normal(shape, dtype=np.float32) * np.float32(deviation)
    if name.startswith("fc."):
        bound = 1.0 / math.sqrt(spec.features)
        return generator.uniform(-bound, bound, shape).astype(np.float32)
    ones = name.endswith((".weight", ".running_var"))
    return np.full(shape, 1.0 if ones else 0.0, dtype=np.float32)


def trained_like(spec: ResNetSpec, seed: int) -> dict[str, NDArray[np.float32]]:
    """He initialisation with batch norms as training leaves them: for checks to which 0 and 1 would be blind.

    gamma ~ Uniform(0.5, 1.5), beta ~ Normal(0, 0.2), mean ~ Normal(0, 0.3), variance ~ Uniform(0.5, 2).
    """
    generator = np.random.Generator(np.random.PCG64([seed, 1]))
    arrays = draw(spec, seed)
    for step in spec.network.steps:
        if step.op == "BatchNormalization":
            channels = step.parameters["weight"]
            arrays[step.parameter("weight")] = generator.uniform(0.5, 1.5, channels).astype(np.float32)
            arrays[step.parameter("bias")] = generator.normal(0.0, 0.2, channels).astype(np.float32)
            arrays[step.parameter("running_mean")] = generator.normal(0.0, 0.3, channels).astype(np.float32)
            arrays[step.parameter("running_var")] = generator.uniform(0.5, 2.0, channels).astype(np.float32)
    return arrays
