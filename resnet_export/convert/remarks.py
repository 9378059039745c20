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


def does_not_run(
    model: object, image: Sequence[int], error: BaseException, method: str, *, alone: bool = False
) -> InputError:
    """The refusal of a model that fails on images of (channels, height, width).

    Args:
        model: the model.
        image: what it was given.
        error: what it raised.
        method: what takes the images.
        alone: whether it was a single one, and several went well before.
    """
    hint = (
        "Give it the images that it was made for: their size with image_size (--image-size), "
        f"and a model whose {method} takes the images alone."
    )
    if alone:
        hint = (
            "It runs on several: a squeeze() without a dimension takes the axis of a single image away. Name its axis."
        )
    if "CUDA" in str(error):
        hint = f"Its {method} asks for a GPU: put tensors on the device of the images, and not on .cuda()."
    return InputError(
        f"The model {type(model).__name__} does not run on {'a single image' if alone else 'images'} of "
        f"{' x '.join(map(str, image))}: {reason(error)}.",
        hint=hint,
    )


def reason(error: BaseException) -> str:
    """The kind of an error and its first line, to stand before a full stop: `ValueError: there are two inputs`."""
    kind, said = type(error).__name__, error_text(NOISE.sub("", str(error)))
    return kind if not str(error).strip() else f"{kind}: {said}"
