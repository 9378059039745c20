"""The resize of the clients in JavaScript and in C++ is Pillow's, to the last bit."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from resnet_export.deploy.bundle import CLIENTS
from resnet_export.deploy.expected import columns_first
from resnet_export.images import Preprocessing, prepare
from tests.deploy.test_targets import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

JAVASCRIPT = """
import { readFileSync } from "node:fs";
const { prepare } = await import(process.argv[2]);
const results = JSON.parse(readFileSync(0, "utf-8")).map(({ pixels, width, height, channels, preparation }) => {
  const picture = { data: new Uint8Array(pixels), width, height, channels };
  return Array.from(prepare(picture, { preparation, input: { embedded: "none" } }).data);
});
console.log(JSON.stringify(results));
"""
CPP = """
#include <iostream>
#include "prepare.hpp"
int main() {
  json results;
  for (const json& one : json::parse(std::cin))
    results.push_back(prepare({one["width"], one["height"], one["channels"], one["pixels"]}, one).data);
  std::cout << results;
}
"""
SIZES = [(1, 500), (500, 1), (31, 17), (64, 64), (63, 65), (200, 20), (20, 200), (120, 290), (290, 120), (32, 32)]
HOWS = [
    Preprocessing(37, 32, (0.0,) * 3, (1.0,) * 3, "bicubic"),
    Preprocessing(32, 32, (0.0,) * 3, (1.0,) * 3, "bilinear"),
    Preprocessing(48, 31, (0.0,) * 3, (1.0,) * 3, "lanczos", half="down"),
    Preprocessing(33, 32, (0.0,) * 3, (1.0,) * 3, "nearest"),
    Preprocessing(41, 32, (0.0,) * 3, (1.0,) * 3, "bilinear", aspect="squashed"),
]


def javascript(tmp_path: Path) -> Sequence[str | Path]:
    if shutil.which("node") is None:
        pytest.skip("Node.js is not here")
    script = tmp_path / "script.mjs"
    script.write_text(JAVASCRIPT)
    return ["node", script, CLIENTS / "node" / "prepare.mjs"]


def cpp(tmp_path: Path) -> Sequence[str | Path]:
    needs("openvino-cpp")
    program = tmp_path / "program"
    program.with_suffix(".cpp").write_text(CPP)
    folders = [f"-I{CLIENTS / 'cpp'}", "-I/usr/include/opencv4"]
    subprocess.run(["g++", "-std=c++17", "-O1", *folders, f"{program}.cpp", "-o", program], check=True)
    return [program]


@pytest.mark.long
@pytest.mark.parametrize("language", [javascript, cpp])
def test_it_is_pillows(language: Callable[[Path], Sequence[str | Path]], tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    cases, expected = [], []
    for channels, (width, height), how in itertools.product((1, 3), SIZES, HOWS):
        pixels = generator.integers(0, 256, (height, width, channels), np.uint8)
        picture = Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels)
        expected.append(list(prepare(picture, how).tobytes()))
        preparation = how.as_dict() | {"columns_first": columns_first()}
        size = {"width": width, "height": height, "channels": channels}
        cases.append({"pixels": pixels.ravel().tolist(), "preparation": preparation, **size})
    done = subprocess.run(language(tmp_path), input=json.dumps(cases), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert [index for index, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]] == []
