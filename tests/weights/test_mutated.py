"""Checkpoints that were changed at random: each is read as what is in it, or refused with a message; nothing is run."""

from __future__ import annotations

import argparse
import datetime
import pathlib
from collections import OrderedDict, defaultdict
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from resnet_export import export
from resnet_export.errors import ResNetExportError
from resnet_export.sources import load
from resnet_export.spec import ResNetSpec
from resnet_export.weights.formats.torch import AVERAGES, NESTED
from resnet_export.weights.initial import trained_like
from resnet_export.weights.naming.torch import COUNTER, state_dict

from .formats.test_torch import Malicious

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from resnet_export.sources import Trained

    State = dict[str, NDArray[Any]]
    Edit = Callable[[Random, State], None]

SIZE = 32
SPECS = (
    ResNetSpec(18, width=8, num_classes=10, image_size=SIZE, stem="cifar"),
    ResNetSpec(50, width=4, num_classes=10, image_size=SIZE),
)
SEEDS = (3, 17, 256)
"""What longer searches found; mended."""


def plain(random: Random) -> State:
    return dict(state_dict(trained_like(random.choice(SPECS), random.randrange(100))))


def of_cifar(random: Random) -> State:
    return {
        name.replace("fc.", "linear.").replace("downsample", "shortcut"): one for name, one in plain(random).items()
    }


def of_fastai(random: Random) -> State:
    """With its head."""
    state = plain(random)
    features, classes = state.pop("fc.weight").shape[1], len(state.pop("fc.bias"))
    names = {"conv1": "0.0", "bn1": "0.1"} | {f"layer{stage}": f"0.{stage + 3}" for stage in range(1, 5)}
    found = {f"{names[name.partition('.')[0]]}.{name.partition('.')[2]}": one for name, one in state.items()}
    for place, size in ((2, 2 * features), (6, 16)):
        roles = ("weight", "bias", "running_mean", "running_var")
        found |= {f"1.{place}.{role}": np.full(size, 1.5, np.float32) for role in roles}
    found["1.4.weight"] = np.full((16, 2 * features), 0.1, np.float32)
    return found | {"1.8.weight": np.full((classes, 16), 0.1, np.float32)}


def of_moco(random: Random) -> State:
    query = plain(random)
    head = {f"fc.{place}.{role}": query[f"fc.{role}"] for place in (0, 2) for role in ("weight", "bias")}
    body = {name: one for name, one in query.items() if not name.startswith("fc.")} | head
    return {f"module.encoder_{which}.{name}": one for which in "qk" for name, one in body.items()}


BASES = (plain, plain, plain, of_cifar, of_fastai, of_moco)


def some(random: Random, state: State) -> str:
    return random.choice([name for name in state if not name.endswith(COUNTER)])


def drop(random: Random, state: State) -> None:
    del state[some(random, state)]


def drop_a_layer(random: Random, state: State) -> None:
    start = some(random, state).rpartition(".")[0]
    for name in [name for name in state if name.startswith(start)]:
        if len(state) > 1:
            del state[name]


def rename(random: Random, state: State) -> None:
    name = some(random, state)
    at = random.randrange(len(name))
    state[name[:at] + random.choice("0129.wx") + name[at + 1 :]] = state.pop(name)


def swap(random: Random, state: State) -> None:
    one, other = some(random, state), some(random, state)
    state[one], state[other] = state[other], state[one]


def put_before(random: Random, state: State) -> None:
    """A prefix: of all, or of some."""
    prefix = random.choice(["module.", "model.", "ema.", "_orig_mod.", "a.b.c.", ".", "0.", "layer1."])
    names = list(state) if random.random() < 0.7 else [some(random, state)]
    for name in names:
        state[prefix + name] = state.pop(name)


def twice(random: Random, state: State) -> None:
    prefix = random.choice(["module.", "ema_model.", "teacher.", "aux."])
    state.update({prefix + name: one for name, one in state.items() if random.random() < 0.9})


def surplus(random: Random, state: State) -> None:
    name = random.choice(["fc2.weight", "layer1.0.conv4.weight", "layer5.0.conv1.weight", "loss.weight", "", "weight"])
    state[name] = np.ones(random.choice([(), (3,), (8, 8), (8, 8, 1, 1)]), np.float32)


def other_shape(random: Random, state: State) -> None:
    name = some(random, state)
    one = state[name]
    match random.randrange(5):
        case 0:
            state[name] = one.T
        case 1:
            state[name] = one[..., None]
        case 2:
            state[name] = one.reshape(-1)
        case 3:
            state[name] = one[:0]
        case _:
            state[name] = np.concatenate([one, one]) if one.ndim else one


def other_width(random: Random, state: State) -> None:
    """Half of the channels, in every tensor that has so many."""
    sizes = [size for one in state.values() for size in one.shape if size > 3]
    if sizes:
        size = random.choice(sizes)
        for name, one in state.items():
            state[name] = one[tuple(slice(size // 2) if length == size else slice(None) for length in one.shape)]


def other_type(random: Random, state: State) -> None:
    names = list(state) if random.random() < 0.3 else [some(random, state)]
    kind = random.choice(["float16", "float64", "int8", "int64", "bool", "uint8", "complex64"])
    for name in names:
        with np.errstate(all="ignore"):
            state[name] = state[name].astype(kind)


def other_numbers(random: Random, state: State) -> None:
    name = some(random, state)
    state[name] = np.full_like(state[name], random.choice([np.nan, np.inf, -1.0, 1e30, 0.0, 1e-40]), dtype=np.float32)


def another_role(random: Random, state: State) -> None:
    name = some(random, state)
    layer = name.rpartition(".")[0]
    state[f"{layer}.{random.choice(['gamma', 'scale', 'weight', 'bias', 'running_var', 'weight_orig'])}"] = state.pop(
        name
    )


def another_order(random: Random, state: State) -> None:
    names = list(state)
    random.shuffle(names)
    for name in names:
        state[name] = state.pop(name)


EDITS: tuple[Edit, ...] = (
    drop, drop_a_layer, rename, swap, put_before, twice, surplus, other_shape, other_width, other_type, other_numbers,
    another_role, another_order,
)  # fmt: skip


def content_of(random: Random, state: State, folder: Path) -> Any:
    """What torch.save is given: the tensors, and around them what scripts keep there."""
    tensors: Any = {name: torch.from_numpy(np.ascontiguousarray(one)) for name, one in state.items()}
    if random.random() < 0.2:
        tensors = OrderedDict(tensors)
    if random.random() < 0.1:
        name = random.choice(list(tensors))
        kind = random.choice([torch.bfloat16, torch.float8_e4m3fn])
        tensors[name] = tensors[name].to(kind) if tensors[name].is_floating_point() else tensors[name].to_sparse()
    if random.random() < 0.2:
        tensors[random.choice([1, None, "optimizer", ("a", 1)])] = random.choice([1, None, "text", [1, 2], {"a": 1}])
    for _ in range(random.choice([0, 0, 1, 1, 2])):
        things = {
            "args": argparse.Namespace(lr=0.1), "path": pathlib.PurePosixPath("/x"), "best": np.float64(0.7),
            "epoch": 3, "when": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), "stats": defaultdict(list, a=[1]),
            "classes": random.choice([["cat"] * 10, ["cat"], [1, 2], "cat", None]), "hook": Malicious(folder / "run"),
        }  # fmt: skip
        kept = {name: thing for name, thing in things.items() if random.random() < 0.4}
        tensors = {random.choice([*NESTED, *AVERAGES, "mine"]): tensors, **kept}
    return [tensors] if random.random() < 0.02 else tensors


def written(random: Random, state: State, folder: Path) -> Path:
    """The tensors in one of the formats; the name may say another one."""
    form = random.choice(["torch", "torch", "legacy", "safetensors", "npz"])
    suffix = {"torch": ".pth", "legacy": ".tar", "safetensors": ".safetensors", "npz": ".npz"}[form]
    path = folder / f"m{suffix if random.random() < 0.8 else random.choice(['.bin', '', '.pth', '.npz', '.ckpt'])}"
    if form == "safetensors" and not any(one.dtype.kind == "c" for one in state.values()):
        save_file({name: np.ascontiguousarray(one) for name, one in state.items()}, path)
    elif form == "npz" and "" not in state:
        with path.open("wb") as file:
            np.savez(file, **state)  # type: ignore[arg-type]
    else:
        torch.save(content_of(random, state, folder), path, _use_new_zipfile_serialization=form != "legacy")
    return path


def of(seed: int, folder: Path) -> tuple[Path, State]:
    """A changed checkpoint, and the tensors in it."""
    random = Random(seed)
    state = random.choice(BASES)(random)
    for _ in range(random.randint(0, 3)):
        random.choice(EDITS)(random, state)
        if not state or all(name.endswith(COUNTER) for name in state):
            break
    return written(random, state, folder), state


def damaged(seed: int, folder: Path) -> Path:
    """A checkpoint with other bytes in it."""
    random = Random(seed)
    path = written(random, random.choice(BASES)(random), folder)
    content = bytearray(path.read_bytes())
    for _ in range(random.randint(1, 4)):
        at = random.randrange(max(1, min(len(content), random.choice([64, 2000, len(content)]))))
        at = at if random.random() < 0.8 else max(0, len(content) - at - 1)  # a zip archive has its table at its end
        match random.randrange(4):
            case 0:
                content[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                del content[at : at + random.randint(1, 20)]
            case 2:
                content[at:at] = random.randbytes(random.randint(1, 20))
            case _:
                del content[at:]
    path.write_bytes(content)
    return path


def keys_of(array: NDArray[Any]) -> tuple[Any, ...]:
    """Shape and bytes: equal only for equal numbers."""
    return array.shape, np.ascontiguousarray(array).tobytes()


def in_float32(array: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(all="ignore"):
        return array.astype(np.float32)


def assert_right(trained: Trained, state: State) -> None:
    """Each number of the network stands in the checkpoint, and each tensor of the checkpoint in the network, or is said
    to be left out."""
    tensors = {name: one for name, one in state.items() if not name.endswith(COUNTER)}
    there = {keys_of(in_float32(one)) for one in tensors.values()}
    there |= {keys_of(in_float32(torch.from_numpy(np.ascontiguousarray(one)).bfloat16().float().numpy()))
              for one in tensors.values() if one.dtype.kind == "f"}  # fmt: skip
    taken = {keys_of(np.asarray(one)) for one in trained.numbers.values()}
    assert taken <= there
    assert all(np.isfinite(one).all() for one in trained.numbers.values())
    assert all(one.min() >= 0 for name, one in trained.numbers.items() if name.endswith("running_var"))
    if trained.headless is None and "left out" not in trained.origin:
        assert len(trained.numbers) == len(tensors)


def outcome(path: Path, state: State | None, *, exported: bool = False) -> str:
    """What becomes of a checkpoint: `read`, or the kind of its refusal, which comes with a hint."""
    refusal: ResNetExportError | None = None
    try:
        trained = load(path, image_size=SIZE)
        if state is not None:
            assert_right(trained, state)
        if exported:
            assert export(path, path.parent / "net.onnx", image_size=SIZE, force=True).passed
    except ResNetExportError as error:
        refusal = error
    assert not (path.parent / "run").exists(), "what a pickle asks for was run"
    assert refusal is None or refusal.hint
    return "read" if refusal is None else type(refusal).__name__


def tensors_in(path: Path) -> State | None:
    """What the format's own library reads; None where it doesn't."""
    try:
        if path.read_bytes()[8:9] == b"{":
            return load_file(path)
        found = torch.load(path, weights_only=True)
        return {name: one.numpy() for name, one in found.items()}
    except (SafetensorError, Exception):  # whatever the bytes lead a library to
        return None


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_changed_checkpoints(tmp_path: Path) -> None:
    outcomes = set()
    for seed in (*range(60), *SEEDS):
        outcomes.add(outcome(*of(seed, tmp_path)))
    assert {"read", "CheckpointError"} <= outcomes


@pytest.mark.filterwarnings("ignore")
def test_damaged_checkpoints(tmp_path: Path) -> None:
    outcomes = set()
    for seed in range(60):
        path = damaged(seed, tmp_path)
        outcomes.add(outcome(path, tensors_in(path)))
    assert {"read", "CheckpointError"} <= outcomes


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@settings(derandomize=True, max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), broken=st.booleans())
def test_a_thousand_checkpoints(seed: int, broken: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One in fifty of those that are read is exported too. The same thousand in every run."""
    folder = tmp_path_factory.mktemp("mutated")
    path, state = (damaged(seed, folder), None) if broken else of(seed, folder)
    outcome(path, state if state is not None else tensors_in(path), exported=seed % 50 == 0)
    for one in folder.iterdir():
        one.unlink()
