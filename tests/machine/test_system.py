from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from resnet_export.machine.system import find_container, read_system
from tests.machine.samples import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("files", "environment", "engine"),
    [
        ({}, {}, None),
        ({".dockerenv": ""}, {}, "docker"),
        ({"run/.containerenv": ""}, {}, "podman"),
        ({"run/systemd/container": "systemd-nspawn\n"}, {}, "systemd-nspawn"),
        ({".dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({}, {"container": "lxc"}, "lxc"),
    ],
)
def test_container(files: dict[str, str], environment: dict[str, str], engine: str | None, tmp_path: Path) -> None:
    assert find_container(write(tmp_path, files), environment) == engine


def test_this_system() -> None:
    found = read_system()
    assert found.python == f"{platform.python_implementation()} {platform.python_version()}"
    assert found.kernel == f"{platform.system()} {platform.release()}"
    assert found.name


def test_without_os_release(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise OSError("no os-release")

    monkeypatch.setattr(platform, "freedesktop_os_release", absent)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))
    assert read_system().name == "macOS 15.1"
