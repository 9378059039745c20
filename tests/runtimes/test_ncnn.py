from __future__ import annotations

import importlib.util
import re
import sys
from typing import TYPE_CHECKING

import pytest

from resnet_export.errors import MissingDependencyError, ModelError, RuntimeFailedError
from resnet_export.runtimes import find, open_session
from resnet_export.runtimes.ncnn import NcnnOptions, NcnnSession

from .agreement import ROUNDING, differences, images_for

if TYPE_CHECKING:
    from pathlib import Path


REFUSED = {
    "uint8": "it takes uint8 images, and ncnn float32 only",
    "nhwc uint8": "it takes uint8 images, and ncnn float32 only",
    "batch of 4": "it takes 4 images a run, and ncnn one",
    "any size": "it leaves the size of its images open, and pnnx needs it",
}


def test_every_variant_is_right_or_refused(variant: Path) -> None:
    if variant.stem in REFUSED:
        with pytest.raises(ModelError, match=f"ncnn cannot load {variant.name}: {REFUSED[variant.stem]}"):
            open_session("ncnn", variant)
    else:
        assert max(differences("ncnn", variant, (1, 1))) < ROUNDING


def test_other_networks(other_network: Path) -> None:
    assert max(differences("ncnn", other_network, (1, 1))) < ROUNDING


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
    for ask in (find("ncnn").check, lambda: open_session("ncnn", plain)):
        with pytest.raises(MissingDependencyError, match="pnnx is not installed") as caught:
            ask()
        assert caught.value.hint == "Install it with: pip install --no-deps pnnx"


def test_a_bad_file(bad_file: Path) -> None:
    with pytest.raises(ModelError, match=r"ncnn cannot load bad\.onnx: \w.{10,200}\.\n") as caught:
        open_session("ncnn", bad_file)
    assert caught.value.message.endswith(".")


def test_check() -> None:
    assert re.fullmatch(r"ncnn [\d.]+ with pnnx \d+, CPU", find("ncnn").check())


def test_not_installed(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ncnn", None)
    for ask in (find("ncnn").check, lambda: open_session("ncnn", plain)):
        with pytest.raises(MissingDependencyError) as caught:
            ask()
        assert caught.value.hint == 'Install it with: pip install "resnet-export[ncnn]"'
