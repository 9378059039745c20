"""The system: operating system, kernel, C library, container and Python."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resnet_export.machine.sysfs import ROOT, read_text

MARKS = {".dockerenv": "docker", "run/.containerenv": "podman"}
"""Files that container engines leave -> the engine."""


@dataclass(frozen=True)
class System:
    """What the program runs on."""

    name: str
    """Of the operating system, such as `Debian GNU/Linux 12 (bookworm)`."""
    kernel: str
    """With its version, such as `Linux 6.1.0`."""
    libc: str | None
    """With its version, such as `glibc 2.36`; None where it is not told."""
    container: str | None
    """The engine, such as `docker`; None outside of containers."""
    python: str
    """With its version, such as `CPython 3.11.7`."""


def read_system(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> System:
    """The facts of this system."""
    return System(
        name=_name(),
        kernel=f"{platform.system()} {platform.release()}",
        libc=" ".join(platform.libc_ver()).strip() or None,
        container=find_container(root, environment),
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


def find_container(root: Path, environment: Mapping[str, str]) -> str | None:
    """The container engine, told by what it leaves behind; None outside of containers."""
    if "KUBERNETES_SERVICE_HOST" in environment:
        return "kubernetes"
    named = read_text(root / "run/systemd/container") or environment.get("container", "")
    if named:
        return named
    return next((engine for mark, engine in MARKS.items() if (root / mark).exists()), None)


def _name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        pass
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}"
    return f"{platform.system()} {platform.version()}"
