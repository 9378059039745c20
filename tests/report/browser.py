"""A headless Chromium, so that a page is judged as it is laid out."""

from __future__ import annotations

import html
import html.parser
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

PROBE = """<!DOCTYPE html><title>probe</title><body style="margin:0">
<iframe id="page" style="border:0;width:{width}px;height:{height}px" srcdoc="{page}"></iframe>
<pre id="found"></pre>
<script>addEventListener("load", () => {{
  const frame = document.getElementById("page").contentWindow, page = frame.document;
  document.getElementById("found").textContent = String({expression});
}});</script>"""


VOID = {"meta", "br", "img"}


class Checker(html.parser.HTMLParser):
    """Notes what is left open, and what a page would fetch or run; `pictures` may stand in it."""

    def __init__(self, *, pictures: bool = False) -> None:
        super().__init__()
        self.pictures = pictures
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if self.pictures and tag == "img" and str(dict(attrs)["src"]).startswith("data:image/png;base64,"):
            return
        self.fetched += [name for name, _ in attrs if name in ("src", "href", "srcset", "action") or name[:2] == "on"]
        self.fetched += [tag] if tag in ("script", "link", "iframe", "object", "embed", "img") else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def evaluate(page: str, expression: str, folder: Path, *, width: int, height: int = 800, dark: bool = False) -> str:
    """What a JavaScript expression about `page`, the document, and `frame`, its window, gives.

    The page stands in a frame: a window of Chromium is never as narrow as a phone, and the page itself may be one
    that runs no scripts.
    """
    assert CHROMIUM is not None, "tests that come here are skipped without it"
    probe = folder / "probe.html"
    text = PROBE.format(width=width, height=height, page=html.escape(page), expression=expression)
    probe.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",  # which containers and root do not allow
            "--disable-gpu",
            f"--user-data-dir={folder / 'profile'}",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            "--virtual-time-budget=2000",
            f"--window-size={width + 100},{height + 100}",
            "--dump-dom",
            probe.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stdout[-2000:]
    return html.unescape(found[1])
