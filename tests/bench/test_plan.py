from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resnet_export.bench.plan import read_plan
from resnet_export.bench.sampling import DEFAULT, Budget
from resnet_export.bench.scenario import Scenario
from resnet_export.errors import InputError, ResNetExportError

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """
seconds = 20

[[cases]]
models = ["net.onnx"]
runtimes = ["ort:cpu", "openvino"]
batches = [1, 8]
threads = [1, 2]

[[cases]]
models = ["net.onnx"]
boundaries = ["host", "device"]
scenario = "server"
slo_p99_ms = 50

[[cases]]
models = ["net.onnx"]
scenario = "idle"
gaps_ms = [0, 2.5]
"""


@pytest.fixture
def folder(net: Path, tmp_path: Path) -> Path:
    (tmp_path / "net.onnx").write_bytes(net.read_bytes())
    return tmp_path


def test_each_table_is_a_product(folder: Path) -> None:
    (folder / "plan.toml").write_text(WHOLE)
    plan = read_plan(folder / "plan.toml", ("ort:cpu",))
    assert plan.budget == Budget(20.0)
    assert [(case.runtime, case.batch, case.threads) for case in plan.cases[:8]] == [
        (runtime, batch, threads) for runtime in ("ort:cpu", "openvino") for batch in (1, 8) for threads in (1, 2)
    ]
    assert [(case.boundary, case.scenario) for case in plan.cases[8:10]] == [
        (boundary, Scenario("server", slo_p99_ms=50)) for boundary in ("host", "device")
    ]
    assert plan.cases[10].scenario == Scenario("idle", gaps_ms=(0, 2.5))
    assert {case.model.path for case in plan.cases} == {str(folder / "net.onnx")}, "relative to the plan's folder"


def test_the_least_that_a_plan_holds(folder: Path) -> None:
    (folder / "plan.toml").write_text('[[cases]]\nmodels = ["net.onnx"]\n')
    plan = read_plan(folder / "plan.toml", ("ort:cpu",))
    assert plan.budget == DEFAULT
    assert [(case.runtime, case.batch, case.threads, case.scenario) for case in plan.cases] == [
        ("ort:cpu", 1, None, Scenario())
    ]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("cases = 1", "plan.toml has no cases.", None),
        ("[[cases", "plan.toml is not TOML: ", None),
        ("second = 20", "plan.toml, has an unknown key 'second'.", "Did you mean seconds? "),
        ('budget = "quick"', "plan.toml: there is no budget any more.", "Write seconds = 60 instead."),
        ("seconds = 4", "plan.toml: seconds = 4 cannot be meant so.", None),
        ('seconds = "20"', "plan.toml: seconds = '20' cannot be meant so.", None),
        ('[[cases]]\nruntimes = ["ort:cpu"]', "plan.toml, table 1, names no models.", None),
        ('[[cases]]\nmodel = "net.onnx"', "table 1, has an unknown key 'model'.", "Did you mean models? "),
        ('[[cases]]\nmodels = "net.onnx"', "table 1: models = 'net.onnx' cannot be meant so.", None),
        ('[[cases]]\nmodels = ["net.onnx"]\nbatches = [true]', "batches = [True] cannot be meant so.", None),
        ('[[cases]]\nmodels = ["net.onnx"]\nbatches = [0]', "batch 0 is below 1.", None),
        ('[[cases]]\nmodels = ["net.onnx"]\nboundaries = ["hosts"]', "boundaries = ['hosts'] cannot be", None),
        ('[[cases]]\nmodels = ["net.onnx"]\nscenario = "sever"', "There is no scenario 'sever'.", None),
        ('[[cases]]\nmodels = ["net.onnx"]\nruntimes = ["ort"]', "There is no runtime 'ort'.", "Did you mean ort:"),
        ('[[cases]]\nmodels = ["no.onnx"]', "no.onnx", None),
    ],
)
def test_bad_plans(text: str, message: str, hint: str | None, folder: Path) -> None:
    (folder / "plan.toml").write_text(text)
    with pytest.raises(ResNetExportError) as caught:
        read_plan(folder / "plan.toml", ("ort:cpu",))
    assert message in caught.value.message
    assert caught.value.hint
    assert (hint or "") in caught.value.hint


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"plan\.toml cannot be read: No such file or directory\."):
        read_plan(tmp_path / "plan.toml", ("ort:cpu",))
