"""`Weights`: the parameters of one network under torchvision's names, checked, float32 and immutable."""

import hashlib
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from resnet_export.assumptions import Assumption
from resnet_export.errors import CheckpointError, quote_some
from resnet_export.network import Network
from resnet_export.spec import ResNetSpec
from resnet_export.weights import formats
from resnet_export.weights.contents import Contents
from resnet_export.weights.description import Description, Finding
from resnet_export.weights.designs import assumptions_of, faults_of
from resnet_export.weights.infer import MODEL_ITSELF, infer_spec
from resnet_export.weights.initial import draw
from resnet_export.weights.naming import Tensors
from resnet_export.weights.naming.torch import COUNTER

Array = NDArray[np.float32]


class Weights(Mapping[str, Array]):
    """All parameters of the network `spec`, in the order of `spec.parameters`.

    Convolutions are (out, in, height, width), the classifier (classes, features), batch norm
    weights, biases, means and variances (channels,).

    Attributes:
        spec: the network that they belong to.
        assumptions: what of it was taken for granted, since the source of the weights can't show it.
    """

    def __init__(
        self,
        spec: ResNetSpec,
        tensors: Tensors,
        *,
        origin: str = "the weights",
        assumptions: tuple[Assumption, ...] = (),
    ) -> None:
        """Takes exactly the tensors of `spec.parameters`; `num_batches_tracked` is ignored.

        float16 and bfloat16 are widened exactly; float64 is rounded once, with a `UserWarning`. `origin` is what error
        messages call the tensors, such as a file's name.

        Raises:
            CheckpointError: a tensor is missing, surplus or misshapen, not of a floating type, or has
                NaN or infinity in it, or a variance is negative.
        """
        tensors = {name: array for name, array in tensors.items() if not name.endswith(COUNTER)}
        faults = faults_of(spec.parameters, {name: array.shape for name, array in tensors.items()})
        if faults:
            raise CheckpointError(
                f"{origin} does not hold the {len(spec.parameters)} tensors of ResNet-{spec.depth} "
                f"(stem {spec.stem}, width {spec.width}, {spec.in_channels} channels, {spec.num_classes} classes): "
                f"{'; '.join(faults)}.",
                hint=MODEL_ITSELF,
            )
        self.spec, self.assumptions = spec, assumptions
        self._arrays = in_float32(tensors, spec.parameters, origin)

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"Weights({self.spec}, digest={self.digest[:12]})"

    @property
    def network(self) -> Network:
        """The network that they belong to, with batch norms as steps of their own."""
        return self.spec.network

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names, shapes and little-endian bytes, in hexadecimal."""
        return digest(self)

    @classmethod
    def initial(cls, spec: ResNetSpec, seed: int = 0) -> Self:
        """He-initialised weights; the same numbers for the same seed, whatever the framework."""
        return cls(spec, draw(spec, seed), origin="the initialisation")

    @classmethod
    def load(cls, path: str | os.PathLike[str], assumed: Mapping[str, Any] | None = None, **asked: Any) -> Self:
        """Reads a checkpoint.

        Args:
            path: a file that torch, safetensors, Keras or NumPy wrote; its first bytes tell which.
            assumed: fields of `ResNetSpec` to take for granted where the checkpoint doesn't show them.
            asked: fields of `ResNetSpec` that the caller insists on. The rest is inferred from the tensors, and from
                the configuration in a `.keras` file; where nothing shows image size and eps, they are the usual ones.

        Raises:
            CheckpointError: the file cannot be read, is unsafe, or holds another network than asked for.
            MissingDependencyError: the format needs a framework that is not installed.
        """
        contents = formats.read_contents(path)
        return cls.of_contents(contents, os.fspath(path), contents.findings(Path(path).name), assumed, **asked)

    @classmethod
    def of_contents(
        cls,
        contents: Contents,
        origin: str,
        shown: Mapping[str, Finding],
        assumed: Mapping[str, Any] | None = None,
        **asked: Any,
    ) -> Self:
        """Those of a checkpoint that was read, with canonical names; `assumed` and `asked` as of `load`.

        `shown` is what a configuration beside the tensors shows; where that is every field, nothing is assumed.

        Raises:
            CheckpointError: it holds another network than asked for.
        """
        known = {*shown, *(name for name, value in asked.items() if value is not None)}
        taken = {name: value for name, value in {**contents.usual, **(assumed or {})}.items() if name not in known}
        spec = infer_spec(contents.tensors, origin=origin, shown=shown, **{**asked, **taken})
        described = {field.name for field in fields(ResNetSpec)} <= shown.keys()
        assumptions = () if described else assumptions_of(spec.design, known, contents.family)
        return cls(spec, contents.tensors, origin=origin, assumptions=assumptions)

    def save(self, path: str | os.PathLike[str], description: Description | None = None) -> None:
        """Writes a checkpoint; the format is that of the file's name. An existing file is replaced at once or not.

        The description is what the training says of the network; `.npz` has no place for it. `.keras` and `.weights.h5`
        are written by `resnet_export.models.keras.save`, which Keras itself does.

        Raises:
            CheckpointError: the name has no known suffix.
            MissingDependencyError: the format needs a framework that is not installed.
            UnavailableError: the file cannot be written.
        """
        formats.write(path, self, description)


def digest(arrays: Tensors) -> str:
    """SHA-256 over the names, shapes, types and little-endian bytes of the arrays, in their order."""
    sha = hashlib.sha256()
    for name, array in arrays.items():
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        sha.update(f"{name} {little.dtype.str} {array.shape}\n".encode())
        sha.update(little.data if little.size else b"")
    return sha.hexdigest()


def in_float32(tensors: dict[str, NDArray[Any]], names: Iterable[str], origin: str) -> dict[str, Array]:
    """The tensors of a network, checked; they are taken out of `tensors`, so that none is in memory twice.

    float64 is rounded, with a `UserWarning`; `origin` is what messages call the tensors.

    Raises:
        CheckpointError: one is not of a floating type, or has NaN or infinity in it, or a variance is negative.
    """
    rounded = [name for name in names if tensors[name].dtype == np.float64]
    arrays = {name: _as_float32(name, tensors.pop(name), origin) for name in names}
    if rounded:
        warnings.warn(
            f"{origin}: {len(rounded)} tensors are float64 ({quote_some(rounded)}); they were rounded to float32.",
            stacklevel=3,
        )
    return arrays


def _as_float32(name: str, array: NDArray[Any], origin: str) -> Array:
    # bfloat16 is not one of numpy's own types: ml_dtypes registers it, with the kind "V".
    if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
        raise CheckpointError(
            f"{origin}: {name} is of type {array.dtype}, not a floating one.",
            hint="Give the checkpoint of the float network; reduce precision after the export.",
        )
    with np.errstate(over="ignore"):  # a float64 too large for float32 becomes infinity, refused below
        result = np.array(array, dtype=np.float32, order="C")
    if not np.isfinite(result).all():
        raise CheckpointError(
            f"{origin}: {name} has {np.count_nonzero(~np.isfinite(result))} values that are NaN or infinite "
            f"in float32, of {result.size}.",
            hint="The training has diverged, or the file is damaged: give an earlier checkpoint.",
        )
    if name.endswith(".running_var") and result.size and result.min() < 0:
        raise CheckpointError(
            f"{origin}: {name} has the negative variance {result.min()}.",
            hint="The file is damaged, or its tensors are mislabelled.",
        )
    result.flags.writeable = False
    return result
