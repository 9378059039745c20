"""Checks runtimes in other processes, where a crash, a hang or a library's chatter hurts nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from resnet_export.doctor.checks import PROVIDERS
from resnet_export.doctor.report import Providers, RuntimeCheck
from resnet_export.processes import signal_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# -P: a file `torch.py` in the current folder is none of the packages.
COMMAND = [sys.executable, "-P", "-m", "resnet_export.doctor.checks"]
MOST = 4
"""Processes at a time: each may hold a framework of half a gigabyte."""


def check_all(names: Sequence[str], *, timeout: float) -> tuple[tuple[RuntimeCheck, ...], Providers]:
    """Checks runtimes, and asks ONNX Runtime for its providers.

    Args:
        names: of the runtimes; the checks come in the same order.
        timeout: seconds for each.
    """
    families: dict[str, list[str]] = {"ort": [PROVIDERS]}
    for name in names:
        families.setdefault(name.partition(":")[0], []).append(name)
    with ThreadPoolExecutor(min(MOST, os.cpu_count() or 1)) as pool:
        done = pool.map(lambda family: list(check_family(family, timeout=timeout)), families.values())
        found = {check.name: check for check in chain.from_iterable(done)}
    asked = found[PROVIDERS]
    providers = Providers(tuple(json.loads(asked.detail))) if asked.usable else Providers(reason=asked.detail)
    return tuple(found[name] for name in names), providers


def check_family(names: Sequence[str], *, timeout: float) -> Iterator[RuntimeCheck]:
    """Checks runtimes that share their imports in one process, and in a new one after each that ended it."""
    left = list(names)
    while left:
        for check in _check_until_dead(tuple(left), timeout):
            yield check
            left.remove(check.name)


def _check_until_dead(names: Sequence[str], timeout: float) -> Iterator[RuntimeCheck]:
    """Gives a check for each name, or up to and with the one that ended the process."""
    with subprocess.Popen(
        [*COMMAND, *names], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None, "a pipe was asked for"
        try:
            for name in names:
                start = time.monotonic()
                timer = threading.Timer(timeout, process.kill)
                timer.start()
                line = process.stdout.readline()
                timer.cancel()
                if not line.endswith(b"\n"):
                    late = time.monotonic() - start >= timeout
                    yield RuntimeCheck(name, "failed", _end(process.wait(), timeout if late else None))
                    return
                yield RuntimeCheck(**cast("dict[str, Any]", json.loads(line)))
        finally:
            process.kill()


def _end(status: int, timeout: float | None) -> str:
    """How the process ended, in words."""
    if timeout is not None:
        return f"its check does not end within {timeout:g} s"
    name = signal_of(status)
    if name is None:
        return f"its check ended the process with status {status}"
    return f"its check crashed the process with {name}"
