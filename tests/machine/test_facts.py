from __future__ import annotations

import dataclasses
import getpass
import json
import platform

import numpy as np
import psutil
import pytest

from resnet_export.machine import read_machine
from resnet_export.machine.cgroup import Limits
from tests.doctor.examples import MACHINE


def test_is_plain_data() -> None:
    plain = read_machine().as_dict()
    assert json.loads(json.dumps(plain)).keys() == plain.keys()
    assert plain["memory_bytes"] == psutil.virtual_memory().total
    assert plain["cpu"]["model"]


def test_packages_with_their_versions() -> None:
    packages = read_machine().packages
    assert packages["numpy"] == np.__version__
    assert any(name.startswith("onnxruntime") for name in packages)


def test_is_the_same_every_time() -> None:
    assert read_machine() == read_machine()


def test_names_no_host_and_no_user() -> None:
    text = json.dumps(read_machine().as_dict())
    for private in (platform.node(), getpass.getuser()):
        assert f'"{private}"' not in text


@pytest.mark.parametrize(
    ("affinity", "quota", "usable"), [(None, None, 8.0), (2, None, 2.0), (2, 1.5, 1.5), (2, 4.0, 2.0), (None, 9.0, 8.0)]
)
def test_usable_cpus(affinity: int | None, quota: float | None, usable: float) -> None:
    cpu = dataclasses.replace(MACHINE.cpu, affinity=affinity)
    assert dataclasses.replace(MACHINE, cpu=cpu, limits=Limits(quota)).usable_cpus == usable


@pytest.mark.parametrize(("limit", "usable"), [(None, 32 << 30), (1 << 30, 1 << 30), (64 << 30, 32 << 30)])
def test_usable_memory(limit: int | None, usable: int) -> None:
    assert dataclasses.replace(MACHINE, limits=Limits(None, limit)).usable_memory_bytes == usable
