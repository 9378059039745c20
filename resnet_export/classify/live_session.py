"""`LiveSession`: the model that a file was exported from, as a session beside the file's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export import live
from resnet_export.error_text import running
from resnet_export.runtimes.session import Session


class LiveSession(Session):
    """Gives the first output of a live model, which is taken for what the file gives."""

    takes_file_input = False

    def __init__(self, model: object) -> None:
        """Opens a `torch.nn.Module` or a `keras.Model`.

        Raises:
            UsageError: it is neither.
            InputError: it can't run.
        """
        self._model = live.of(model)
        self.name = f"{self._model.framework} model {self._model.name}"

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """Its first output for images (N, C, H, W)."""
        with running(self.name):
            return np.asarray(self._model.run(images)[0])
