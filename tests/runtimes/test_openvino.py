from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from resnet_export.errors import UnavailableError
from resnet_export.runtimes import open_session, openvino
from resnet_export.runtimes.openvino import OpenvinoOptions, OpenvinoSession

from .agreement import differences

if TYPE_CHECKING:
    from pathlib import Path


def has_bfloat16() -> bool:
    core = openvino._openvino().Core()
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def test_float32_is_asked_for_where_the_cpu_has_less(plain: Path) -> None:
    with OpenvinoSession(plain, OpenvinoOptions(threads=1)) as session:
        assert session.precision == "float32"
        assert session._model.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"
        assert session._model.get_property("INFERENCE_NUM_THREADS") == 1


@pytest.mark.skipif(not has_bfloat16(), reason="this CPU does not multiply in bfloat16")
def test_bfloat16(plain: Path) -> None:
    with open_session("openvino,precision=bfloat16", plain) as session:
        assert session.precision == "bfloat16"
    found = differences("openvino,precision=bfloat16", plain)
    assert 2**-12 < min(found) < max(found) < 2**-4  # around the 2^-8 of its eight bits


def test_bfloat16_where_the_cpu_lacks_it(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core = openvino._openvino().Core
    ask = core.get_property
    monkeypatch.setattr(
        core, "get_property", lambda self, device, key: ["FP32"] if key.startswith("OPT") else ask(self, device, key)
    )
    with pytest.raises(UnavailableError, match=r"cannot multiply in bfloat16 on CPU: .*avx512_bf16"):
        open_session("openvino,precision=bfloat16", plain)


def test_a_device_that_is_not_there(plain: Path) -> None:
    with pytest.raises(UnavailableError, match=r"OpenVINO has no device NPX here: .* is not registered") as caught:
        open_session("openvino,device=NPX", plain)
    assert caught.value.hint == "It has: CPU."


def test_placement(plain: Path) -> None:
    with open_session("openvino", plain) as session:
        assert re.fullmatch(r"CPU: \S.*", session.placement().device)


def test_its_import_reports_to_nobody() -> None:
    ask = "from resnet_export.runtimes import find; import sys; find('openvino').probe(); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    assert "openvino" in found
    assert not [name for name in found if name.startswith("openvino_telemetry")]
