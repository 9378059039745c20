"""OpenVINO in its own runtime."""

import importlib.metadata
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from resnet_export.error_text import error_text, loading, running
from resnet_export.errors import UnavailableError
from resnet_export.runtimes.options import CpuOptions
from resnet_export.runtimes.runtime import Runtime
from resnet_export.runtimes.session import Placement, Session
from resnet_export.runtimes.with_outputs import with_outputs
from resnet_export.targets.openvino import package as _openvino

ELEMENT_TYPES = {"float32": "f32", "bfloat16": "bf16"}


@dataclass(frozen=True)
class OpenvinoOptions(CpuOptions):
    """How OpenVINO runs the file."""

    device: str = "CPU"
    """As OpenVINO names it: `CPU`, `GPU`, `GPU.1`, `NPU`."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """The type in which it multiplies; by itself it takes bfloat16 wherever the CPU has it."""


class OpenvinoSession(Session):
    """A file that is compiled for a device."""

    name = "openvino"
    shows_values = True
    takes_callers = True

    def __init__(self, path: Path, options: OpenvinoOptions) -> None:
        self.precision = options.precision
        self._path = path
        self._options = options
        self._core = _openvino().Core()
        self._device = _device(self._core, options.device)
        if options.precision == "bfloat16":
            self._refuse_without_bfloat16()
        with loading(self.name, path):
            self._model: Any = self._compile(self._core.read_model(path))
            self._requests = threading.local()
            self._request()

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The file's first output."""
        with running(self.name):
            output: NDArray[Any] = self._request().infer([images])[0]
        return output

    def values(self, images: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The values of a copy of the file that has them as outputs."""
        content, shown = with_outputs(self._path, names)
        with running(self.name):
            outputs = self._compile(self._core.read_model(content)).create_infer_request().infer([images])
            return {name: outputs[name] for name in shown}

    def placement(self) -> Placement:
        """The device, by its full name."""
        return Placement(self._device)

    def close(self) -> None:
        """Frees the compiled model and its threads."""
        self._requests = self._model = None  # type: ignore[assignment]

    def _refuse_without_bfloat16(self) -> None:
        if "BF16" not in self._core.get_property(self._options.device, "OPTIMIZATION_CAPABILITIES"):
            raise UnavailableError(
                f"OpenVINO cannot multiply in bfloat16 on {self._device}: the device has no instructions for it "
                f"(on a CPU: avx512_bf16 or amx_bf16).",
                hint="Leave out precision=bfloat16, or run it on another machine.",
            )

    def _request(self) -> Any:
        """A request of this thread's own: one takes one caller at a time."""
        if not hasattr(self._requests, "own"):
            self._requests.own = self._model.create_infer_request()
        return self._requests.own

    def _compile(self, model: Any) -> Any:
        config: dict[str, Any] = {"INFERENCE_PRECISION_HINT": ELEMENT_TYPES[self._options.precision]}
        if self._options.threads is not None:
            config["INFERENCE_NUM_THREADS"] = self._options.threads
        return self._core.compile_model(model, self._options.device, config)


def probe() -> str:
    """The version of OpenVINO and the CPU, see `Runtime.probe`."""
    core = _openvino().Core()
    return f"openvino {importlib.metadata.version('openvino')}, {_device(core, 'CPU')}"


RUNTIME = Runtime(OpenvinoOptions, probe, OpenvinoSession)


def _device(core: Any, device: str) -> str:
    """The device with its full name: `CPU: AMD EPYC`.

    Raises:
        UnavailableError: it is not there.
    """
    try:
        return f"{device}: {str(core.get_property(device, 'FULL_DEVICE_NAME')).strip()}"
    except RuntimeError as error:
        raise UnavailableError(
            f"OpenVINO has no device {device} here: {error_text(error)}.",
            hint=f"It has: {', '.join(core.available_devices) or 'none'}.",
        ) from error
