"""The checkpoints that torchvision publishes: their names, and a download that can be interrupted and resumed."""

import os
from collections.abc import Mapping
from pathlib import Path

from resnet_export.errors import UnavailableError, UsageError
from resnet_export.files import CACHE_VARIABLE, cache_folder
from resnet_export.weights.download import download

FILES: Mapping[tuple[int, str], str] = {
    (18, "IMAGENET1K_V1"): "resnet18-f37072fd.pth",
    (34, "IMAGENET1K_V1"): "resnet34-b627a593.pth",
    (50, "IMAGENET1K_V1"): "resnet50-0676ba61.pth",
    (50, "IMAGENET1K_V2"): "resnet50-11ad3fa6.pth",
    (101, "IMAGENET1K_V1"): "resnet101-63fe2227.pth",
    (101, "IMAGENET1K_V2"): "resnet101-cd907fc2.pth",
    (152, "IMAGENET1K_V1"): "resnet152-394f9c45.pth",
    (152, "IMAGENET1K_V2"): "resnet152-f82ba261.pth",
}
"""(depth, name) -> file; the eight digits are the start of its SHA-256.

Source: https://github.com/pytorch/vision/blob/main/torchvision/models/resnet.py
"""

RESIZE: Mapping[str, int] = {"IMAGENET1K_V1": 256, "IMAGENET1K_V2": 232}
"""Name -> pixels of the shorter side after resizing, before the crop to 224; bilinear, same source."""

BASE_URL = "https://download.pytorch.org/models/"
URL_VARIABLE = "RESNET_EXPORT_WEIGHTS_URL"


def fetch(name: str, depth: int) -> Path:
    """The published checkpoint `IMAGENET1K_V1` or `IMAGENET1K_V2` as a file of the cache, downloaded at the first call.

    An interrupted download leaves a `.part` file, from which the next call goes on. Environment variables:
    `RESNET_EXPORT_WEIGHTS_URL` (where the files lie), `RESNET_EXPORT_CACHE` (where they are kept).

    Raises:
        UsageError: there is none of that name for that depth.
        CheckpointError: it cannot be downloaded, or is not the file that was published.
        UnavailableError: the cache cannot be written.
    """
    if (depth, name) not in FILES:
        names = [known for known_depth, known in FILES if known_depth == depth]
        choose = f"Choose {' or '.join(names)}, or give" if names else "Give"
        raise UsageError(
            f"No weights {name!r} are published for ResNet-{depth}.",
            hint=f"{choose} a file with --weights FILE.",
        )
    file = FILES[depth, name]
    digits = file.rpartition("-")[2].partition(".")[0]
    url = f"{os.environ.get(URL_VARIABLE, BASE_URL).rstrip('/')}/{file}"
    otherwise = "Get the file another way and give it with --weights FILE."
    try:
        return download(url, cache_folder() / file, digits, otherwise=otherwise)
    except UnavailableError as error:
        hint = f"Free some space, or name another folder with {CACHE_VARIABLE}."
        raise UnavailableError(error.message, hint=hint) from error
