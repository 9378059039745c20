"""What users may rely on, locked: a change here is a change of the major version."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from dataclasses import fields

import pytest

import resnet_export

PUBLIC = [
    "CheckpointError",
    "EvaluateReport",
    "ExportReport",
    "ImageError",
    "InputError",
    "LabelsError",
    "MissingDependencyError",
    "ModelError",
    "NotApplicableError",
    "ParityError",
    "PredictReport",
    "QuantizeReport",
    "ResNetExportError",
    "ResNetSpec",
    "RuntimeCrashedError",
    "RuntimeFailedError",
    "SpecificationError",
    "StructureError",
    "UnavailableError",
    "UndecidedError",
    "UsageError",
    "VerifyReport",
    "Weights",
    "__version__",
    "evaluate",
    "export",
    "predict",
    "quantize",
    "verify",
]

EXPORT = {
    "source": None,
    "output": None,
    "model": None,
    "framework": None,
    "depth": None,
    "num_classes": None,
    "in_channels": None,
    "image_size": None,
    "stem": None,
    "width": None,
    "eps": None,
    "ema": False,
    "groups": None,
    "base_width": None,
    "stride_on": None,
    "layout": None,
    "batch": None,
    "dynamic_size": False,
    "opset": None,
    "head": None,
    "preprocess": "none",
    "mean": None,
    "std": None,
    "resize": None,
    "interpolation": None,
    "aspect": None,
    "labels": None,
    "images": None,
    "force": False,
    "seed": 0,
    "verify": True,
    "progress": None,
}

EXIT_CODES = {
    "ResNetExportError": 1,
    "ParityError": 1,
    "StructureError": 1,
    "UsageError": 2,
    "SpecificationError": 2,
    "InputError": 3,
    "CheckpointError": 3,
    "ModelError": 3,
    "NotApplicableError": 3,
    "RuntimeFailedError": 1,
    "RuntimeCrashedError": 1,
    "LabelsError": 3,
    "ImageError": 3,
    "MissingDependencyError": 4,
    "UnavailableError": 5,
    "UndecidedError": 6,
}

ALSO = {
    "UsageError": ValueError,
    "InputError": ValueError,
    "MissingDependencyError": ImportError,
    "UnavailableError": RuntimeError,
}
"""Which of Python's own exceptions they are too."""


def test_names() -> None:
    assert sorted(resnet_export.__all__) == PUBLIC
    assert dir(resnet_export) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_can_be_imported(name: str) -> None:
    namespace: dict[str, object] = {}
    exec(f"from resnet_export import {name}", namespace)
    assert namespace[name] is getattr(resnet_export, name)


def test_names_that_do_not_exist() -> None:
    with pytest.raises(AttributeError, match="module 'resnet_export' has no attribute 'convert_all'"):
        resnet_export.convert_all  # noqa: B018


def test_signature_of_export() -> None:
    parameters = inspect.signature(resnet_export.export).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == EXPORT
    assert list(parameters) == list(EXPORT)
    positional = [name for name, item in parameters.items() if item.kind is item.POSITIONAL_OR_KEYWORD]
    assert positional == ["source", "output"]
    assert all(item.kind is item.KEYWORD_ONLY for name, item in parameters.items() if name not in positional)


def test_signature_of_verify() -> None:
    parameters = inspect.signature(resnet_export.verify).parameters
    assert {name: (parameter.default, parameter.kind.name) for name, parameter in parameters.items()} == {
        "path": (inspect.Parameter.empty, "POSITIONAL_OR_KEYWORD"),
        "weights": (None, "KEYWORD_ONLY"),
        "images": (None, "KEYWORD_ONLY"),
        "image_size": (None, "KEYWORD_ONLY"),
        "runtimes": (None, "KEYWORD_ONLY"),
        "allow_fallback": (False, "KEYWORD_ONLY"),
        "bisect": (False, "KEYWORD_ONLY"),
        "progress": (None, "KEYWORD_ONLY"),
    }


def test_signature_of_predict() -> None:
    parameters = inspect.signature(resnet_export.predict).parameters
    positional = [name for name, item in parameters.items() if item.kind is item.POSITIONAL_OR_KEYWORD]
    assert positional == ["path", "pictures"]
    assert {name: item.default for name, item in parameters.items() if item.kind is item.KEYWORD_ONLY} == {
        "runtime": "ort:cpu",
        "top": 5,
        "labels": None,
        "image_size": None,
        "resize": None,
        "mean": None,
        "std": None,
        "interpolation": None,
        "aspect": None,
        "head": None,
        "allow_fallback": False,
        "progress": None,
    }


def test_signature_of_evaluate() -> None:
    parameters = inspect.signature(resnet_export.evaluate).parameters
    positional = [name for name, item in parameters.items() if item.kind is item.POSITIONAL_OR_KEYWORD]
    assert positional == ["path", "data"]
    assert {name: item.default for name, item in parameters.items() if item.kind is item.KEYWORD_ONLY} == {
        "against": None,
        "runtime": "ort:cpu",
        "against_runtime": None,
        "min_top1": None,
        "max_drop": None,
        "batch": 16,
        "labels": None,
        "image_size": None,
        "resize": None,
        "mean": None,
        "std": None,
        "interpolation": None,
        "aspect": None,
        "head": None,
        "allow_fallback": False,
        "thumbnails": False,
        "progress": None,
    }


def test_signature_of_quantize() -> None:
    parameters = inspect.signature(resnet_export.quantize).parameters
    assert {name: item.default for name, item in parameters.items() if item.default is not item.empty} == {
        "calibrate": None,
        "calibrate_random": False,
        "labelled": None,
        "max_drop": None,
        "precision": "int8",
        "io": "float32",
        "target": "this-machine",
        "samples": 256,
        "seed": 0,
        "ranges": "auto",
        "keep_float": (),
        "recipe": None,
        "keep": False,
        "seconds": 20.0,
        "force": False,
        "progress": None,
    }


def test_exceptions() -> None:
    errors = importlib.import_module("resnet_export.errors")
    tree = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception) and not name.startswith("_")
    }
    assert {name: kind.exit_code for name, kind in tree.items()} == EXIT_CODES
    assert set(EXIT_CODES) <= set(PUBLIC)
    for name, kind in tree.items():
        assert issubclass(kind, resnet_export.ResNetExportError)
        assert getattr(resnet_export, name) is kind
    for name, builtin in ALSO.items():
        assert issubclass(tree[name], builtin)


def test_an_exceptions_text_is_its_message_and_its_hint() -> None:
    error = resnet_export.UsageError("What is wrong.", hint="What to do.")
    assert (error.message, error.hint, str(error)) == ("What is wrong.", "What to do.", "What is wrong.\nWhat to do.")
    assert str(resnet_export.UsageError("What is wrong.")) == "What is wrong."
    structure = resnet_export.StructureError("conv1", "it is wrong.", cause="a mistake")
    assert (structure.layer, structure.message, structure.cause) == ("conv1", "conv1: it is wrong.", "a mistake")


def test_fields_of_the_reports() -> None:
    assert [field.name for field in fields(resnet_export.ExportReport)] == [
        "path",
        "framework",
        "title",
        "spec",
        "interface",
        "preprocessing",
        "preprocessing_origin",
        "weights_origin",
        "weights_digest",
        "network",
        "proof",
        "sha256",
        "size",
        "nodes",
        "stages",
        "versions",
        "verification",
        "assumptions",
        "labels",
        "outputs",
        "schema_version",
    ]
    assert [field.name for field in fields(resnet_export.VerifyReport)] == [
        "file",
        "passed",
        "comparisons",
        "failures",
        "notes",
        "diagnosis",
        "sha256",
        "truth",
        "yardstick",
        "witness",
        "runtimes",
        "bisection",
        "preparation",
        "schema_version",
    ]
    assert [field.name for field in fields(resnet_export.PredictReport)] == [
        "model",
        "sha256",
        "runtime",
        "version",
        "placement",
        "precision",
        "preprocessing",
        "raw_pixels",
        "stated",
        "assumptions",
        "overrides",
        "output",
        "head",
        "activation",
        "classes",
        "pictures",
        "notes",
        "prepared_in_file",
        "schema_version",
    ]
    assert [field.name for field in fields(resnet_export.EvaluateReport)] == [
        "data",
        "file",
        "against",
        "paired",
        "checks",
        "pictures",
        "notes",
        "schema_version",
    ]


def modules_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded, less those it starts with."""
    program = (
        f"import sys, json; before = set(sys.modules); {statement}; print(json.dumps([*set(sys.modules) - before]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize(
    "statement", ["import resnet_export", "from resnet_export import ResNetSpec; ResNetSpec().parameters"]
)
def test_importing_loads_nothing_but_the_standard_library(statement: str) -> None:
    assert modules_after(statement) - set(sys.stdlib_module_names) == {"resnet_export"}


def test_the_main_job_and_its_check_load_no_framework_before_they_are_called() -> None:
    loaded = modules_after("from resnet_export import evaluate, export, predict, verify, Weights")
    assert not loaded & {"torch", "keras", "tensorflow", "tf2onnx", "onnxscript", "PIL", "click", "rich"}


def test_version() -> None:
    assert [part.isdigit() for part in resnet_export.__version__.split(".")] == [True] * 3
