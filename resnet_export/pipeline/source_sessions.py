"""Sources that a network was read from, as sessions: their own float32 run, and what can be seen inside of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.network import IMAGE
from resnet_export.runtimes import open_session
from resnet_export.runtimes.session import Placement, Session
from resnet_export.sources import Trained

ONNX = "onnx"
"""What stands for the framework of a network that was read off an `.onnx` file."""
CHECKPOINT = "checkpoint"
"""What stands for it where a network is known by its checkpoint alone."""

Values = Mapping[str, NDArray[Any]]


class LiveSession(Session):
    """A live model: its own float32 run."""

    takes_file_input = False

    def __init__(self, trained: Trained) -> None:
        assert trained.model is not None, "its network was read off a live model"
        self._trained, self._model, self.name = trained, trained.model, trained.model.framework
        self._first, *others = trained.positions
        self._others = dict(zip(trained.others, others, strict=True))

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """Its first output, of images (N, C, H, W)."""
        return self._model.run(images)[self._first]

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Its other outputs, as a file calls them, and the outputs of the steps that modules or layers end with."""
        asked = [name for name in names if name in self._others]
        given = self._model.run(images) if asked else ()
        steps = _steps(self._trained, names, lambda places: self._model.values(images, places))
        return steps | {name: given[self._others[name]] for name in asked}

    def placement(self) -> Placement:
        """See `Session.placement`."""
        return Placement("CPU")


class FileSession(Session):
    """An `.onnx` file that a network was read from, in ONNX Runtime without its optimisations."""

    takes_file_input = False

    def __init__(self, trained: Trained) -> None:
        assert trained.path is not None, "its network was read off a file"
        self._trained, (self._layout, self._dtype) = trained, trained.file_input
        self._session = open_session("ort:cpu,optimization=disabled", Path(trained.path))
        self._first = trained.outputs[0] if trained.positions[0] else None
        self._others = dict(zip(trained.others, trained.outputs[1:], strict=True))
        self.name = ONNX

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """Its first output, of images (N, C, H, W)."""
        if self._first is None:
            return self._session.run(self._given(images))
        return self._session.values(self._given(images), [self._first])[self._first]

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Its other outputs, as a file of this package calls them, and the outputs of the steps that stand in it."""
        own = {name: self._others[name] for name in names if name in self._others}
        found = self._session.values(self._given(images), tuple(own.values())) if own else {}
        steps = _steps(self._trained, names, lambda places: self._session.values(self._given(images), places))
        return steps | {name: found[given] for name, given in own.items() if given in found}

    def placement(self) -> Placement:
        """See `Session.placement`."""
        return self._session.placement()

    def close(self) -> None:
        """See `Session.close`."""
        self._session.close()

    def _given(self, images: NDArray[Any]) -> NDArray[Any]:
        ordered = images if self._layout == "nchw" else images.transpose(0, 2, 3, 1)
        return np.ascontiguousarray(ordered).astype(self._dtype)


def _steps(trained: Trained, names: Sequence[str], look: Callable[[list[str]], Values]) -> dict[str, NDArray[Any]]:
    """Name of a step -> its output, of those among `names` that can be seen; where several show it, the innermost."""
    places = {place: seen for place, seen in trained.shown.items() if seen.step in names and seen.step != IMAGE}
    found = look(list(places)) if places else {}
    return {
        seen.step: found[place].transpose(np.argsort(seen.perm))
        for place, seen in places.items()
        if place in found and found[place].ndim == len(seen.perm)
    }
