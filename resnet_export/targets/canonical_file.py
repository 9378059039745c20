"""A canonical file as weights: what a framework needs to run it in its own definition of the network.

The folded convolutions keep their numbers and get a batch norm that does nothing:

    gamma 1, beta the bias, mean 0, variance float32(1 - eps), so that variance + eps is 1
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from resnet_export.error_text import ORT_RUNS_IT
from resnet_export.errors import NotApplicableError
from resnet_export.graph.file import read, read_metadata
from resnet_export.graph.metadata import is_ours
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights


def model_of(path: Path, framework: str) -> tuple[Any, ResNetSpec]:
    """This package's definition with the numbers of a canonical file, and its specification; see `weights_of`."""
    definition = importlib.import_module(f"resnet_export.models.{framework}")
    weights = weights_of(path)
    model = definition.build(weights.spec)
    definition.load(model, weights)
    return model, weights.spec


def weights_of(path: Path) -> Weights:
    """The weights under which the network of the file's specification computes what the file does.

    Raises:
        ModelError: the file is damaged.
        NotApplicableError: it is no canonical file, or has no classifier.
    """
    model = read(path)
    if not is_ours(model):
        raise NotApplicableError(
            f"{path.name} was not written by resnet-export: the frameworks run canonical files only.",
            hint=ORT_RUNS_IT,
        )
    spec = read_metadata(model, path).spec
    if spec is None:
        raise NotApplicableError(
            f"{path.name} is another network than this package's definitions, and the frameworks run these only.",
            hint="Verify it with --runtime ort:cpu.",
        )
    numbers = {name: value.const_value.numpy() for name, value in model.graph.initializers.items() if value.const_value}
    missing = [name for name in spec.canonical.parameters if name not in numbers]
    if missing:
        raise NotApplicableError(
            f"{path.name} has no {missing[0]}, so the frameworks' definitions cannot run it.",
            hint=ORT_RUNS_IT,
        )
    tensors = {}
    for step in spec.canonical.steps:
        if step.parts:
            convolution, norm = step.parts
            ones = np.ones(step.parameters["bias"], np.float32)
            tensors[convolution.parameter("weight")] = numbers[step.parameter("weight")]
            tensors[norm.parameter("weight")] = ones
            tensors[norm.parameter("bias")] = numbers[step.parameter("bias")]
            tensors[norm.parameter("running_mean")] = 0 * ones
            tensors[norm.parameter("running_var")] = np.float32(1 - spec.eps) * ones
        else:
            tensors |= {name: numbers[name] for name in step.names}
    return Weights(spec, tensors, origin=str(path))
