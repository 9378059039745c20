from __future__ import annotations

import argparse
import contextlib
import io
import os
import pickle
import pickletools
import re
import tracemalloc
import warnings
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from resnet_export.errors import CheckpointError
from resnet_export.models.torch import ResNet
from resnet_export.weights import Weights
from resnet_export.weights.formats import read_contents

if TYPE_CHECKING:
    from resnet_export.spec import ResNetSpec


class Malicious:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return io.open, (str(self.path), "w")


def tensors_of(weights: Weights) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(array) for name, array in weights.items()}


def refused(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        Weights.load(path)
    assert caught.value.exit_code == 3
    return caught.value


def test_torch_loads_what_is_written(tmp_path: Path, tiny: ResNetSpec, weights: Weights) -> None:
    weights.save(tmp_path / "m.pth")
    model = ResNet(tiny)
    state = torch.load(tmp_path / "m.pth", weights_only=True)
    assert list(state) == list(model.state_dict())
    model.load_state_dict(state)
    for name, array in weights.items():
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), array)


def test_the_file_does_not_depend_on_its_name(tmp_path: Path, weights: Weights) -> None:
    weights.save(tmp_path / "a.pth")
    weights.save(tmp_path / "b.pt")
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pt").read_bytes()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_file_whose_name_is_no_utf_8_is_read(tmp_path: Path, weights: Weights, zipped: bool) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.pth")
    torch.save(tensors_of(weights), tmp_path / "m.pth", _use_new_zipfile_serialization=zipped)
    (tmp_path / "m.pth").rename(path)
    assert Weights.load(path).digest == weights.digest


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_what_torch_saves_is_read(tmp_path: Path, tiny: ResNetSpec, zipped: bool) -> None:
    model = ResNet(tiny)
    torch.save(model.state_dict(), tmp_path / "m.pth", _use_new_zipfile_serialization=zipped)
    weights = Weights.load(tmp_path / "m.pth", image_size=32)
    assert weights.spec == tiny
    for name, array in weights.items():
        np.testing.assert_array_equal(array, model.state_dict()[name].numpy())


@pytest.mark.parametrize(
    "keys",
    [
        ("state_dict",),
        ("model_state_dict",),
        ("model",),
        ("ema",),
        ("ema", "module"),
        ("model", "state_dict"),
        ("swa_state_dict",),
        ("state", "net"),
        ("my_resnet",),
    ],
    ids="/".join,
)
def test_state_dict_inside_a_checkpoint(tmp_path: Path, weights: Weights, keys: tuple[str, ...]) -> None:
    content: dict[str, Any] = tensors_of(weights)
    for key in reversed(keys):
        content = {"epoch": 3, "best": torch.tensor(0.5), "optimizer": {"lr": 0.1}, key: content}
    torch.save(content, tmp_path / "m.pth")
    assert Weights.load(tmp_path / "m.pth").digest == weights.digest


def test_several_state_dicts_by_unknown_names(
    tmp_path: Path, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tensors_of(weights)
    torch.save({"epoch": 3, "best_state": state, "last_state": state}, tmp_path / "m.pth")
    error = refused(tmp_path / "m.pth")
    assert (
        "holds tensors under 'best_state', 'last_state', and nothing says which of them is the network" in error.message
    )
    monkeypatch.chdir(tmp_path)
    exec(str(error.hint).partition(": ")[2].removesuffix("."), {"torch": torch})
    assert Weights.load("plain.pth").digest == weights.digest, "the hint works"


def test_averaged_model(tmp_path: Path, tiny: ResNetSpec) -> None:
    model = torch.optim.swa_utils.AveragedModel(ResNet(tiny))
    torch.save(model.state_dict(), tmp_path / "m.pth")
    assert Weights.load(tmp_path / "m.pth").keys() == tiny.parameters.keys()


def test_parameters_and_numbers_beside_tensors(tmp_path: Path, weights: Weights) -> None:
    content: dict[str, Any] = {name: torch.nn.Parameter(tensor) for name, tensor in tensors_of(weights).items()}
    torch.save(content | {"epoch": 3, "note": "best"}, tmp_path / "m.pth")
    assert Weights.load(tmp_path / "m.pth").digest == weights.digest


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_exactly(tmp_path: Path, weights: Weights, dtype: torch.dtype) -> None:
    half = {name: tensor.to(dtype) for name, tensor in tensors_of(weights).items()}
    torch.save(half, tmp_path / "m.pth")
    loaded = Weights.load(tmp_path / "m.pth")
    for name, tensor in half.items():
        np.testing.assert_array_equal(loaded[name].astype(np.float64), tensor.double().numpy())


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("by_torch", [True, False], ids=["torch.save", "pickle.dump"])
def test_code_in_a_pickle_is_not_executed(tmp_path: Path, by_torch: bool, protocol: int) -> None:
    trace = tmp_path / "executed"
    content = {"state_dict": Malicious(trace)}
    if by_torch:
        torch.save(content, tmp_path / "m.pth", pickle_protocol=protocol)
    else:
        (tmp_path / "m.pth").write_bytes(pickle.dumps(content, protocol=protocol))
    error = refused(tmp_path / "m.pth")
    assert not trace.exists()
    assert "refused and not executed" in error.message
    assert "torch.save(model.state_dict()" in str(error.hint)


OBJECTS: dict[str, Any] = {
    "a NumPy scalar": np.float64(91.2),
    "a Namespace": argparse.Namespace(lr=0.1, layers=[1, 2]),
    "a Path": Path("/data"),
    "a defaultdict": defaultdict(list, {"loss": [0.5]}),
    "a datetime": datetime(2026, 1, 2, tzinfo=UTC),
    "a set": {1, 2},
    "an enum": re.RegexFlag.DOTALL,
}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", OBJECTS)
def test_objects_beside_the_tensors_are_skipped(tmp_path: Path, weights: Weights, name: str, zipped: bool) -> None:
    content = {"epoch": 3, "state_dict": tensors_of(weights), "beside": OBJECTS[name]}
    torch.save(content, tmp_path / "m.ckpt", _use_new_zipfile_serialization=zipped)
    assert Weights.load(tmp_path / "m.ckpt").digest == weights.digest


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_code_beside_the_tensors_is_not_executed(tmp_path: Path, weights: Weights, zipped: bool) -> None:
    trace = tmp_path / "executed"
    content = {"state_dict": tensors_of(weights), "args": Malicious(trace)}
    torch.save(content, tmp_path / "m.pth", _use_new_zipfile_serialization=zipped)
    assert Weights.load(tmp_path / "m.pth").digest == weights.digest
    assert not trace.exists()


@pytest.mark.parametrize(("key", "average"), [("state_dict", "state_dict_ema"), ("model", "ema"), ("net", "model_ema")])
def test_which_of_two_state_dicts_is_taken(tmp_path: Path, weights: Weights, key: str, average: str) -> None:
    own = tensors_of(weights)
    torch.save({key: own, average: {name: 2 * tensor for name, tensor in own.items()}}, tmp_path / "m.pth")
    plain, averaged = (read_contents(tmp_path / "m.pth", ema=ema) for ema in (False, True))
    np.testing.assert_array_equal(averaged.tensors["conv1.weight"], 2 * plain.tensors["conv1.weight"])
    assert plain.notes == (f"of its state_dicts {key!r} was taken, and not the moving average {average!r} (--ema)",)
    assert averaged.notes == (f"of its state_dicts {average!r}, a moving average, was taken",)


def test_the_names_of_the_classes(tmp_path: Path, weights: Weights) -> None:
    torch.save({"state_dict": tensors_of(weights), "meta": {"categories": ["cat", "dog"]}}, tmp_path / "m.pth")
    assert read_contents(tmp_path / "m.pth").labels == ("cat", "dog")


@pytest.mark.filterwarnings("ignore:.*quantized tensor creation functions:UserWarning")
def test_quantised_tensors_are_called_that(tmp_path: Path) -> None:
    torch.save(
        {"conv1.weight": torch.quantize_per_tensor(torch.randn(8, 3, 3, 3), 0.1, 0, torch.qint8)}, tmp_path / "m.pth"
    )
    assert "holds quantised tensors ('conv1.weight')" in refused(tmp_path / "m.pth").message


def test_a_pickled_model_is_refused(tmp_path: Path, tiny: ResNetSpec) -> None:
    torch.save(ResNet(tiny), tmp_path / "m.pth")
    error = refused(tmp_path / "m.pth")
    assert "refused and not executed" in error.message
    assert "resnet_export.models.torch.ResNet" in error.message


def test_torchscript_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.", category=DeprecationWarning)
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / "m.pt")
    assert "it is a TorchScript program" in refused(tmp_path / "m.pt").message


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"epoch": 3, "lr": 0.1}, "the keys 'epoch', 'lr'"),
        ({"state_dict": {}}, "the keys 'state_dict'"),
        ([torch.ones(1)], "an object of type list"),
        (torch.ones(1), "an object of type Tensor"),
    ],
)
def test_no_tensors_by_name(tmp_path: Path, content: object, found: str) -> None:
    torch.save(content, tmp_path / "m.pth")
    error = refused(tmp_path / "m.pth")
    assert f"holds {found}, but no tensors by name" in error.message
    assert "'state_dict'" in str(error.hint)


LARGE = 64 << 20
"""Bytes; a file that claims more than that is a thousand times smaller."""


@pytest.mark.parametrize(
    "claim",
    [b"r" + (LARGE // 16).to_bytes(4, "little"), b"\x96" + LARGE.to_bytes(8, "little")],
    ids=["an index of the memo", "an array of bytes"],
)
def test_what_a_file_claims_takes_no_memory(tmp_path: Path, claim: bytes) -> None:
    file = io.BytesIO()
    torch.save({"a.weight": torch.zeros(2)}, file, _use_new_zipfile_serialization=False)
    file.seek(0)
    for _ in range(3):  # the format's number, its version, the sizes of C's types
        list(pickletools.genops(file))
    content = file.getvalue()
    start = content[: file.tell()] + b"\x80\x02cos\nsystem\n"
    path = tmp_path / "claims.tar"
    path.write_bytes(start + claim + content[file.tell() + 2 :])
    tracemalloc.start()
    with contextlib.suppress(CheckpointError):
        read_contents(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < LARGE // 4


def test_a_sparse_tensor_is_a_checkpoint_error(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.eye(2).to_sparse()}, tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match="cannot be read as a PyTorch checkpoint"):
        read_contents(tmp_path / "m.pth")


def test_another_byte_in_an_archive_is_found(tmp_path: Path, weights: Weights) -> None:
    """Torch looks at no checksum of what is mapped into memory."""
    weights.save(tmp_path / "m.pth")
    content = bytearray((tmp_path / "m.pth").read_bytes())
    content[content.index(weights["conv1.weight"].tobytes())] ^= 1
    (tmp_path / "m.pth").write_bytes(content)
    assert re.search(r"m\.pth is damaged: .*data/\d+ in it", refused(tmp_path / "m.pth").message)
