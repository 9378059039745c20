"""Batches that lie on ONNX Runtime's device: IO binding, so that a run copies nothing from or to the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnxruntime
    from numpy.typing import NDArray

ASYNCHRONOUS = "disable_synchronize_execution_providers"
"""Run option: `run` returns when the work is handed over to the device."""

ELEMENT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
"""The types of the outputs for which there is room beforehand, as a recorded graph needs it."""


class OrtBinding:
    """See `session.Binding`."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        batches: Sequence[NDArray[Any]],
        device: tuple[str, int],
        *,
        fixed: bool,
    ) -> None:
        """Copies the batches to the device.

        Args:
            session: that runs them.
            batches: as the file takes them.
            device: its kind and number: ("cuda", 0).
            fixed: whether a recorded graph of kernels is replayed, which reads and writes at fixed addresses: then the
                first batch alone is run.
        """
        import onnxruntime

        self._session = session
        self._options = onnxruntime.RunOptions()
        if device[0] != "cpu":
            self._options.add_run_config_entry(ASYNCHRONOUS, "1")
        self._bindings = [self._bound(images, device) for images in (batches[:1] if fixed else batches)]
        self._latest = self._bindings[0]

    def submit(self, index: int) -> None:
        """See `Binding.submit`."""
        self._latest = self._bindings[index % len(self._bindings)]
        self._session.run_with_iobinding(self._latest, self._options)

    def wait(self) -> None:
        """See `Binding.wait`. The work of one session is done in the order in which it was handed over."""
        self._latest.synchronize_outputs()

    def _bound(self, images: NDArray[Any], device: tuple[str, int]) -> onnxruntime.IOBinding:
        import onnxruntime

        binding = self._session.io_binding()
        taken, given = self._session.get_inputs()[0], self._session.get_outputs()[0]
        binding.bind_ortvalue_input(taken.name, onnxruntime.OrtValue.ortvalue_from_numpy(images, *device))
        shape = [len(images), *given.shape[1:]]
        if all(isinstance(size, int) for size in shape) and given.type in ELEMENT_TYPES:
            room = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, ELEMENT_TYPES[given.type], *device)
            binding.bind_ortvalue_output(given.name, room)
        else:  # as large as it turns out
            binding.bind_output(given.name, *device)
        return binding
