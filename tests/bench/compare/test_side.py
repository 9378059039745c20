"""Reading the sides of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resnet_export.bench.compare.side import read_sides
from resnet_export.errors import ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_what_b_leaves_out_is_a_s(net: Path) -> None:
    a, b = read_sides(f"model={net},runtime=ort:cpu,optimization=basic,threads=2,batch=3", "optimization=extended")
    assert (a.runtime, b.runtime) == ("ort:cpu,optimization=basic", "ort:cpu,optimization=extended")
    assert {(side.model.path, side.threads, side.batch) for side in (a, b)} == {(str(net), 2, 3)}


def test_a_file_with_a_comma_in_its_name(net: Path, tmp_path: Path) -> None:
    path = tmp_path / "a,b.onnx"
    path.write_bytes(net.read_bytes())
    a, b = read_sides(f"model={path}, threads=2", "threads=1")
    assert [(side.model.path, side.threads) for side in (a, b)] == [(str(path), 2), (str(path), 1)]


def test_options_are_inherited_by_the_same_runtime_only(net: Path) -> None:
    a, b = read_sides(f"model={net},optimization=basic,threads=2,batch=3", "runtime=synthetic,latency_ms=1")
    assert a.runtime == "ort:cpu,optimization=basic"
    assert (b.runtime, b.batch) == ("synthetic,latency_ms=1", 3)
    assert (a.threads, b.threads) == (2, None), "the synthetic runtime has no choice of threads"


def test_the_batch_is_the_file_s_own_where_it_has_one(make_net: Callable[..., Path]) -> None:
    a, b = read_sides(f"model={make_net(4)}", "threads=1")
    assert (a.batch, b.batch) == (4, 4)


def test_every_key(net: Path) -> None:
    a, _ = read_sides(f"model={net},runtime=ort:cpu,batch=2,threads=1,io=device,allow_fallback=true", "batch=1")
    assert (a.io, a.allow_fallback) == ("device", True)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("runtime=ort:cpu", "batch=1", r"A names no model\.\nWrite model=FILE"),
        ("NET", "batch=1", r"'net.onnx' is no option of A\.\nWrite key=value with commas"),
        ("model=NET", "", r"'' is no option of B\."),
        ("model=NET", "batch=", r"'batch=' is no option of B\."),
        (
            "modle=NET,model=NET",
            "batch=1",
            r"A has no key 'modle'\.\nDid you mean model\? With ort:cpu there are model, ",
        ),
        ("model=NET", "thread=2", r"B has no key 'thread'\.\nDid you mean threads\?"),
        ("model=NET", "optimisation=basic", r"B has no key 'optimisation'\.\nDid you mean optimization\?"),
        ("model=NET,batch=1,batch=2", "batch=1", r"A is given batch twice\."),
        ("model=NET", "batch=0", r"B has an invalid value: Expected `int` >= 1 - at `\$\.batch`\."),
        ("model=NET", "threads=two", r"B has an invalid value: Expected `int \| null`, got `str` - at `\$\.threads`\."),
        ("model=NET", "io=gpu", r"B has an invalid value: Invalid enum value 'gpu' - at `\$\.io`\."),
        (
            "model=NET",
            "allow_fallback=perhaps",
            r"B has an invalid value: Expected `bool`, got `str` - at `\$\.allow_fallback`\.",
        ),
        ("model=NET", "runtime=sinthetic", r"There is no runtime 'sinthetic'\.\nDid you mean synthetic\?"),
        ("model=NET", "runtime=synthetic,threads=2", r"synthetic has no choice of threads\."),
        ("model=NET", "optimization=much", r"ort:cpu,optimization=much is none of its values\."),
    ],
)
def test_invalid_sides(
    a: str, b: str, message: str, net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(net.parent)
    with pytest.raises(UsageError, match=message):
        read_sides(a.replace("NET", "net.onnx"), b)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ModelError, match=r"There is no file no\.onnx"):
        read_sides("model=no.onnx", "batch=1")


def test_a_batch_that_the_file_forbids(make_net: Callable[..., Path]) -> None:
    with pytest.raises(ModelError, match="takes batches of 4 only, and batch 2 was asked for"):
        read_sides(f"model={make_net(4)}", "batch=2")
