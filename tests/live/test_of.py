"""What is a live model, and of which framework: found without importing one."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from resnet_export import live
from resnet_export.errors import InputError, UsageError


def test_what_is_no_model() -> None:
    with pytest.raises(UsageError) as caught:
        live.of("resnet.pth")
    assert caught.value.message == "An object of type str is no model of torch or keras."
    assert caught.value.hint == "Pass a torch.nn.Module or a keras.Model."


def test_a_model_of_keras_2() -> None:
    old = type("Model", (), {"__module__": "tf_keras.src.engine.training"})
    with pytest.raises(InputError) as caught:
        live.of(type("Own", (old,), {})())
    assert caught.value.message == "Own is a model of Keras 2 (tf_keras)."
    assert caught.value.hint == "Save it as model.save('model.h5') and give that file: Keras 3 reads it."


def test_a_class_is_no_model() -> None:
    assert live.framework_of(torch.nn.Linear) is None
    assert live.framework_of(torch.nn.Linear(1, 1)) == "torch"


@pytest.mark.parametrize("package", ["resnet_export.live", "resnet_export.live.files", "resnet_export.live.code"])
def test_no_framework_is_imported_before_a_model_is_there(package: str) -> None:
    code = f"import {package}, sys; sys.exit(bool({{'torch', 'keras', 'tensorflow'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
