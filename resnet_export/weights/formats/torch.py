"""PyTorch checkpoints, `.pth` and `.pt`: never anything but tensors is loaded from them."""

from __future__ import annotations

import io
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from resnet_export.errors import CheckpointError, quote_some
from resnet_export.optional import require
from resnet_export.weights.naming import Tensors
from resnet_export.weights.naming.torch import state_dict

if TYPE_CHECKING:
    from torch import Tensor


TITLE = "a PyTorch checkpoint"

PICKLE = b"\x80"
"""First byte of a pickle since protocol 2, which the older of torch's formats begins with."""

NESTED = ("state_dict", "model_state_dict", "model", "ema", "module")
"""Where training scripts keep the state_dict in a checkpoint, in the order in which they are looked for."""

SAVE_STATE_DICT = (
    'If you trust it, load it where it was written and save the tensors alone: torch.save(model.state_dict(), "{}").'
)


def read(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a state_dict, bare or inside a checkpoint; bfloat16 is widened to float32, which is exact.

    Raises:
        CheckpointError: it would execute code, is a whole pickled model, or has no tensors.
        MissingDependencyError: torch is not installed.
    """
    torch = require("torch")
    # The older of torch's two formats is not a zip archive, and cannot be mapped into memory.
    mapped = zipfile.is_zipfile(path)
    if not mapped:
        _refuse_other_files(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice on pickle protocols is for who writes the file
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} was refused and not executed: {_reason(error)}.", hint=SAVE_STATE_DICT.format(path.name)
        ) from error
    except RuntimeError as error:
        if "TorchScript" not in str(error):
            raise
        raise CheckpointError(
            f"{path} was refused and not executed: it is a TorchScript program.", hint=SAVE_STATE_DICT.format(path.name)
        ) from error
    return {name: _as_array(tensor) for name, tensor in _find_tensors(content, path).items()}


def _refuse_other_files(path: Path) -> None:
    """Torch would unpickle whatever it is, and complain of an opcode."""
    with path.open("rb") as file:
        if file.read(1) != PICKLE:
            raise CheckpointError(
                f"{path} is no PyTorch checkpoint: it begins like neither of the two formats that torch.save writes.",
                hint="Check the path, or give it the suffix of its real format.",
            )


def write(path: Path, weights: Tensors) -> None:
    """Writes a bare state_dict as torchvision's models save it.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    torch = require("torch")
    file = io.BytesIO()  # torch hides the operating system's reason when it cannot write
    torch.save({name: torch.tensor(array) for name, array in state_dict(weights).items()}, file)
    path.write_bytes(file.getbuffer())


def _find_tensors(content: object, path: Path) -> dict[str, Tensor]:
    torch = require("torch")
    if isinstance(content, Mapping):
        for key in NESTED:
            if isinstance(content.get(key), Mapping):
                return _find_tensors(content[key], path)
        # `n_averaged` is the counter of torch.optim.swa_utils.AveragedModel.
        tensors = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor) and k != "n_averaged"}
        if tensors:
            return tensors
    found = f"the keys {quote_some(map(str, content))}" if isinstance(content, Mapping) and content else "nothing"
    found = found if isinstance(content, Mapping) else f"an object of type {type(content).__name__}"
    raise CheckpointError(
        f"{path} holds {found}, but no tensors by name.",
        hint=f"Save model.state_dict() bare or under one of {', '.join(map(repr, NESTED))}.",
    )


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
