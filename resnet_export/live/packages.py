"""Models that a package defines: `timm:resnet50d.ra2_in1k`, `torchvision:resnet50`."""

import importlib.util
from collections.abc import Mapping
from importlib.machinery import PathFinder
from typing import Any

from numpy.typing import NDArray

from resnet_export.convert.remarks import reason
from resnet_export.errors import MissingDependencyError, ResNetExportError, UnavailableError, UsageError, did_you_mean
from resnet_export.optional import require

Tensors = Mapping[str, NDArray[Any]]
PACKAGES = ("timm", "torchvision")
"""Packages whose models can be named."""
OPERATOR = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
"""Schema of torchvision's `nms` and `qnms`."""


def is_named(text: object) -> bool:
    """Whether it is `package:name` of one of the packages."""
    return isinstance(text, str) and text.partition(":")[0] in PACKAGES and ":" in text


def load(text: str, tensors: Tensors | None = None) -> Any:
    """Makes the torch.nn.Module `timm:NAME` or `torchvision:NAME` by the package that defines it.

    The tensors that will be loaded into it show how many classes and channels it has. None stands for the numbers that
    are published with it, which the package downloads.

    Raises:
        MissingDependencyError: the package is not installed.
        UsageError: it has no such model.
        UnavailableError: the published numbers can't be downloaded.
    """
    package, _, name = text.partition(":")
    declare_torchvision_operators()
    try:
        module = require(package)
    except ResNetExportError:
        raise
    except Exception as error:  # of a release for another torch: timm imports torchvision
        packages = " ".join(dict.fromkeys(("torch", "torchvision", package)))
        raise MissingDependencyError(
            f"{package} can't be imported: {reason(error)}.",
            hint=f"Bring them to releases that fit each other: pip install --upgrade {packages}",
        ) from error
    make = {"timm": _of_timm, "torchvision": _of_torchvision}[package]
    try:
        return make(module, name, tensors)
    except UsageError:
        raise
    except Exception as error:  # of the package, of the network, or of its cache
        if tensors is not None:
            raise
        raise UnavailableError(
            f"The published numbers of {text} can't be had: {reason(error)}.",
            hint="Give a checkpoint with --weights, or try again with a connection.",
        ) from error


def declare_torchvision_operators() -> None:
    """Lets torchvision be imported beside a torch that its compiled operators don't fit.

    It registers what two of them return when it is imported; no classifier calls them.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    torch = require("torch")
    found = importlib.util.find_spec("torchvision")
    compiled = PathFinder.find_spec("_C", found.submodule_search_locations) if found else None
    try:
        if compiled is not None:
            torch.ops.load_library(compiled.origin)
    except OSError:
        compiled = None
    for name in ("nms", "qnms") if compiled is None else ():
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", OPERATOR)


def _of_timm(timm: Any, name: str, tensors: Tensors | None) -> Any:
    known = timm.list_models()
    if name.partition(".")[0] not in known:
        raise _unknown("timm", name, known)
    options: dict[str, Any] = {"pretrained": tensors is None}
    if tensors is not None:
        config = timm.models.get_pretrained_cfg(name)
        options |= _shape_of(tensors, config and config.classifier, "num_classes", 0)
        options |= _shape_of(tensors, config and config.first_conv, "in_chans", 1)
    return timm.create_model(name, **options).eval()


def _of_torchvision(torchvision: Any, name: str, tensors: Tensors | None) -> Any:
    known = torchvision.models.list_models()
    if name not in known:
        raise _unknown("torchvision", name, known)
    if tensors is None:
        return torchvision.models.get_model(name, weights="DEFAULT").eval()
    matrices = [array for array in tensors.values() if array.ndim == 2]
    options = {"num_classes": matrices[-1].shape[0]} if matrices else {}
    return torchvision.models.get_model(name, weights=None, **options).eval()


def _shape_of(tensors: Tensors, layer: object, option: str, axis: int) -> dict[str, int]:
    """The option that a layer's weight shows, where the checkpoint has that layer behind any prefix."""
    layers = layer if isinstance(layer, tuple | list) else (layer,)
    ends = tuple(f".{one}.weight" for one in layers if one)
    found = [name for name in tensors if f".{name}".endswith(ends)] if ends else []
    # The shortest: a block may have a layer of that name too.
    return {option: tensors[min(found, key=len)].shape[axis]} if found else {}


def _unknown(package: str, name: str, known: list[str]) -> UsageError:
    return UsageError(
        f"{package} has no model {name!r}.", hint=f"{did_you_mean(name, known)}Name one of {package}'s models."
    )
