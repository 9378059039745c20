"""Runtimes by name, with their options, as users write them."""

from __future__ import annotations

import pickle
import sys

import pytest

from resnet_export import runtimes
from resnet_export.errors import UsageError
from resnet_export.runtimes import parse_runtime


def test_every_runtime_of_the_table_is_one() -> None:
    for name in runtimes.RUNTIMES:
        runtime = runtimes.find(name)
        assert runtime.options() == runtime.options(), "its options all have defaults"
        assert callable(runtime.probe)
        assert callable(runtime.open)


def test_options_are_read_by_their_types() -> None:
    spec = parse_runtime("ort:cuda, device_id=1,use_tf32=yes,cudnn_conv_algo_search=HEURISTIC")
    assert spec.name == "ort:cuda"
    assert str(spec) == "ort:cuda,device_id=1,use_tf32=true,cudnn_conv_algo_search=HEURISTIC"
    assert spec.options.precision == "tf32"
    assert spec.options.provider_options == {
        "device_id": "1",
        "use_tf32": "1",
        "cudnn_conv_algo_search": "HEURISTIC",
    }
    assert parse_runtime("ort:cpu,threads=2,optimization=disabled").options.threads == 2


def test_allowing_the_fallback_reaches_the_runtimes_that_know_of_it() -> None:
    assert parse_runtime("ort:cuda").with_fallback(True).options.allow_fallback is True
    assert not hasattr(parse_runtime("ort:cpu").with_fallback(True).options, "allow_fallback")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("ort:gpu", "There is no runtime 'ort:gpu'.", "Did you mean ort:cpu? Known are ort:cpu, "),
        (
            "ort:cpu,treads=2",
            "ort:cpu has no option 'treads'.",
            "Did you mean threads? It has: threads, optimization, x64quantprecision.",
        ),
        ("ort:cpu,threads", "'threads' is no option of ort:cpu.", "Write ort:cpu,option=value."),
        ("ort:cpu,threads=two", "ort:cpu,threads=two is not a whole number.", "Write a whole number behind"),
        ("ort:cpu,threads=1,threads=2", "ort:cpu is given threads twice.", "Leave out one of them."),
        ("ort:cpu,threads=0", "ort:cpu,threads=0 is below 1.", "Give a whole number from 1."),
        ("ort:cuda,device_id=-1", "ort:cuda,device_id=-1 is below 0.", "Give a whole number from 0."),
        ("ort:cuda,use_tf32=perhaps", "ort:cuda,use_tf32=perhaps is not true or false.", "Write true or false"),
        ("ort:cpu,optimization=O3", "ort:cpu,optimization=O3 is none of its values.", "Choose one of all, extended, "),
        ("reference,threads=2", "reference has no option 'threads'.", "It has: none."),
        ("synthetic,error=big", "synthetic,error=big is not a number.", "Write a number behind synthetic,error=."),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_runtime(text)
    assert caught.value.message == message
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


SPECS = [
    ("ort:cpu", "ort:cpu"),
    ("ort:cpu,optimization=all,threads=2", "ort:cpu,threads=2"),
    ("ort:cuda,prefer_nhwc=no,allow_fallback=1", "ort:cuda,allow_fallback=true,prefer_nhwc=false"),
    ("synthetic,latency_ms=5,error=0.0125,inside=ort:cpu", "synthetic,error=0.0125,latency_ms=5,inside=ort:cpu"),
    ("tract", "tract"),
]


@pytest.mark.parametrize(("text", "canonical"), SPECS)
def test_a_spec_is_a_value_with_one_text(text: str, canonical: str) -> None:
    spec = parse_runtime(text)
    assert str(spec) == canonical
    assert spec == parse_runtime(canonical) == pickle.loads(pickle.dumps(spec))
    assert len({spec, parse_runtime(canonical)}) == 1


def test_threads() -> None:
    spec = parse_runtime("openvino,precision=bfloat16")
    assert (spec.takes_threads, spec.threads) == (True, None)
    assert str(spec.with_threads(2)) == "openvino,threads=2,precision=bfloat16"
    assert spec.with_threads(2).threads == 2
    fixed = parse_runtime("tract")
    assert (fixed.takes_threads, fixed.threads) == (False, None)
    with pytest.raises(UsageError, match=r"tract has no choice of threads\."):
        fixed.with_threads(2)


def test_those_of_onnx_runtime_are_known() -> None:
    assert [name for name in runtimes.RUNTIMES if parse_runtime(name).is_onnxruntime] == [
        "ort:cpu", "ort:cuda", "ort:tensorrt", "ort:openvino", "ort:webgpu",
    ]  # fmt: skip


def test_loading_imports_the_library_that_it_names() -> None:
    parse_runtime("ort:cpu").load()
    assert "onnxruntime" in sys.modules
    parse_runtime("reference").load()
    assert parse_runtime("reference").probe().startswith("onnx ")
