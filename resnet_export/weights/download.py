"""A file of a server in the cache: the download can be interrupted and resumed, and the file's hash is checked."""

import sys
from pathlib import Path

from resnet_export.errors import CheckpointError
from resnet_export.files import reported, sha256

TIMEOUT_S = 30.0
"""Seconds without an answer after which a download fails."""


def download(url: str, path: Path, digest: str, *, otherwise: str) -> Path:
    """The file of a server as it was published, downloaded to `path` at the first call.

    An interrupted download leaves a `.part` file, from which the next call goes on. The digest is the file's SHA-256 in
    hexadecimal, or how that begins; `otherwise` is another way to the file, for the hints: a sentence.

    Raises:
        CheckpointError: it cannot be downloaded, or is not the file that was published.
        UnavailableError: the cache cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    with reported(path):
        if _is_genuine(path, digest):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _is_genuine(part, digest):
            _append(url, part, otherwise)
        if not _is_genuine(part, digest):
            part.unlink(missing_ok=True)
            raise CheckpointError(
                f"{url} is not the file that was published: its SHA-256 does not start with {digest}. It was removed.",
                hint=f"Run it again; if that does not help: {otherwise}",
            )
        part.replace(path)
    return path


def _append(url: str, part: Path, otherwise: str) -> None:
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
                hint=f"Check the connection and run it again: it goes on where it stopped. Or: {otherwise}",
            ) from error


def _is_genuine(path: Path, digest: str) -> bool:
    """Whether it is there and is the file that was published."""
    return path.is_file() and sha256(path).startswith(digest)
