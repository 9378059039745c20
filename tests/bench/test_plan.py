from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resnet_export.bench.plan import read_plan
from resnet_export.bench.sampling import DEFAULT, Budget
from resnet_export.bench.scenarios.idle import Idle
from resnet_export.bench.scenarios.server import Server
from resnet_export.bench.scenarios.single import Single
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
io = ["host", "device"]
scenario = "server"
slo_p99_ms = 50

[[cases]]
models = ["net.onnx"]
scenario = "idle"
gaps_ms = [0, 2.5]
"""
TABLE = '[[cases]]\nmodels = ["net.onnx"]\n'


@pytest.fixture
def folder(net: Path, tmp_path: Path) -> Path:
    (tmp_path / "net.onnx").write_bytes(net.read_bytes())
    return tmp_path


def test_each_table_is_a_product(folder: Path) -> None:
    (folder / "plan.toml").write_text(WHOLE)
    plan = read_plan(folder / "plan.toml")
    assert plan.budget == Budget(20.0)
    assert [(case.runtime, case.batch, case.threads) for case in plan.cases[:8]] == [
        (runtime, batch, threads) for runtime in ("ort:cpu", "openvino") for batch in (1, 8) for threads in (1, 2)
    ]
    assert [(case.io, case.scenario) for case in plan.cases[8:10]] == [
        (io, Server(slo_p99_ms=50)) for io in ("host", "device")
    ]
    assert plan.cases[10].scenario == Idle(gaps_ms=(0, 2.5))
    assert {case.model.path for case in plan.cases} == {str(folder / "net.onnx")}, "relative to the plan's folder"


def test_the_least_that_a_plan_holds(folder: Path) -> None:
    (folder / "plan.toml").write_text(TABLE)
    plan = read_plan(folder / "plan.toml")
    assert plan.budget == DEFAULT
    assert [(case.runtime, case.batch, case.threads, case.scenario) for case in plan.cases] == [
        ("ort:cpu", 1, None, Single())
    ]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("cases = 1", "plan.toml is no plan: Expected `array`, got `int` - at `$.cases`.", None),
        ("seconds = 20", "missing required field `cases`", None),
        ("[[cases", "plan.toml is no plan: ", None),
        ("second = 20", "unknown field `second`", None),
        ("cases = []", "length >= 1 - at `$.cases`", None),
        (f"seconds = 4\n{TABLE}", "Expected `int` >= 5 - at `$.seconds`", None),
        (f'seconds = "20"\n{TABLE}', "Expected `int`, got `str` - at `$.seconds`", None),
        ('[[cases]]\nruntimes = ["ort:cpu"]', "missing required field `models` - at `$.cases[0]`", None),
        ('[[cases]]\nmodel = "net.onnx"', "unknown field `model` - at `$.cases[0]`", None),
        ('[[cases]]\nmodels = "net.onnx"', "Expected `array`, got `str` - at `$.cases[0].models`", None),
        (f"{TABLE}batches = [true]", "Expected `int`, got `bool` - at `$.cases[0].batches[0]`", None),
        (f"{TABLE}batches = [0]", "Expected `int` >= 1 - at `$.cases[0].batches[0]`", None),
        (f'{TABLE}io = ["hosts"]', "Invalid enum value 'hosts' - at `$.cases[0].io[0]`", None),
        (f'{TABLE}scenario = "sever"', "There is no scenario 'sever'.", None),
        (f"{TABLE}callers = 4", "callers belongs to the scenario concurrent, not to single.", None),
        (f'{TABLE}runtimes = ["ort"]', "There is no runtime 'ort'.", "Did you mean ort:"),
        ('[[cases]]\nmodels = ["no.onnx"]', "no.onnx", None),
    ],
)
def test_bad_plans(text: str, message: str, hint: str | None, folder: Path) -> None:
    (folder / "plan.toml").write_text(text)
    with pytest.raises(ResNetExportError) as caught:
        read_plan(folder / "plan.toml")
    assert message in caught.value.message
    assert caught.value.hint
    assert (hint or "") in caught.value.hint


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"plan\.toml cannot be read: No such file or directory\."):
        read_plan(tmp_path / "plan.toml")
