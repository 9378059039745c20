from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from training import cifar
from training.augmentation import Augmentation, batches
from training.data import load, moments

from resnet_export.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)


def test_without_fashion_mnist_the_error_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no train-images") as caught:
        load("fashion-mnist", tmp_path, None)
    assert "apt-get install dataset-fashion-mnist" in str(caught.value.hint)
    assert "--data-folder" in str(caught.value.hint)


def batch(labels: list[int]) -> bytes:
    data = np.arange(len(labels) * 3072, dtype=np.int64).astype(np.uint8).reshape(len(labels), 3072)
    return pickle.dumps({b"data": data, b"labels": labels}, protocol=2)


def archive() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as file:
        for name in (*cifar.PARTS, cifar.TEST):
            entry = tarfile.TarInfo(f"{cifar.FOLDER}/{name}")
            entry.size = len(batch([1, 9]))
            file.addfile(entry, io.BytesIO(batch([1, 9])))
    return content.getvalue()


ARCHIVE = archive()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(ARCHIVE)))
            self.end_headers()
            self.wfile.write(ARCHIVE)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv(cifar.URL_VARIABLE, f"http://127.0.0.1:{server.server_port}/cifar-10-python.tar.gz")
        monkeypatch.setenv("RESNET_EXPORT_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("site")
def test_cifar_is_downloaded_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar, "SHA256", hashlib.sha256(ARCHIVE).hexdigest())
    data = load("cifar10", None, None)
    assert data.images.shape == (10, 32, 32, 3)
    assert data.test_labels.tolist() == [1, 9]
    assert data.images[0, 0, 1].tolist() == [
        1,
        1,
        1,
    ]  # 1, 1025 and 2049 as bytes: planes of 1024


@pytest.mark.usefixtures("site")
def test_an_archive_with_another_hash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not the file that was published") as caught:
        load("cifar10", None, None)
    assert "--data-folder" in str(caught.value.hint)
    assert list((tmp_path / "cache").iterdir()) == []


def test_cifar_in_the_cache_of_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "datasets" / "cifar-10-batches-py-target" / cifar.FOLDER
    place.mkdir(parents=True)
    for name in (*cifar.PARTS, cifar.TEST):
        (place / name).write_bytes(batch([3]))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert load("cifar10", None, None).labels.tolist() == [3] * 5


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harm",)


def test_a_pickle_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (*cifar.PARTS, cifar.TEST):
        (tmp_path / name).write_bytes(pickle.dumps(Harm()))
    with pytest.raises(InputError, match="was not executed"):
        load("cifar10", tmp_path, None)
    assert not (tmp_path / "harm").exists()


def test_class_folders(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(5):
            Image.new("RGB", (20, 12), (40 * number, 0, 0)).save(tmp_path / name / f"{number}.png")
    data = load(str(tmp_path), None, 16)
    assert data.classes == ("cat", "dog")
    assert data.images.shape == (8, 16, 16, 3)
    assert data.test_labels.tolist() == [0, 1]


def test_a_folder_with_one_class(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    with pytest.raises(InputError, match="has one class, cat"):
        load(str(tmp_path), None, None)


def test_a_name_that_is_unknown() -> None:
    with pytest.raises(UsageError, match="no data set and no folder fashion") as caught:
        load("fashion-mist", None, None)
    assert "Did you mean fashion-mnist?" in str(caught.value.hint)


def test_the_moments_are_those_of_numpy() -> None:
    mean, std = moments(IMAGES)
    assert mean == (round(float((IMAGES / 255).mean()), 4),)
    assert std == (round(float((IMAGES / 255).std()), 4),)


def test_a_picture_is_changed_alike_in_any_batch() -> None:
    augmentation = Augmentation(flip=True, padding=2)
    whole = augmentation(IMAGES, np.arange(6), seed=1, epoch=3)
    assert np.array_equal(augmentation(IMAGES, np.array([4, 2]), seed=1, epoch=3), whole[[4, 2]])
    assert not np.array_equal(augmentation(IMAGES, np.arange(6), seed=1, epoch=4), whole)


def test_a_crop_is_a_piece_of_the_padded_picture() -> None:
    changed = Augmentation(padding=1)(IMAGES, np.arange(6), seed=0, epoch=0)
    for before, after in zip(IMAGES, changed, strict=True):
        padded = np.pad(before, ((1, 1), (1, 1), (0, 0)))
        assert any(
            np.array_equal(padded[down : down + 8, across : across + 8], after)
            for down in range(3)
            for across in range(3)
        )


def test_an_epoch_has_each_picture_once() -> None:
    picked = batches(10, 4, seed=0, epoch=0)
    assert [len(one) for one in picked] == [4, 4]
    assert len({*np.concatenate(picked)}) == 8
