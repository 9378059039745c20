"""PyTorch checkpoints, whatever their suffix: never anything but tensors is loaded from them."""

from __future__ import annotations

import io
import pickle
import re
import types
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from resnet_export.errors import CheckpointError, quote_some
from resnet_export.files import is_text
from resnet_export.optional import require
from resnet_export.weights import description, training
from resnet_export.weights.contents import Contents
from resnet_export.weights.description import Description
from resnet_export.weights.naming import Tensors
from resnet_export.weights.naming.torch import state_dict

if TYPE_CHECKING:
    from torch import Tensor

    Selected = tuple[dict[str, Tensor], tuple[str, ...], tuple[str, ...] | None]

TITLE = "a PyTorch checkpoint"

PICKLE = b"\x80"
"""First byte of a pickle since protocol 2, which the older of torch's formats begins with."""

NESTED = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights", "params",
    "student",
)  # fmt: skip
"""Where training scripts keep the state_dict in a checkpoint, in the order in which they are looked for."""
AVERAGES = (
    "state_dict_ema", "model_ema", "ema_state_dict", "model_ema_state_dict", "ema_model", "ema", "teacher",
    "swa_state_dict", "swa_model",
)  # fmt: skip
"""Where they keep the moving average of the weights."""
LABELS = ("categories", "classes", "class_names", "labels")
"""Where they keep the names of the classes."""

ALLOWED = {
    "argparse": ("Namespace",),
    "collections": ("OrderedDict",),
    "torch": ("Size", "device"),
    "torch._utils": (
        "_rebuild_parameter", "_rebuild_qtensor", "_rebuild_tensor", "_rebuild_tensor_v2",
    ),
}  # fmt: skip
"""Module -> what of it may be called while a checkpoint is read: what makes tensors and plain data."""
SAVE_STATE_DICT = (
    "If you trust it, load it where it was written and save the tensors alone, in a new file: "
    'torch.save(model.state_dict(), "{}-state_dict.pth").'
)


def read(path: Path, *, ema: bool = False) -> Contents:
    """The tensors of a state_dict, bare or inside a checkpoint in either of the two formats that `torch.save` writes.

    bfloat16 is widened to float32, which is exact. Objects beside the tensors are skipped: nothing that they ask for is
    called. With `ema`, the moving average of the weights is taken, where there is one.

    Raises:
        CheckpointError: it is a whole pickled model or a program, has no tensors, or quantised ones.
        MissingDependencyError: torch is not installed.
    """
    content, refusal = _load(path)
    try:
        taken, notes, labels = _select(content, path, ema=ema)
    except CheckpointError as error:
        raise refusal or error from None
    quantised = [name for name, tensor in taken.items() if tensor.is_quantized]
    if quantised:
        raise CheckpointError(
            f"{path} holds quantised tensors ({quote_some(quantised)}): it is the state_dict of a quantised model.",
            hint="Give the checkpoint of the float network that it was made of; reduce precision after the export.",
        )
    tensors = {name: _as_array(tensor) for name, tensor in taken.items()}
    named, args = training.read(content)
    own = content.get(description.KEY) if isinstance(content, Mapping) else None
    said = description.read(own, path.name) if isinstance(own, str) else None
    return Contents(tensors, notes, labels, description=said, named=named, args=args)


def write(path: Path, weights: Tensors, said: Description | None = None) -> None:
    """Writes a bare state_dict as torchvision's models save it; with a description, that beside `state_dict`.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    torch = require("torch")
    file = io.BytesIO()  # torch hides the operating system's reason when it cannot write
    tensors = {name: torch.tensor(array) for name, array in state_dict(weights).items()}
    torch.save({"state_dict": tensors, description.KEY: description.encode(said)} if said else tensors, file)
    path.write_bytes(file.getbuffer())


def _load(path: Path) -> tuple[object, CheckpointError | None]:
    """(what is in the file, why it would be refused if that is of no use: objects in it were not made)."""
    torch = require("torch")
    # The older of torch's two formats is not a zip archive, and cannot be mapped into memory.
    zipped = zipfile.is_zipfile(path)
    # Torch itself goes by the name of a safetensors file, and can't open a name that is no UTF-8: one that is none in
    # truth, and one of such a name, are read from memory.
    named = path.suffix.lower() != ".safetensors" and is_text(path)
    mapped = zipped and named
    source = path if named else io.BytesIO(path.read_bytes())
    (_refuse_archives if zipped else _refuse_other_files)(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice on pickle protocols is for who writes the file
        try:
            return torch.load(source, map_location="cpu", weights_only=True, mmap=mapped), None
        except pickle.UnpicklingError as error:
            refusal = CheckpointError(
                f"{path} was refused and not executed: {_reason(error)}.", hint=SAVE_STATE_DICT.format(path.stem)
            )
            skipping: Any = types.SimpleNamespace(
                Unpickler=_Unpickler, load=lambda file, **options: _Unpickler(file, **options).load(),
                UnpicklingError=pickle.UnpicklingError, __name__="skipping",
            )  # fmt: skip
            try:
                # Safe without `weights_only`: `_Unpickler` calls nothing but what makes tensors and plain data.
                return torch.load(
                    source, map_location="cpu", weights_only=False, mmap=mapped, pickle_module=skipping
                ), refusal
            except Exception:
                raise refusal from error


class _Skipped:
    """Stands for an object that is not made, and takes whatever a pickle would do with it."""

    def __init__(self, *arguments: object, **named: object) -> None:
        pass

    __setstate__ = __setitem__ = append = extend = add = __init__

    def __call__(self, *arguments: object, **named: object) -> _Skipped:
        return _Skipped()


class _Unpickler(pickle._Unpickler):
    """Makes tensors and plain data alone.

    It is the one in Python: the one in C makes its memo as large as the largest index that a file names.
    """

    dispatch: ClassVar = {op: load for op, load in pickle._Unpickler.dispatch.items() if op != pickle.BYTEARRAY8[0]}
    """Without arrays of bytes, which torch doesn't write: they would be made before their length is held against the
    file's."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        torch = require("torch")
        if global_name in ALLOWED.get(module_name, ()):
            return super().find_class(module_name, global_name)
        if module_name == "torch":
            found = getattr(torch, global_name, None)
            if isinstance(found, torch.dtype | torch.layout | torch.memory_format):
                return found
            if isinstance(found, type) and issubclass(found, torch.storage._LegacyStorage):
                return found
        return type(global_name, (_Skipped,), {})


def _refuse_archives(path: Path) -> None:
    """A TorchScript archive would be compiled while it is loaded; and torch looks at no checksum of a mapped one."""
    with zipfile.ZipFile(path) as archive:
        program = any(name.endswith("/constants.pkl") for name in archive.namelist())
        wrong = archive.testzip()
    if wrong is not None:
        raise CheckpointError(
            f"{path} is damaged: {wrong} in it doesn't have the bytes that were written.",
            hint="Copy or download it again.",
        )
    if program:
        raise CheckpointError(
            f"{path} was refused and not executed: it is a TorchScript program.",
            hint=SAVE_STATE_DICT.format(path.stem),
        )


def _refuse_other_files(path: Path) -> None:
    """Torch would unpickle whatever it is, and complain of an opcode."""
    with path.open("rb") as file:
        first = file.read(2)
    if first == b"PK":
        raise CheckpointError(
            f"{path} cannot be read as a PyTorch checkpoint: it is truncated, and the table at its end is missing.",
            hint="Copy or download it again.",
        )
    if first[:1] != PICKLE:
        raise CheckpointError(
            f"{path} is no PyTorch checkpoint: it begins like neither of the two formats that torch.save writes.",
            hint="Check the path: give a file that torch.save wrote.",
        )


def _select(content: object, path: Path, *, ema: bool) -> Selected:
    """The state_dict that is asked for, what is to be said of it, and the names of the classes."""
    torch = require("torch")
    if isinstance(content, Mapping):
        found = [key for key in (*NESTED, *AVERAGES) if _is_state_dict(content.get(key))]
        averages = [key for key in found if key in AVERAGES]
        if found:
            key = averages[0] if ema and averages else found[0]
            tensors, notes, labels = _select(content[key], path, ema=ema)
            return tensors, (*_said(key, averages), *notes), labels or _labels(content)
        # `n_averaged` is the counter of torch.optim.swa_utils.AveragedModel.
        tensors = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor) and k != "n_averaged"}
        if any(one.ndim for one in tensors.values()):
            return tensors, (), _labels(content)
        held_in = [key for key, value in content.items() if _is_state_dict(value)]
        if len(held_in) > 1:
            raise CheckpointError(
                f"{path} holds tensors under {quote_some(map(str, held_in))}, and nothing says which of them is the "
                "network.",
                hint=f"Save one of them alone: torch.save(torch.load({path.name!r})[{held_in[0]!r}], 'plain.pth').",
            )
        if held_in:
            tensors, notes, labels = _select(content[held_in[0]], path, ema=ema)
            return tensors, (f"its tensors stand under {str(held_in[0])!r}", *notes), labels or _labels(content)
    held = f"the keys {quote_some(map(str, content))}" if isinstance(content, Mapping) and content else "nothing"
    held = held if isinstance(content, Mapping) else f"an object of type {type(content).__name__}"
    raise CheckpointError(
        f"{path} holds {held}, but no tensors by name.",
        hint=f"Save model.state_dict() bare or under one of {', '.join(map(repr, NESTED))}.",
    )


def _is_state_dict(value: object) -> bool:
    """Whether it holds tensors by name, directly or one level below."""
    torch = require("torch")
    held = list(value.values()) if isinstance(value, Mapping) else []
    inside = [inner for entry in held if isinstance(entry, Mapping) for inner in entry.values()]
    return any(isinstance(one, torch.Tensor) for one in (*held, *inside))


def _said(key: str, averages: list[str]) -> tuple[str, ...]:
    """Which of several state_dicts was taken."""
    if key in averages:
        return (f"of its state_dicts {key!r}, a moving average, was taken",)
    if averages:
        return (f"of its state_dicts {key!r} was taken, and not the moving average {averages[0]!r} (--ema)",)
    return ()


def _labels(content: Mapping[Any, Any]) -> tuple[str, ...] | None:
    holders = (content, content.get("meta"), content.get("hyper_parameters"))
    for holder in (one for one in holders if isinstance(one, Mapping)):
        for key in LABELS:
            value = holder.get(key)
            if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
                return tuple(value)
    return None


def _as_array(tensor: Tensor) -> NDArray[Any]:
    torch = require("torch")
    tensor = tensor.detach()
    array: NDArray[Any] = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array


def _reason(error: pickle.UnpicklingError) -> str:
    """Which function or class it asks for, out of torch's long text."""
    text = " ".join(str(error).split())
    if match := re.search(r"GLOBAL (\S+)", text):
        return f"it is no plain state_dict, but asks for {match[1]}"
    match = re.search(r"WeightsUnpickler error: (.{1,120}?)(?:\. |, |$| Check the documentation)", text)
    return f"it is damaged, or no plain state_dict ({match[1] if match else text[:120]})"
