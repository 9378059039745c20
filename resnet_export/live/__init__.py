"""A live model of any framework behind one interface: what it takes, its structure, and its own answers."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from resnet_export.convert import Topology
from resnet_export.errors import InputError, UsageError
from resnet_export.models import FRAMEWORKS

CLASSES = {
    "torch.Module": "torch",
    "torch.ExportedProgram": "torch",
    "keras.Model": "keras",
}
"""Package and name of a base class -> the framework whose model it is."""


class LiveModel(Protocol):
    """A classifier of images as its user holds it. Nothing here changes it."""

    framework: str
    """`torch` or `keras`."""
    name: str
    """Its class, for messages."""

    def image(self) -> tuple[int | None, int | None, int | None]:
        """(channels, height, width) of its images, as far as the model shows them."""

    def usual_size(self) -> int | None:
        """Pixels of a side of the images that such a network usually takes, where it does not show them itself.

        32, as in CIFAR, where its first convolution is 3x3 with stride 1 and hardly anything pools; None else.
        """

    def configuration(self) -> dict[str, Any]:
        """What the model says of the preparation of its images, as it stands there.

        `timm`: the configuration of timm's pretrained weights. `keras`: its name and those of the
        models inside it, of which one may be that of a network of keras.applications.
        """

    def trace(self, image: tuple[int, int, int]) -> Topology:
        """Its structure for images of (channels, height, width), and its parameters.

        Raises:
            InputError: it doesn't run on such images, or can't be traced.
        """

    def run(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Its own float32 outputs in inference mode, in the order of `Topology.outputs`.

        The images are (N, channels, height, width), for every framework.

        Raises:
            InputError: it doesn't run on such images.
        """

    def values(self, images: NDArray[np.float32], names: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        """The float32 outputs of its modules or layers, in their own order of axes; of a module's calls the last.

        Those whose output can't be looked at are left out. The images are (N, channels, height, width).
        """

    def run_float64(self, images: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...] | None:
        """The same in float64, on a copy; None where the framework can't."""


def framework_of(model: object) -> str | None:
    """The framework of a live model, found without importing any: who made it has imported it."""
    bases = (f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in type(model).__mro__)
    return next((CLASSES[base] for base in bases if base in CLASSES), None)


def of(model: object) -> LiveModel:
    """The live model that an object is, also inside DataParallel, AveragedModel or torch.compile.

    Raises:
        UsageError: it is no model.
        InputError: it is a model without a Python forward, or one that was never built.
        UnavailableError: Keras runs on another backend than TensorFlow.
        MissingDependencyError: what its framework's converter needs is not installed.
    """
    framework = framework_of(model)
    if framework is None:
        if any(base.__module__.partition(".")[0] == "tf_keras" for base in type(model).__mro__):
            raise InputError(
                f"{type(model).__name__} is a model of Keras 2 (tf_keras).",
                hint="Save it as model.save('model.h5') and give that file: Keras 3 reads it.",
            )
        raise UsageError(
            f"An object of type {type(model).__name__} is no model of {' or '.join(FRAMEWORKS)}.",
            hint="Pass a torch.nn.Module or a keras.Model.",
        )
    attached: LiveModel = importlib.import_module(f"resnet_export.live.{framework}").attach(model)
    return attached
