"""Runtimes by name, with their options, as users write them."""

from __future__ import annotations

import pytest

from resnet_export import runtimes
from resnet_export.errors import UsageError
from resnet_export.runtimes import choose


def test_every_runtime_of_the_table_is_one() -> None:
    for name in runtimes.RUNTIMES:
        runtime = runtimes.find(name)
        assert runtime.options() == runtime.options(), "its options all have defaults"
        assert callable(runtime.check)
        assert callable(runtime.open)


def test_options_are_read_by_their_types() -> None:
    choice = choose("ort:cuda, device_id=1,use_tf32=yes,cudnn_conv_algo_search=HEURISTIC")
    assert choice.name == "ort:cuda"
    assert choice.label == "ort:cuda, device_id=1,use_tf32=yes,cudnn_conv_algo_search=HEURISTIC"
    assert choice.options.precision == "tf32"
    assert choice.options.provider_options == {
        "device_id": "1",
        "use_tf32": "1",
        "cudnn_conv_algo_search": "HEURISTIC",
    }
    assert choose("ort:cpu,threads=2,optimization=disabled").options.threads == 2


def test_allowing_the_fallback_reaches_the_runtimes_that_know_of_it() -> None:
    assert choose("ort:cuda", allow_fallback=True).options.allow_fallback is True
    assert not hasattr(choose("ort:cpu", allow_fallback=True).options, "allow_fallback")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("ort:gpu", "There is no runtime 'ort:gpu'.", "Did you mean ort:cpu? Known are ort:cpu, "),
        ("ort:cpu,treads=2", "ort:cpu has no option 'treads'.", "Did you mean threads? It has: threads, optimization."),
        ("ort:cpu,threads", "'threads' in 'ort:cpu,threads' is no option.", "Write ort:cpu,option=value."),
        ("ort:cpu,threads=two", "ort:cpu,threads=two is not a whole number.", "Write a whole number behind"),
        ("ort:cpu,threads=1,threads=2", "'ort:cpu,threads=1,threads=2' gives threads twice.", "Leave out one of them."),
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
        choose(text)
    assert caught.value.message == message
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)
