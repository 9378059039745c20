"""The checkpoints that torchvision publishes: their names, and a download that can be interrupted and resumed."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from resnet_export.errors import CheckpointError, UnavailableError, UsageError
from resnet_export.files import reported

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
CACHE_VARIABLE = "RESNET_EXPORT_CACHE"
TIMEOUT_S = 30.0
"""Seconds without an answer after which a download fails."""


def fetch(name: str, depth: int) -> Path:
    """The published checkpoint as a file of the cache, downloaded at the first call.

    An interrupted download leaves a `.part` file, from which the next call goes on. Environment variables:
    `RESNET_EXPORT_WEIGHTS_URL` (where the files lie), `RESNET_EXPORT_CACHE` (where they are kept).

    Args:
        name: `IMAGENET1K_V1` or `IMAGENET1K_V2`.
        depth: that of the network.

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
    path = cache_folder() / file
    part = path.with_name(f"{file}.part")
    url = f"{os.environ.get(URL_VARIABLE, BASE_URL).rstrip('/')}/{file}"
    with _explained(), reported(path):
        if _is_genuine(path, file):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _is_genuine(part, file):
            _download(url, part)
        if not _is_genuine(part, file):
            part.unlink(missing_ok=True)
            raise CheckpointError(
                f"{url} is not the file that was published: its SHA-256 does not start with the {_digits(file)} "
                "of its name. It was removed.",
                hint="Run it again; if that does not help, get the file another way and give it with --weights FILE.",
            )
        part.replace(path)
    return path


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Names the way to another cache, where this one can't be written."""
    try:
        yield
    except UnavailableError as error:
        raise UnavailableError(
            error.message, hint=f"Free some space, or name another folder with {CACHE_VARIABLE}."
        ) from error


def cache_folder() -> Path:
    """Where downloads are kept."""
    import platformdirs

    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("resnet-export", appauthor=False))


def _download(url: str, part: Path) -> None:
    """Appends to `part` what it lacks of `url`, with a progress bar where a person can see it."""
    import requests
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    hidden = not sys.stderr.isatty()
    with part.open("ab") as file, Progress(
        *columns, console=Console(stderr=True), transient=True, disable=hidden
    ) as progress:  # fmt: skip
        headers = {"Range": f"bytes={file.tell()}-", "Accept-Encoding": "identity"}
        try:
            with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
                response.raise_for_status()
                # 206 brings the rest; a server that cannot resume answers 200 and sends the whole file.
                if response.status_code == requests.codes.ok:
                    file.truncate(0)
                length = response.headers.get("Content-Length")
                task = progress.add_task(part.stem, total=None if length is None else int(length))
                for chunk in response.iter_content(1 << 16):
                    progress.advance(task, file.write(chunk))
        except requests.RequestException as error:
            status = getattr(error.response, "status_code", None)
            if status == requests.codes.requested_range_not_satisfiable:
                file.truncate(0)  # longer than the file on the server: nothing to go on from
            reason = f"the server answered {status}" if status else f"{type(error).__name__}"
            raise CheckpointError(
                f"{url} cannot be downloaded: {reason}.",
                hint="Check the connection and run it again: it goes on where it stopped. "
                "Or get the file another way and give it with --weights FILE.",
            ) from error


def _is_genuine(path: Path, file: str) -> bool:
    """Whether it is there and its SHA-256 starts with the digits in the published name."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest().startswith(_digits(file))


def _digits(file: str) -> str:
    """`resnet18-f37072fd.pth` -> `f37072fd`."""
    return file.rpartition("-")[2].partition(".")[0]
