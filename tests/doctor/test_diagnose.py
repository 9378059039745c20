from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from resnet_export import doctor
from resnet_export.doctor import Providers, RuntimeCheck, find_problems
from resnet_export.errors import UsageError
from tests.doctor.examples import CLASH, CUDA, example

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runtimes whose checks were asked for; they all pass."""
    names: list[str] = []

    def check_all(wanted: Sequence[str]) -> tuple[tuple[RuntimeCheck, ...], Providers]:
        names.extend(wanted)
        return tuple(RuntimeCheck(name, "usable", f"{name} 1.0") for name in wanted), Providers()

    monkeypatch.setattr("resnet_export.doctor.check_all", check_all)
    return names


def test_asks_all_but_those_for_tests(asked: list[str]) -> None:
    report = doctor.diagnose()
    assert {"ort:cpu", "ort:cuda", "torch", "keras"} <= set(asked)
    assert "synthetic" not in asked
    assert [check.name for check in report.runtimes] == asked


def test_asks_even_those_when_they_are_required(asked: list[str]) -> None:
    assert doctor.diagnose(["synthetic", "synthetic"]).required == ("synthetic",)
    assert asked.count("synthetic") == 1


def test_an_unknown_runtime_is_found_out_before_the_work(asked: list[str]) -> None:
    with pytest.raises(UsageError, match=r"There is no runtime 'ort:cud'\.\nDid you mean ort:cuda\?"):
        doctor.diagnose(["ort:cud"])
    assert asked == []


def test_schema() -> None:
    plain = json.loads(json.dumps(example(problems=(CLASH,), required=("ort:cuda",)).as_dict()))
    assert plain["schema_version"] == 2
    assert list(plain) == [
        "schema_version",
        "version",
        "machine",
        "onnxruntimes",
        "providers",
        "distributions",
        "runtimes",
        "problems",
        "required",
        "passed",
    ]
    assert plain["passed"] is False
    assert plain["onnxruntimes"] == {"onnxruntime-gpu": "1.31.1"}
    assert plain["providers"]["names"][-1] == "CPUExecutionProvider"
    assert plain["runtimes"][1] == {
        "name": "ort:cuda",
        "state": "unavailable",
        "detail": CUDA.detail,
        "hint": CUDA.hint,
        "usable": False,
    }
    assert plain["distributions"][2].items() >= {"name": "torch", "version": "2.9.0+cpu", "tested": "2.13.0"}.items()
    assert plain["problems"] == [{"what": CLASH.what, "cure": list(CLASH.cure)}]
    assert plain["machine"]["cpu"]["instruction_sets"]["AVX2"] is True


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({}, True),
        ({"required": ("ort:cpu",)}, True),
        ({"required": ("ort:cuda",)}, False),
        ({"required": ("tract",)}, False),
        ({"problems": (CLASH,)}, False),
    ],
)
def test_passed(changes: dict[str, object], passed: bool) -> None:
    assert example(**changes).passed is passed


def test_two_onnxruntimes_are_a_problem() -> None:
    (problem,) = find_problems({"onnxruntime": "1.30.0", "onnxruntime-gpu": "1.31.1"})
    assert problem.what.startswith("onnxruntime 1.30.0 and onnxruntime-gpu 1.31.1 are installed at once.")
    assert problem.cure == CLASH.cure


def test_one_is_none() -> None:
    assert find_problems({"onnxruntime": "1.31.1"}) == find_problems({}) == ()


def test_a_release_known_to_be_wrong_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {"rich": (("1.0", __import__("importlib.metadata").metadata.version("rich")), "it is red", "pip install x")}
    monkeypatch.setattr("resnet_export.optional.KNOWN_BAD", bad)
    monkeypatch.setattr("resnet_export.doctor.KNOWN_BAD", bad)
    (problem,) = find_problems({})
    assert "a release that gives wrong files: it is red" in problem.what
    assert problem.cure == ("pip install x",)
