"""OpenVINO's format (IR): the graph as XML, and its numbers beside it."""

import sys
from pathlib import Path
from types import ModuleType

from resnet_export.error_text import loading
from resnet_export.optional import require

TELEMETRY = "openvino_telemetry"


def write(file: Path, folder: Path) -> Path:
    """Converts a file, see `targets.write`. Its numbers stay as they are, in a file `.bin` beside the artefact."""
    openvino = package()
    made = folder / f"{file.stem}.xml"
    with loading("openvino", file):
        openvino.save_model(openvino.Core().read_model(str(file)), str(made), compress_to_fp16=False)
    return made


def package() -> ModuleType:
    """OpenVINO's package, without the report of use that its import would send to its maker."""
    if "openvino" in sys.modules or TELEMETRY in sys.modules:
        return require("openvino")
    sys.modules[TELEMETRY] = None  # type: ignore[assignment] # Python's way to say: not to be imported
    try:
        return require("openvino")
    finally:
        del sys.modules[TELEMETRY]
