"""A canonical file as a network with its numbers, or as the weights of a framework's own definition of it.

In a definition the folded convolutions keep their numbers and get a batch norm that does nothing:

    gamma 1, beta the bias, mean 0, variance float32(1 - eps), so that variance + eps is 1
"""

import importlib
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from resnet_export.error_text import ORT_RUNS_IT
from resnet_export.errors import NotApplicableError
from resnet_export.graph.file import read, read_metadata
from resnet_export.graph.metadata import Metadata, is_ours
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers
from resnet_export.network.folding import unfolded
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights


def model_of(path: Path, framework: str) -> tuple[Any, ResNetSpec]:
    """This package's definition with the numbers of a canonical file, and its specification; see `weights_of`."""
    definition = importlib.import_module(f"resnet_export.models.{framework}")
    weights = weights_of(path)
    model = definition.build(weights.spec)
    definition.load(model, weights)
    return model, weights.spec


def network_of(path: Path) -> tuple[Network, Numbers]:
    """The network of a canonical file as it stands there, with its numbers.

    Raises:
        ModelError: the file is damaged.
        NotApplicableError: it is no canonical file, or has not all of its network's numbers.
    """
    metadata, numbers = _contents(path)
    return unfolded(metadata.canonical), numbers


def weights_of(path: Path) -> Weights:
    """The weights under which the network of the file's specification computes what the file does.

    Raises:
        ModelError: the file is damaged.
        NotApplicableError: it is no canonical file of this package's definitions, or has no classifier.
    """
    metadata, numbers = _contents(path)
    spec = metadata.spec
    if spec is None:
        raise NotApplicableError(
            f"{path.name} is another network than this package's definitions, and the frameworks run these only.",
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


def _contents(path: Path) -> tuple[Metadata, Numbers]:
    model = read(path)
    if not is_ours(model):
        raise NotApplicableError(
            f"{path.name} was not written by resnet-export, and only its own files can be run there.",
            hint=f"Export it first: resnet-export {shlex.quote(str(path))} --output net.onnx, and give net.onnx.",
        )
    metadata = read_metadata(model, path)
    numbers = {name: value.const_value.numpy() for name, value in model.graph.initializers.items() if value.const_value}
    missing = [name for name in metadata.canonical.parameters if name not in numbers]
    if missing:
        raise NotApplicableError(
            f"{path.name} has no {missing[0]}, so the frameworks' definitions cannot run it.",
            hint=ORT_RUNS_IT,
        )
    return metadata, numbers
