"""What other packages say: of a failure one readable sentence, and no log that nobody asked for."""

import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from resnet_export.errors import ModelError, ResNetExportError, RuntimeFailedError

LONGEST = 200
"""Characters of a reason: about two lines of a terminal."""
NO_MEMORY = re.compile("bad_alloc|allocate memory|array is too big|maximum allowed dimension", re.IGNORECASE)
"""What native code says where memory does not suffice: ONNX Runtime's, and NumPy's of an array that no memory holds."""
BACKTRACE = re.compile(r"\n\s*Stack backtrace:.*", re.DOTALL)
CAUSES = re.compile(r"\n\s*Caused by:\s*\n")
WHERE = re.compile(
    r"Exception from \S+:\d+:?|Check '.*' failed at \S+|FrontEnd API failed with \w+:?"
    r"|Model wasn't fully converted\.?|Summary:"
)
"""OpenVINO's lines that say where, and not what."""
PLACE = re.compile(
    r"[: ]*/\S+\.(?:cc|h|cpp|hpp):\d+ [^()]*\((?:[^()]|\([^()]*\))*\)(?: const)?(?: \[with [^\]]*\])?:? *"
)
"""The place in the sources of ONNX Runtime, with the whole signature of the function."""
NOISE = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : "
    r"|OpenCV\([\d.]+\) .*?error: \(-?\d+:[^)]*\) ?|(^| )in function '[^']*'$|^> "
    r"|^-- "  # OpenVINO's lists
    r"|^ort CreateSession failed (\S+:\d+ .*&\) )?"  # pnnx
    r"|^\[[\d:]+\] .*?:\d+: "  # MNN's time and line
    r"|^\[ERROR\] "
)
"""What surrounds the words of a line."""
ORT_RUNS_IT = "ONNX Runtime runs it: --runtime ort:cpu, and in deploy --target ort."
"""The hint where a runtime takes fewer files."""


def error_text(error: BaseException | str) -> str:
    """The first line that says what is wrong, with its last cause, less places in the sources of the runtime."""
    first, *causes = CAUSES.split(BACKTRACE.sub("", str(error)).strip(), maxsplit=1)
    said = _first_line(first)
    if causes:
        said += ": " + _first_line(re.sub(r"^\d+: ", "", causes[0].strip().splitlines()[-1].strip()))
    if not said:
        return "it gives no reason" if isinstance(error, str) else type(error).__name__
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def cannot_load(runtime: str, path: Path, why: str) -> ModelError:
    """The error of a runtime that cannot load a file."""
    return ModelError(
        f"{runtime} cannot load {path.name}: {why}.",
        hint="Export the network again." if is_usual(runtime) else ORT_RUNS_IT,
    )


def is_usual(runtime: str) -> bool:
    """Whether it is the runtime that takes whatever any of them does, whatever its options are."""
    return runtime.partition(",")[0] == "ort:cpu"


def loading(runtime: str, path: Path) -> AbstractContextManager[None]:
    """Says that a runtime cannot load a file, with the runtime's own reason, where something goes wrong inside."""
    return _as_ours(partial(cannot_load, runtime, path))


def running(runtime: str) -> AbstractContextManager[None]:
    """Says that a runtime fails while it runs, with the runtime's own reason, where something goes wrong inside."""
    hint = "Look for the cause with: resnet-export verify FILE" if is_usual(runtime) else ORT_RUNS_IT
    return _as_ours(lambda why: RuntimeFailedError(f"{runtime} fails while it runs the network: {why}.", hint=hint))


@contextlib.contextmanager
def _as_ours(make: Callable[[str], ResNetExportError]) -> Iterator[None]:
    try:
        yield
    except ResNetExportError:
        raise
    except Exception as error:  # the exceptions of runtimes share no base class
        raise make(error_text(error)) from error


def _first_line(text: str) -> str:
    for line in text.splitlines():
        said = PLACE.sub(": ", NOISE.sub("", line.strip())).removeprefix(": ")
        said = NOISE.sub("", said).rstrip(". ")
        if said and not WHERE.fullmatch(said):
            return said
    return ""


@contextlib.contextmanager
def unlogged() -> Iterator[None]:
    """Without what other packages log meanwhile, errors among it."""
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(disabled)
