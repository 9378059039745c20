from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from resnet_export.errors import MissingDependencyError, ModelError, RuntimeFailedError
from resnet_export.runtimes import find, open_session
from resnet_export.runtimes.ncnn import NcnnOptions, NcnnSession

from .agreement import differences, images_for

if TYPE_CHECKING:
    from pathlib import Path


def test_one_image_a_run(plain: Path) -> None:
    with open_session("ncnn", plain) as session:
        assert session.batches == (1,)
        with pytest.raises(RuntimeFailedError, match="ncnn takes one image a run, not 2"):
            session.run(images_for(plain, 2))


def test_float16(plain: Path) -> None:
    with open_session("ncnn,precision=float16", plain) as session:
        assert session.precision == "float16"
    assert 2**-14 < max(differences("ncnn,precision=float16", plain, (1,))) < 2**-7  # around its 2^-11


def test_threads(plain: Path) -> None:
    with NcnnSession(plain, NcnnOptions(threads=1)) as session:
        assert session._net.opt.num_threads == 1


def test_a_layer_that_ncnn_lacks(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ncnn

    monkeypatch.setattr(ncnn, "layer_to_index", lambda kind: -1 if kind in ("Convolution", "Pooling") else 0)
    with pytest.raises(ModelError, match=r"ncnn cannot load plain\.onnx: it has no layer Convolution, Pooling"):
        open_session("ncnn", plain)


def test_a_converter_that_writes_something_else(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NcnnSession, "run", lambda self, images: images[:, 0, 0])
    with pytest.raises(ModelError, match=r"what pnnx made of it gives an output of \(1, 32\)"):
        open_session("ncnn", plain)


def test_without_its_converter(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pnnx" else find_spec(name))
    for ask in (find("ncnn").probe, lambda: open_session("ncnn", plain)):
        with pytest.raises(MissingDependencyError, match="pnnx is not installed") as caught:
            ask()
        assert caught.value.hint == "Install it with: pip install --no-deps pnnx"
