"""`PeaksWorker`: what this machine can do at most.

    multiply-adds of a product of two square matrices = side^3        bytes of a copy = 2 * size

A peak is a maximum: the fastest of many short runs counts.
"""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from resnet_export.bench.roofline import Peaks

SIDE = 384
"""Side of one thread's matrices: they fit into its own cache, and a product takes a millisecond, less than the time
slice of another process. Larger ones reached less."""
SIDE_STEP = 128
"""Sides are multiples of it, as kernels work in tiles."""
GPU_SIDE = 8192
"""A GPU's start of a kernel takes microseconds, which this makes vanish; 268 MB in float32."""
GPU_BYTES = 1 << 30
"""Bytes of the array that a GPU copies: far beyond its cache."""
BEYOND_CACHE = 4
"""Times the last-level cache is what is copied, as STREAM has it (J. D. McCalpin, 1995)."""
LEAST_COPY = 64 << 20
"""Bytes that are copied at least."""
MOST_COPY = 512 << 20
"""Bytes that are copied at most: a larger cache is shared with other machines, and to fill arrays takes time."""
MEMORY_SHARE = 8
"""A copy and its source take this part of the memory at most, each."""
LEAST_RUNS = 3


class PeaksWorker:
    """The process in which the peaks are measured."""

    def __init__(self, report: Callable[[Any], None]) -> None:
        pass

    def measure_cpu(self, threads: int, seconds: float, cache_bytes: int, memory_bytes: int, has_int8: bool) -> Peaks:
        """The peaks of the CPU with so many threads, in so many seconds."""
        slot = seconds / (4 if has_int8 else 3)
        side = SIDE_STEP * round(SIDE / SIDE_STEP * math.sqrt(threads))
        generator = np.random.default_rng(0)
        left, right = (generator.random((side, side), dtype=np.float32) for _ in range(2))
        product = np.empty_like(left)
        found = {
            "NumPy's BLAS": side**3 / best(lambda: np.matmul(left, right, out=product), slot),
            "ONNX Runtime's MatMul": side**3 / best(product_on_cpu("MatMul", left, right, threads), slot),
        }
        how = max(found, key=lambda name: found[name])
        rates, ways = {"float32": found[how]}, {"float32": how, "memory": "NumPy's copy"}
        if has_int8:
            activations = generator.integers(0, 256, (side, side), dtype=np.uint8)
            weights = generator.integers(-127, 128, (side, side), dtype=np.int8)
            rates["int8"] = side**3 / best(product_on_cpu("MatMulInteger", activations, weights, threads), slot)
            ways["int8"] = "ONNX Runtime's MatMulInteger"
        beyond = max(BEYOND_CACHE * cache_bytes, LEAST_COPY)
        memory_rate = copy_rate(min(beyond, MOST_COPY, memory_bytes // MEMORY_SHARE), threads, slot)
        return Peaks("cpu", threads, rates, ways, memory_rate, cache_bytes)

    def measure_gpu(self, threads: int, seconds: float, cache_bytes: int) -> Peaks:
        """The peaks of the first CUDA device, through ONNX Runtime with everything bound to the device."""
        slot = seconds / 4
        rates = {}
        for precision, dtype in (("float32", np.float32), ("tf32", np.float32), ("float16", np.float16)):
            matrix = np.ones((GPU_SIDE, GPU_SIDE), dtype)
            run = on_gpu("MatMul", matrix, matrix, tf32=precision == "tf32")
            rates[precision] = GPU_SIDE**3 / best(run, slot)
        array = np.ones(GPU_BYTES // 4, np.float32)
        fastest = best(on_gpu("Neg", array), slot)
        ways = {**dict.fromkeys(rates, "ONNX Runtime's MatMul"), "memory": "ONNX Runtime's Neg"}
        return Peaks("cuda", threads, rates, ways, 2 * array.nbytes / fastest, cache_bytes)


def best(run: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest run, after one that warms up."""
    run()
    fastest, runs, end = math.inf, 0, time.perf_counter() + seconds
    while runs < LEAST_RUNS or time.perf_counter() < end:
        begin = time.perf_counter()
        run()
        fastest = min(fastest, time.perf_counter() - begin)
        runs += 1
    return fastest


def copy_rate(size: int, threads: int, seconds: float) -> float:
    """Bytes a second, read and written, that the threads copy together; `size` bytes among them."""
    pieces = [(np.ones(size // threads, np.uint8), np.empty(size // threads, np.uint8)) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        # NumPy lets go of the interpreter's lock while it copies.
        fastest = best(lambda: list(pool.map(lambda piece: np.copyto(piece[1], piece[0]), pieces)), seconds)
    return 2 * (size // threads) * threads / fastest


def product_on_cpu(op: str, left: NDArray[Any], right: NDArray[Any], threads: int) -> Callable[[], object]:
    """A product in ONNX Runtime; the right matrix is a constant, as weights are."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Its idle threads would spin beside what is measured next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    model = _model(op, left, right)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"a": left})


def on_gpu(op: str, left: NDArray[Any], *constants: NDArray[Any], tf32: bool = False) -> Callable[[], Any]:
    """An operator in ONNX Runtime's CUDA provider, its input and output bound to the device."""
    import onnxruntime

    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    provider = ("CUDAExecutionProvider", {"use_tf32": str(int(tf32))})
    session = onnxruntime.InferenceSession(_model(op, left, *constants), providers=[provider])
    if "CUDAExecutionProvider" not in session.get_providers():
        raise RuntimeError("ONNX Runtime's CUDA provider could not be loaded")
    binding = session.io_binding()
    binding.bind_ortvalue_input("a", onnxruntime.OrtValue.ortvalue_from_numpy(left, "cuda", 0))
    binding.bind_output("y", "cuda", 0)

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run


def _model(op: str, left: NDArray[Any], *constants: NDArray[Any]) -> bytes:
    """A model of one node; its first input is given, a second is a constant, and the result has the first's shape."""
    dtype = helper.np_dtype_to_tensor_dtype(left.dtype)
    result = TensorProto.INT32 if op == "MatMulInteger" else dtype
    graph = helper.make_graph(
        [helper.make_node(op, ["a", "b"][: 1 + len(constants)], ["y"])],
        "peak",
        [helper.make_tensor_value_info("a", dtype, left.shape)],
        [helper.make_tensor_value_info("y", result, left.shape)],
        [numpy_helper.from_array(array, "b") for array in constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
