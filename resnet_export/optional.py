"""Lazy import of the packages that only some requests need, with the pip line when one is missing."""

import importlib
import importlib.metadata
import importlib.util
from types import ModuleType

from resnet_export.errors import MissingDependencyError

EXTRAS = {
    "torch": "torch",
    "onnxscript": "torch",
    "keras": "keras",
    "tensorflow": "keras",
    "tf2onnx": "keras",
    "openvino": "openvino",
    "cv2": "opencv",
    "ncnn": "ncnn",
    "MNN": "mnn",
    "tract": "tract",
    "ai_edge_litert": "litert",
    "pyarrow": "score",
    "ray": "ray",
}
"""Import name -> the extra of this package that brings it. What stands here is never a base dependency."""

DISTRIBUTIONS = {
    "tensorflow": ("tensorflow-cpu", "tensorflow", "tensorflow-intel", "tensorflow-macos"),
    "ai_edge_litert": ("ai-edge-litert",),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime"),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
    "PIL": ("pillow",),
}
"""Import name -> the distributions that have it, where they are called otherwise."""

KNOWN_BAD = {
    "onnxscript": (
        ("0.5.4", "0.5.5", "0.5.6"),
        "its optimiser merges two different biases of one block into one, and onnx.checker does not notice",
        'pip install "onnxscript>=0.5.7"',
    ),
}
"""Distribution -> (releases, what they do wrong, the pip line that cures it)."""


def require(name: str) -> ModuleType:
    """Imports a package, or a module of one, by name.

    Raises:
        MissingDependencyError: it is not installed, or is a release known to give wrong results.
    """
    refuse_known_bad(name.partition(".")[0])
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or name).partition(".")[0]
        raise MissingDependencyError(
            f"{name} is needed for this and cannot be imported: {missing} is not installed.",
            hint=f"Install it with: {install_line(name)}",
        ) from error


def installed(name: str) -> str:
    """`name version` of an installed package, found without importing it.

    Args:
        name: under which it is imported.

    Raises:
        MissingDependencyError: it is not installed, or is a release known to give wrong results.
    """
    if importlib.util.find_spec(name) is not None:
        for distribution in DISTRIBUTIONS.get(name, (name,)):
            try:
                version = importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                continue
            refuse_known_bad(distribution)
            return f"{distribution} {version}"
    raise MissingDependencyError(f"{name} is not installed.", hint=f"Install it with: {install_line(name)}")


def is_installed(name: str) -> bool:
    """Whether a package can be imported here; it is not imported."""
    return importlib.util.find_spec(name) is not None


def install_line(name: str) -> str:
    """The exact command that brings the package `name`."""
    extra = EXTRAS.get(name.partition(".")[0])
    return f"pip install {name}" if extra is None else f'pip install "resnet-export[{extra}]"'


def refuse_known_bad(distribution: str) -> None:
    """Refuses a release that is known to give wrong results.

    Raises:
        MissingDependencyError: the installed release stands in `KNOWN_BAD`.
    """
    if distribution not in KNOWN_BAD:
        return
    releases, fault, cure = KNOWN_BAD[distribution]
    try:
        installed = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return
    if installed in releases:
        raise MissingDependencyError(
            f"{distribution} {installed} is installed, a release that gives wrong files: {fault}.",
            hint=f"Replace it with: {cure}",
        )
