"""`LiveSession`: the model that a file was exported from, as a session beside the file's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export import live
from resnet_export.error_text import running
from resnet_export.errors import ResNetExportError
from resnet_export.graph.interface import Head
from resnet_export.runtimes.session import Session
from resnet_export.sources.reading import of_model


class LiveSession(Session):
    """Gives the output of a live model that has the classes, as far as its network can be read."""

    takes_file_input = False

    def __init__(self, model: object, taken: Mapping[str, int], head: Head) -> None:
        """Opens a `torch.nn.Module` or a `keras.Model`, and reads which output has the classes, and what it is.

        Args:
            model: the live model.
            taken: `image_size` and `in_channels` of the pictures.
            head: what the file gives that the model is held against.

        Raises:
            UsageError: it is neither.
            InputError: it can't run.
        """
        self._model = live.of(model)
        self.name = f"{self._model.framework} model {self._model.name}"
        self.head: Head = head
        self.gives_logits = False
        """Whether its output is logits, whatever the file gives."""
        self.notes: tuple[str, ...] = ()
        self._output = 0
        try:
            read = of_model(self._model, self.name, taken)
        except ResNetExportError as error:  # a file of another exporter may be held against such a model, too
            self.notes = (f"{error.message} Its first output was taken for {head}, as the file gives.",)
            return
        self._output, self.gives_logits = read.positions[0], read.activation is None
        if head == "logits" and not self.gives_logits:
            self.head = "probabilities"

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """That output for images (N, C, H, W)."""
        with running(self.name):
            return np.asarray(self._model.run(images)[self._output])
