"""ONNX Runtime: where its nodes run, and what is said when a provider is not there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from resnet_export import runtimes
from resnet_export.errors import MissingDependencyError, ModelError, NotApplicableError, UnavailableError
from resnet_export.optional import installed
from resnet_export.runtimes import ort_providers, parse_runtime
from resnet_export.runtimes.ort import OrtSession, placement_of
from resnet_export.runtimes.ort_providers import CudaOptions, Provider
from resnet_export.runtimes.session import Placement

from .agreement import images_for

if TYPE_CHECKING:
    from pathlib import Path


def usable(name: str) -> bool:
    try:
        runtimes.find(name).probe()
    except (MissingDependencyError, UnavailableError):
        return False
    return True


without_cuda = pytest.mark.skipif(usable("ort:cuda"), reason="CUDA is here")
with_cuda = pytest.mark.skipif(
    not usable("ort:cuda"), reason="there is no CUDA device, or a library of CUDA is missing"
)
without_openvino = pytest.mark.skipif(usable("ort:openvino"), reason="Intel's hardware is here")


def test_every_node_is_counted(plain: Path) -> None:
    with parse_runtime("ort:cpu").open(plain) as session:
        assert session.placement() == Placement("CPU", {"CPUExecutionProvider": 49})


@pytest.mark.parametrize("optimization", ["all", "extended", "basic", "disabled"])
def test_every_optimisation_level_gives_the_same_network(plain: Path, optimization: str) -> None:
    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32), dtype=np.float32)
    with (
        parse_runtime("ort:cpu").open(plain) as usual,
        parse_runtime(f"ort:cpu,optimization={optimization}").open(plain) as other,
    ):
        expected = usual.run(images)
        np.testing.assert_allclose(other.run(images), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def session_with(*assigned: tuple[str, str]) -> Any:
    """What ONNX Runtime tells of (provider, operator)."""
    graphs = [
        SimpleNamespace(ep_name=provider, get_nodes=lambda op=op: [SimpleNamespace(op_type=op)])
        for provider, op in assigned
    ]
    return SimpleNamespace(get_provider_graph_assignment_info=lambda: graphs)


CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


def test_shape_arithmetic_may_stay_on_the_cpu() -> None:
    session = session_with((CUDA, "Conv"), (CPU, "Shape"), (CPU, "Gather"), (CUDA, "Gemm"))
    assert placement_of(session, CUDA, "GPU 0", allow_fallback=False) == Placement("GPU 0", {CUDA: 2, CPU: 2})


def test_other_nodes_elsewhere_are_an_error_that_counts_them() -> None:
    session = session_with((CUDA, "Conv"), (CPU, "MaxPool"), (CPU, "MaxPool"), (CPU, "Gemm"))
    with pytest.raises(UnavailableError) as caught:
        placement_of(session, CUDA, "GPU 0", allow_fallback=False)
    assert caught.value.message == (
        "3 of 4 nodes do not run on CUDAExecutionProvider: "
        "2 MaxPool on CPUExecutionProvider, 1 Gemm on CPUExecutionProvider."
    )
    assert caught.value.hint == "Go on all the same with --allow-fallback."
    found = placement_of(session, CUDA, "GPU 0", allow_fallback=True)
    assert (found.device, found.fallback) == ("GPU 0", caught.value.message.rstrip("."))


def test_without_any_node_there_the_device_is_the_cpu() -> None:
    assert placement_of(session_with((CPU, "Conv")), CUDA, "GPU 0", allow_fallback=True).device == "CPU"


@without_cuda
@pytest.mark.parametrize("name", ["ort:cuda", "ort:tensorrt"])
def test_a_missing_library_is_named_with_its_pip_line(name: str, plain: Path) -> None:
    for attempt in (runtimes.find(name).probe, lambda: parse_runtime(name).open(plain)):
        with pytest.raises(UnavailableError) as caught:
            attempt()
        assert caught.value.exit_code == 5
        assert "ExecutionProvider cannot be loaded: lib" in caught.value.message
        assert caught.value.hint is not None
        assert 'pip install "resnet-export[cuda]"' in caught.value.hint


@without_cuda
def test_a_fallback_that_was_allowed_says_that_the_cpu_ran_it(plain: Path) -> None:
    images = np.zeros((1, 3, 32, 32), np.float32)
    with (
        parse_runtime("ort:cuda").with_fallback(True).open(plain) as session,
        parse_runtime("ort:cpu").open(plain) as usual,
    ):
        placement = session.placement()
        assert placement.device == "CPU"
        assert placement.nodes == {CPU: 49}
        assert placement.fallback is not None
        assert placement.fallback.startswith("the CPU ran it: CUDAExecutionProvider cannot be loaded: lib")
        assert session.version == f"{installed('onnxruntime')}, {CPU}", "what really ran"
        assert session.run(images).tobytes() == usual.run(images).tobytes()


def test_a_recorded_graph_of_kernels_takes_one_caller_one_batch_and_no_array_of_the_host(plain: Path) -> None:
    """A provider that isn't the CPU's as far as the options go."""
    options = CudaOptions(enable_cuda_graph=True)
    one, two = (np.zeros((batch, 3, 32, 32), np.float32) for batch in (1, 2))
    with OrtSession(Provider(), plain, options) as session:
        with pytest.raises(NotApplicableError, match="replays kernels that read and write at fixed addresses"):
            session.run(one)
        assert session.takes_callers is False
        session.bind([one])
        assert session.batches == (1,)
        with pytest.raises(NotApplicableError, match="recorded its kernels for a batch of 1, and can't take 2"):
            session.bind([two])


@with_cuda
@pytest.mark.parametrize("text", ["ort:cuda", "ort:cuda,prefer_nhwc=true", "ort:cuda,use_tf32=true"])
def test_on_a_gpu(text: str, plain: Path) -> None:
    images = np.random.default_rng(0).standard_normal((7, 3, 32, 32), dtype=np.float32)
    with parse_runtime(text).open(plain) as session, parse_runtime("ort:cpu").open(plain) as usual:
        assert set(session.placement().nodes) == {CUDA}
        expected = usual.run(images)
        bound = 4e-3 if session.precision == "tf32" else 1e-5
        np.testing.assert_allclose(session.run(images), expected, rtol=0, atol=bound * np.abs(expected).max())


@without_cuda
def test_a_driver_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine whose GPU is hidden."""
    driver = SimpleNamespace(cuInit=lambda flags: 100, cuDeviceGetCount=lambda count: 0)
    monkeypatch.setattr(ort_providers.ctypes, "CDLL", lambda *names: driver)
    with pytest.raises(UnavailableError, match=r"finds no GPU: NVIDIA's driver answers with 0 devices \(code 100\)"):
        runtimes.find("ort:cuda").probe()


def test_a_distribution_without_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    with pytest.raises(MissingDependencyError) as caught:
        runtimes.find("ort:cuda").probe()
    assert caught.value.hint is not None
    assert "pip install onnxruntime-gpu" in caught.value.hint


@without_openvino
@pytest.mark.parametrize(("name", "devices"), [("ort:openvino", "Intel's CPUs, GPUs and NPUs"), ("ort:webgpu", "GPUs")])
def test_a_plugin_without_a_device_says_what_it_runs_on(name: str, devices: str) -> None:
    pytest.importorskip({"ort:openvino": "onnxruntime_ep_openvino", "ort:webgpu": "onnxruntime_ep_webgpu"}[name])
    if usable(name):
        pytest.skip(f"{name} has a device here")
    with pytest.raises(UnavailableError, match=f"offers no device here: it runs on {devices}"):
        runtimes.find(name).probe()


def test_a_plugin_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime_ep_webgpu", None)
    with pytest.raises(MissingDependencyError) as caught:
        runtimes.find("ort:webgpu").probe()
    assert caught.value.hint == "Install it with: pip install onnxruntime-ep-webgpu"


def test_what_it_cannot_load_is_told_in_its_own_words(bad_file: Path) -> None:
    with pytest.raises(ModelError, match=r"ONNX Runtime cannot load bad\.onnx: ") as caught:
        parse_runtime("ort:cpu").open(bad_file)
    assert "[ONNXRuntimeError]" not in caught.value.message


def test_values_in_between(variant: Path) -> None:
    images = images_for(variant, 2)
    with parse_runtime("ort:cpu").open(variant) as session:
        shown = session.values(images, ["conv1", "layer2.0.add", "no such value"])
    assert {name: value.shape for name, value in shown.items()} == {
        "conv1": (len(images), 8, 16, 16),
        "layer2.0.add": (len(images), 16, 4, 4),
    }
