from __future__ import annotations

import itertools
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from resnet_export.errors import CheckpointError, UnavailableError
from resnet_export.models import keras as keras_definition
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.formats import FORMATS, read_contents
from resnet_export.weights.formats import numpy as numpy_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# Keras 3.15 reads TensorFlow variables through an __array__ that lacks NumPy 2's `copy`.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning:keras\.src\.backend\.tensorflow"
)

WRITTEN_HERE = [".pth", ".pt", ".safetensors", ".npz"]
TITLES = {
    ".pth": "PyTorch",
    ".pt": "PyTorch",
    ".safetensors": "safetensors",
    ".keras": "Keras 3",
    ".weights.h5": "Keras 3",
    ".npz": "NumPy",
}


def save(weights: Weights, path: Path) -> None:
    """Writes in any format; those of Keras through Keras."""
    if path.name.endswith(tuple(WRITTEN_HERE)):
        weights.save(path)
        return
    model = keras_definition.build(weights.spec)
    keras_definition.load(model, weights)
    (model.save if path.suffix == ".keras" else model.save_weights)(path)


def bits(weights: Weights) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in weights.items()}


def refused(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        read_contents(path)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory, weights: Weights) -> dict[str, bytes]:
    """Suffix -> content of a good file."""
    folder = tmp_path_factory.mktemp("samples")
    for suffix in FORMATS:
        save(weights, folder / f"m{suffix}")
    return {suffix: (folder / f"m{suffix}").read_bytes() for suffix in FORMATS}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("kind", ["weights", "deep"])
def test_round_trip_keeps_every_bit(tmp_path: Path, suffix: str, kind: str, request: pytest.FixtureRequest) -> None:
    weights: Weights = request.getfixturevalue(kind)
    path = tmp_path / f"m{suffix}"
    save(weights, path)
    loaded = Weights.load(path, image_size=32)
    assert loaded.spec == weights.spec
    assert bits(loaded) == bits(weights)
    assert loaded.digest == weights.digest


TINIEST = ResNetSpec(depth=18, width=1, num_classes=2, image_size=8, stem="cifar")
FINITE = st.integers(0, 2**32 - 1).filter(lambda pattern: pattern >> 23 & 0xFF != 0xFF)
"""Bit patterns of float32 that are numbers: signed zeros and subnormals among them."""


@st.composite
def any_weights(draw: st.DrawFn) -> Weights:
    tensors: dict[str, NDArray[np.float32]] = {}
    for name, shape in TINIEST.parameters.items():
        patterns = draw(arrays(np.uint32, shape, elements=FINITE, fill=FINITE))
        tensors[name] = (patterns & 0x7FFFFFFF if "running_var" in name else patterns).view(np.float32)
    return Weights(TINIEST, tensors)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(weights=any_weights())
def test_round_trip_keeps_any_bit_pattern(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, weights: Weights
) -> None:
    path = tmp_path_factory.mktemp("any") / f"m{suffix}"
    weights.save(path)
    assert bits(Weights.load(path)) == bits(weights)


def test_a_text_that_is_called_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_text("hello")
    with pytest.raises(CheckpointError) as caught:
        read_contents(path)
    assert caught.value.message == (
        f"{path} is no PyTorch checkpoint: it begins like neither of the two formats that torch.save writes."
    )
    assert caught.value.hint


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files(tmp_path: Path, samples: dict[str, bytes], suffix: str, share: float) -> None:
    content = samples[suffix]
    path = tmp_path / f"m{suffix}"
    path.write_bytes(content[: int(share * len(content))])
    assert TITLES[suffix] in refused(path).message


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("seed", range(3))
def test_random_bytes(tmp_path: Path, suffix: str, seed: int) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(np.random.default_rng(seed).bytes(5000))
    refused(path)


@pytest.mark.parametrize(
    ("suffix", "other"), [pair for pair in itertools.product(FORMATS, repeat=2) if TITLES[pair[0]] != TITLES[pair[1]]]
)
def test_a_format_under_the_name_of_another(
    tmp_path: Path, samples: dict[str, bytes], weights: Weights, suffix: str, other: str
) -> None:
    """The first bytes tell the format, whatever the name is."""
    path = tmp_path / f"m{suffix}"
    path.write_bytes(samples[other])
    assert Weights.load(path).digest == weights.digest


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "resnet18.pth").touch()
    message = refused(tmp_path / "resnet81.pth").message
    assert message == f"There is no file {tmp_path / 'resnet81.pth'}; there is 'resnet18.pth'."


def test_a_missing_folder(tmp_path: Path) -> None:
    message = refused(tmp_path / "nowhere" / "m.pth").message
    assert message == f"There is no file {tmp_path / 'nowhere' / 'm.pth'}, nor the folder."


def test_a_folder(tmp_path: Path) -> None:
    assert refused(tmp_path).message == f"{tmp_path} is a folder without a checkpoint."
    for name in ("a.pth", "b.ckpt"):
        (tmp_path / name).touch()
    assert refused(tmp_path).message == (
        f"{tmp_path} is a folder with several checkpoints; it holds 'a.pth', 'b.ckpt'."
    )


def test_an_unknown_suffix(tmp_path: Path, weights: Weights) -> None:
    (tmp_path / "m.ckpt").write_text("not a checkpoint")
    assert "it begins like no format that is known" in refused(tmp_path / "m.ckpt").message
    assert "torch.save" in str(refused(tmp_path / "m.ckpt").hint)
    with pytest.raises(CheckpointError, match="has no suffix of a known checkpoint format"):
        weights.save(tmp_path / "n.h5")
    assert not (tmp_path / "n.h5").exists()


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path, *, ema: bool) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(numpy_file, "read", deny)  # to root, who may run the tests, nothing is denied
    (tmp_path / "m.npz").touch()
    assert refused(tmp_path / "m.npz").message == f"{tmp_path / 'm.npz'} may not be read."


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_prefixes_of_wrappers(tmp_path: Path, weights: Weights, prefix: str) -> None:
    np.savez(tmp_path / "m.npz", **{prefix + name: array for name, array in weights.items()})
    assert Weights.load(tmp_path / "m.npz").digest == weights.digest


def test_a_tensor_twice_after_unwrapping(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", **{"fc.bias": np.zeros(1), "module.fc.bias": np.zeros(1)})
    message = refused(tmp_path / "m.npz").message
    assert "holds 'fc.bias' twice: as 'fc.bias' and as 'module.fc.bias'" in message


@pytest.mark.parametrize("suffix", WRITTEN_HERE)
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, weights: Weights, suffix: str) -> None:
    path = tmp_path / f"m{suffix}"
    resource = pytest.importorskip("resource")  # not on Windows
    path.write_bytes(b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(UnavailableError, match=r"cannot be written: .*Nothing was changed") as caught:
            weights.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.exit_code == 5
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_framework_is_named_with_its_pip_line(tmp_path: Path, samples: dict[str, bytes]) -> None:
    (tmp_path / "m.pth").write_bytes(samples[".pth"])
    code = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "keras", "tensorflow"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
from resnet_export.errors import MissingDependencyError
from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights

for use in (Weights.load, Weights.initial(ResNetSpec(width=8)).save):
    try:
        use(sys.argv[1])
    except MissingDependencyError as error:
        assert error.exit_code == 4
        assert error.hint == 'Install it with: pip install "resnet-export[torch]"', error.hint
    else:
        raise AssertionError(use)
"""
    subprocess.run([sys.executable, "-c", code, tmp_path / "m.pth"], check=True)
