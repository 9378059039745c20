"""Files of whole Keras models: loaded where all is Keras's own, refused before Keras sees them where it is not."""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from resnet_export import export, live, sources
from resnet_export.errors import CheckpointError, MissingDependencyError, UnavailableError
from resnet_export.live import files
from tests.live.running import images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUFFIXES = [".keras", pytest.param(".h5", marks=pytest.mark.filterwarnings("ignore:.*legacy:UserWarning"))]


def model(*between: keras.Layer) -> keras.Model:
    return keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(4, 3), *between, layers.GlobalAveragePooling2D(), layers.Dense(5)]
    )


@keras.saving.register_keras_serializable("tests")
class Own(layers.Layer):
    def call(self, x: Any) -> Any:
        return x


def own_loss(expected: Any, found: Any) -> Any:
    return keras.ops.sum(expected - found)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every file that Keras is given; it loads none of them."""
    given: list[object] = []

    def load_model(path: object, **_: object) -> None:
        given.append(path)

    monkeypatch.setattr(keras.saving, "load_model", load_model)
    return given


class TestWhichFilesAreWholeModels:
    def test_by_suffix_and_content(self, tmp_path: Path) -> None:
        network = model()
        for name in ("whole.keras", "whole.h5", "only.weights.h5"):
            network.save(tmp_path / name) if "whole" in name else network.save_weights(tmp_path / name)
        shutil.copy(tmp_path / "only.weights.h5", tmp_path / "weights.h5")
        (tmp_path / "text.h5").write_text("no HDF5")
        found = {path.name: files.is_whole_model(path) for path in tmp_path.iterdir()}
        assert found == {
            "whole.keras": True,
            "whole.h5": True,
            "only.weights.h5": False,
            "weights.h5": False,
            "text.h5": False,
        }
        assert not files.is_whole_model(tmp_path / "missing.h5")
        assert not files.is_whole_model("net.pth")


@pytest.mark.parametrize("suffix", SUFFIXES)
class TestLoad:
    def test_a_model_with_its_numbers(self, suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        network = model(layers.BatchNormalization(), layers.RandomFlip())
        network.compile("adam", loss=own_loss)  # it is not loaded
        path = tmp_path / f"net{suffix}"
        network.save(path)
        capfd.readouterr()
        found = files.load(path)
        assert capfd.readouterr() == ("", "")
        assert not found.compiled
        assert np.array_equal(live.of(found).run(images()), live.of(network).run(images()))

    @pytest.mark.parametrize(
        ("layer", "named"),
        [
            (lambda: layers.Lambda(lambda x: 2 * x, output_shape=(6, 6, 4)), "Lambda"),
            (Own, "Own"),
            (lambda: layers.TimeDistributed(Own()), "Own"),
        ],
        ids=["Lambda", "own class", "own class inside another layer"],
    )
    def test_code_is_refused_before_keras_sees_it(
        self, suffix: str, layer: Callable[[], keras.Layer], named: str, tmp_path: Path, loaded: list[object]
    ) -> None:
        path = tmp_path / f"net{suffix}"
        model(layer()).save(path)
        with pytest.raises(CheckpointError) as caught:
            files.load(path)
        assert loaded == []
        assert caught.value.message.startswith(f"{path} was refused and not loaded: it asks for code")
        assert f"{named}'" in caught.value.message
        assert caught.value.hint == (
            "If you trust it, load it where it was written and pass the live model, "
            'resnet_export.export(model, "file.onnx"), or name a function that loads it: --model module:function.'
        )
        assert caught.value.exit_code == 3

    def test_an_old_keras(
        self, suffix: str, tmp_path: Path, loaded: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / f"net{suffix}"
        model().save(path)
        for version, refused in (("3.11.3", True), ("2.15.0", True), ("3.12.0rc1", False), ("4.0", False)):
            monkeypatch.setattr(keras, "__version__", version)
            if refused:
                with pytest.raises(MissingDependencyError) as caught:
                    files.load(path)
                assert caught.value.message.startswith(f"Keras {version} is installed")
                assert caught.value.hint == 'Upgrade it with: pip install --upgrade "keras>=3.12"'
                assert loaded == []
            else:
                files.load(path)
                assert loaded.pop() == path

    def test_another_backend(
        self, suffix: str, tmp_path: Path, loaded: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model().save(tmp_path / f"net{suffix}")
        monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
        with pytest.raises(UnavailableError, match="Keras runs on its torch backend here"):
            files.load(tmp_path / f"net{suffix}")
        assert loaded == []

    def test_no_file(self, suffix: str, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="There is no file"):
            files.load(tmp_path / f"net{suffix}")

    def test_another_format(self, suffix: str, tmp_path: Path, loaded: list[object]) -> None:
        path = tmp_path / f"net{suffix}"
        path.write_text("no model")
        with pytest.raises(CheckpointError, match="cannot be read as the file of a Keras model"):
            files.load(path)
        assert loaded == []


def archive(path: Path, config: object, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", config if isinstance(config, bytes) else json.dumps(config))
        for name, content in entries.items():
            file.writestr(name, content)
    return path


class TestHandmadeArchives:
    @pytest.mark.parametrize(
        ("config", "named"),
        [
            ({"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda"}]}}, "Lambda"),
            ({"module": "os", "class_name": "function", "config": "system"}, "os.function"),
            ({"module": "kerasevil", "class_name": "A"}, "kerasevil.A"),
            ({"module": "keras.layers", "class_name": "TFSMLayer"}, "keras.layers.TFSMLayer"),
            (
                {"module": "keras", "class_name": "Model", "build_config": {"module": "shutil", "class_name": "x"}},
                "shutil.x",
            ),
            ([{"module": "keras", "class_name": "Model", "compile_config": {"module": "a", "class_name": "b"}}], "a.b"),
        ],
    )
    def test_what_is_code(self, config: object, named: str, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=f"not Keras's own, '{named}'"):
            files.refuse_code(archive(tmp_path / "net.keras", config))

    @pytest.mark.parametrize("config", [b"{", b"\xff", b"[" * 100_000], ids=["half", "no text", "deep"])
    def test_no_configuration(self, config: bytes, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="cannot be read as the file of a Keras model"):
            files.refuse_code(archive(tmp_path / "net.keras", config))

    def test_a_bomb(self, tmp_path: Path) -> None:
        path = archive(tmp_path / "net.keras", {"class_name": "Model"}, weights=bytes(1 << 24))
        with pytest.raises(CheckpointError, match=r"it would unpack from \d+ to 167772\d\d bytes"):
            files.refuse_code(path)

    def test_an_archive_of_something_else(self, tmp_path: Path) -> None:
        path = tmp_path / "net.keras"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("photo.jpg", b"")
        with pytest.raises(CheckpointError, match=r"There is no item named 'config\.json'"):
            files.refuse_code(path)

    def test_keras_own_reason(self, tmp_path: Path) -> None:
        path = archive(tmp_path / "net.keras", {"module": "keras.layers", "class_name": "Nothing", "config": {}})
        with pytest.raises(CheckpointError, match=r"Keras can't load .*net\.keras: \w+: "):
            files.load(path)


def test_an_h5_of_keras_2(tmp_path: Path) -> None:
    """It names no modules; a class that Keras 3 doesn't know is refused by Keras itself."""
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        config = {"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "Own2", "config": {}}]}}
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(CheckpointError, match=r"Keras can't load .*Own2"):
        files.load(path)


def test_a_whole_model_that_only_keras_could_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a known ResNet the tensors' names say all; of another network nothing does."""
    model().save(tmp_path / "mine.keras")
    monkeypatch.setattr(sources, "is_installed", lambda name: False)
    with pytest.raises(MissingDependencyError, match=r"mine\.keras is a whole Keras model") as caught:
        export(tmp_path / "mine.keras", tmp_path / "mine.onnx")
    assert caught.value.hint == 'Install it with: pip install "resnet-export[keras]"'
