"""Sources that a network was read from, as sessions: their own float32 run, and what can be seen inside of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.error_text import running
from resnet_export.errors import ModelError
from resnet_export.network import IMAGE
from resnet_export.parity.gate.inputs import batched
from resnet_export.runtimes import open_session
from resnet_export.runtimes.session import Placement, Session
from resnet_export.sources import Trained

ONNX = "onnx"
"""What stands for the framework of a network that was read off an `.onnx` file."""
RUNTIME = "ort:cpu,optimization=disabled"
"""What it runs in."""
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


class FileSession(Session):
    """An `.onnx` file that a network was read from, in ONNX Runtime without its optimisations.

    A file of a fixed batch is given any number of images in parts of that size, the last of which is filled up.
    """

    takes_file_input = False

    def __init__(self, trained: Trained) -> None:
        assert trained.path is not None, "its network was read off a file"
        self._trained, (self._layout, self._dtype) = trained, trained.file_input
        self._batch = trained.file_batch
        self._session = _opened(Path(trained.path), self._dtype)
        self.precision = trained.file_precision
        self._first = trained.outputs[0] if trained.positions[0] else None
        self._others = dict(zip(trained.others, trained.outputs[1:], strict=True))
        self.name = ONNX

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """Its first output, of images (N, C, H, W)."""
        return self._joined(images, lambda part: {ONNX: self._outputs(part)})[ONNX]

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Its other outputs, as a file of this package calls them, and the outputs of the steps that stand in it."""
        return self._joined(images, lambda part: self._values(part, names))

    def placement(self) -> Placement:
        """See `Session.placement`."""
        return self._session.placement()

    def close(self) -> None:
        """See `Session.close`."""
        self._session.close()

    def _outputs(self, given: NDArray[Any]) -> NDArray[Any]:
        if self._first is None:
            return self._session.run(given)
        return self._session.values(given, [self._first])[self._first]

    def _values(self, given: NDArray[Any], names: Sequence[str]) -> Values:
        own = {name: self._others[name] for name in names if name in self._others}
        found = self._session.values(given, tuple(own.values())) if own else {}
        steps = _steps(self._trained, names, lambda places: self._session.values(given, places))
        return steps | {name: found[place] for name, place in own.items() if place in found}

    def _joined(self, images: NDArray[Any], run: Callable[[NDArray[Any]], Values]) -> dict[str, NDArray[Any]]:
        """What each part of the images gives, one behind the other."""
        size = self._batch or len(images)
        with running(RUNTIME):
            parts = [run(self._given(images[start : start + size], size)) for start in range(0, len(images), size)]
        joined = {name: [batched(part[name], size) for part in parts] for name in parts[0]}
        return {name: np.concatenate(values)[: len(images)] for name, values in joined.items()}

    def _given(self, images: NDArray[Any], size: int) -> NDArray[Any]:
        """The images as the file takes them, the last one again and again where there are fewer than it takes."""
        images = np.concatenate([images, *[images[-1:]] * (size - len(images))])
        ordered = images if self._layout == "nchw" else images.transpose(0, 2, 3, 1)
        whole = np.dtype(self._dtype).kind in "iu"
        return np.ascontiguousarray(np.rint(ordered) if whole else ordered).astype(self._dtype)


def _opened(path: Path, dtype: str) -> Session:
    try:
        return open_session(RUNTIME, path)
    except ModelError as error:
        if dtype != "float64":
            raise
        raise ModelError(
            f"{path.name} computes in float64, and ONNX Runtime, in which the export is held against it, does not have "
            f"all of its operators in that type: {error.message}",
            hint="Convert it to float32, and give that file.",
        ) from error


def _steps(trained: Trained, names: Sequence[str], look: Callable[[list[str]], Values]) -> dict[str, NDArray[Any]]:
    """Name of a step -> its output, of those among `names` that can be seen; where several show it, the innermost."""
    places = {place: seen for place, seen in trained.shown.items() if seen.step in names and seen.step != IMAGE}
    found = look(list(places)) if places else {}
    return {
        seen.step: found[place].transpose(np.argsort(seen.perm))
        for place, seen in places.items()
        if place in found and found[place].ndim == len(seen.perm)
    }
