"""Batches that lie on ONNX Runtime's device: IO binding, so that a run copies nothing from or to the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.runtimes.session import Binding

if TYPE_CHECKING:
    import onnxruntime


ASYNCHRONOUS = "disable_synchronize_execution_providers"
"""Run option: `run` returns when the work is handed over to the device."""
ELEMENT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
"""The types of the outputs for which there is room beforehand, as a recorded graph needs it."""


def bind(
    session: onnxruntime.InferenceSession, batches: Sequence[NDArray[Any]], device: tuple[str, int], *, fixed: bool
) -> Binding:
    """Copies batches to the device.

    Args:
        session: that runs them.
        batches: as the file takes them.
        device: its kind and number: ("cuda", 0).
        fixed: whether a recorded graph of kernels is replayed, which reads and writes at fixed addresses: then the
            first batch alone is run.
    """
    import onnxruntime

    options = onnxruntime.RunOptions()
    if device[0] != "cpu":
        options.add_run_config_entry(ASYNCHRONOUS, "1")
    bound = [_bound(session, images, device) for images in (batches[:1] if fixed else batches)]
    latest = bound[0]

    def submit(index: int) -> None:
        nonlocal latest
        latest = bound[index % len(bound)]
        session.run_with_iobinding(latest, options)

    # The work of one session is done in the order in which it was handed over.
    return Binding(submit, lambda: latest.synchronize_outputs())


def _bound(
    session: onnxruntime.InferenceSession, images: NDArray[Any], device: tuple[str, int]
) -> onnxruntime.IOBinding:
    import onnxruntime

    binding = session.io_binding()
    taken, given = session.get_inputs()[0], session.get_outputs()[0]
    binding.bind_ortvalue_input(taken.name, onnxruntime.OrtValue.ortvalue_from_numpy(images, *device))
    shape = [len(images), *given.shape[1:]]
    if all(isinstance(size, int) for size in shape) and given.type in ELEMENT_TYPES:
        room = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, ELEMENT_TYPES[given.type], *device)
        binding.bind_ortvalue_output(given.name, room)
    else:  # as large as it turns out
        binding.bind_output(given.name, *device)
    return binding
