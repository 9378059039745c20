"""What frameworks say while they trace: kept from the user's terminal, or told as the reason of a failure."""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence

from resnet_export.error_text import error_text, unlogged
from resnet_export.errors import InputError

NOISE = re.compile(
    r"\x1b\[\d*m"  # Keras writes bold letters
    r"|\{\{[^}]*\}\} ?"  # TensorFlow names the node
    r"|^Exception encountered when calling .*$",  # Keras gives the reason below
    re.MULTILINE,
)
"""What surrounds the words of a reason."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without warnings, log messages and prints: of deprecated functions, missing libraries, graphs that failed."""
    said = io.StringIO()
    with unlogged(), warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        warnings.simplefilter("ignore")
        yield


def does_not_run(model: object, image: Sequence[int], error: BaseException, method: str) -> InputError:
    """The refusal of a model that fails on images of (channels, height, width); `method` is what takes them."""
    return InputError(
        f"The model {type(model).__name__} does not run on images of {' x '.join(map(str, image))}: {reason(error)}.",
        hint="Give it the images that it was made for: their size with image_size (--image-size), "
        f"and a model whose {method} takes the images alone.",
    )


def reason(error: BaseException) -> str:
    """The kind of an error and its first line, to stand before a full stop: `ValueError: there are two inputs`."""
    kind, said = type(error).__name__, error_text(NOISE.sub("", str(error)))
    return kind if not str(error).strip() else f"{kind}: {said}"
