from __future__ import annotations

import hashlib
import re
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from resnet_export.errors import CheckpointError, UnavailableError, UsageError
from resnet_export.spec import VARIANTS
from resnet_export.weights import published

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = np.random.default_rng(0).bytes(1_000_000)
NAME, DEPTH = "IMAGENET1K_V1", 18
FILE = f"resnet18-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


@dataclass
class Site:
    """A server of one file, which can be told to misbehave."""

    content: bytes = CONTENT
    resumes: bool = True
    """Whether it answers a request for a range with that range."""
    stops_after: int | None = None
    """Bytes after which it closes the connection, though it promised more."""
    ranges: list[str | None] = field(default_factory=list)
    """The `Range` of each request so far."""
    url: str = ""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.ranges.append(self.headers["Range"])
            if self.path != f"/models/{FILE}":
                self.send_error(404)
                return
            start = int(re.findall(r"\d+", self.headers["Range"])[0]) if state.resumes else 0
            if start > len(state.content):
                self.send_error(416)
                return
            body = state.content[start:]
            self.send_response(206 if state.resumes else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.stops_after])

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/models/"
        monkeypatch.setenv("RESNET_EXPORT_WEIGHTS_URL", state.url)
        monkeypatch.setenv("RESNET_EXPORT_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(published, "FILES", {(DEPTH, NAME): FILE, (50, "IMAGENET1K_V2"): "resnet50-00000000.pth"})
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


def refused(site: Site) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        published.fetch(NAME, DEPTH)
    assert caught.value.exit_code == 3
    assert site.url + FILE in caught.value.message
    assert "--weights FILE" in str(caught.value.hint)
    return caught.value


def test_a_good_file_is_downloaded_once(site: Site, tmp_path: Path) -> None:
    path = published.fetch(NAME, DEPTH)
    assert path == tmp_path / "cache" / FILE
    assert path.read_bytes() == CONTENT
    assert published.fetch(NAME, DEPTH) == path
    assert len(site.ranges) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_wrong_hash_leaves_nothing(site: Site, tmp_path: Path) -> None:
    site.content = CONTENT[::-1]
    assert "its SHA-256 does not start with" in refused(site).message
    assert list((tmp_path / "cache").iterdir()) == []
    site.content = CONTENT
    assert published.fetch(NAME, DEPTH).read_bytes() == CONTENT


def test_a_file_that_changed_in_the_cache_is_replaced(site: Site) -> None:
    path = published.fetch(NAME, DEPTH)
    path.write_bytes(b"damaged")
    assert published.fetch(NAME, DEPTH).read_bytes() == CONTENT


@pytest.mark.parametrize("resumes", [True, False])
def test_an_interrupted_download_is_completed(site: Site, tmp_path: Path, resumes: bool) -> None:
    site.stops_after = 400_000
    site.resumes = resumes
    refused(site)
    assert not (tmp_path / "cache" / FILE).exists()
    kept = (tmp_path / "cache" / f"{FILE}.part").stat().st_size
    assert 300_000 < kept <= 400_000

    site.stops_after = None
    assert published.fetch(NAME, DEPTH).read_bytes() == CONTENT
    assert site.ranges == ["bytes=0-", f"bytes={kept}-"]


def test_a_part_that_is_whole_is_not_downloaded_again(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{FILE}.part").write_bytes(CONTENT)
    assert published.fetch(NAME, DEPTH).read_bytes() == CONTENT
    assert site.ranges == []


def test_a_part_that_is_too_long_is_dropped(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{FILE}.part").write_bytes(CONTENT + b"more")
    assert "the server answered 416" in refused(site).message
    assert published.fetch(NAME, DEPTH).read_bytes() == CONTENT


def test_a_file_that_the_server_lacks(site: Site) -> None:
    with pytest.raises(CheckpointError, match=r"resnet50-00000000\.pth cannot be downloaded: the server answered 404"):
        published.fetch("IMAGENET1K_V2", 50)


def test_no_server(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.url = "http://127.0.0.1:9/"  # the port of `discard`, where nothing listens
    monkeypatch.setenv("RESNET_EXPORT_WEIGHTS_URL", site.url)
    assert "cannot be downloaded: ConnectionError" in refused(site).message


def test_a_cache_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(UnavailableError, match="cannot be written") as caught:
        published.fetch(NAME, DEPTH)
    assert caught.value.exit_code == 5
    assert "RESNET_EXPORT_CACHE" in str(caught.value.hint)


def test_progress_is_shown_on_a_terminal_only(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = published.fetch(NAME, DEPTH)
    assert capsys.readouterr() == ("", "")
    path.unlink()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    assert published.fetch(NAME, DEPTH).read_bytes() == CONTENT
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "1.0/1.0 MB" in shown.err


def test_a_name_that_is_not_published() -> None:
    with pytest.raises(UsageError, match="No weights 'IMAGENET1K_V2' are published for ResNet-18") as caught:
        published.fetch("IMAGENET1K_V2", 18)
    assert caught.value.exit_code == 2
    assert caught.value.hint == "Choose IMAGENET1K_V1, or give a file with --weights FILE."


def test_the_table_covers_every_depth_and_name() -> None:
    assert {depth for depth, _ in published.FILES} == set(VARIANTS)
    assert {name for _, name in published.FILES} == set(published.RESIZE)
    for (depth, _), file in published.FILES.items():
        assert re.fullmatch(rf"resnet{depth}-[0-9a-f]{{8}}\.pth", file)
