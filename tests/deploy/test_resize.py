"""The resize of the clients in JavaScript is Pillow's, to the last bit."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnet_export.deploy.expected import columns_first
from resnet_export.images import Preprocessing, prepare

CLIENT = Path(__file__).parents[2] / "resnet_export" / "deploy" / "clients" / "node"
SCRIPT = """
import { readFileSync } from "node:fs";
const { prepare } = await import(process.argv[2]);
const results = JSON.parse(readFileSync(0, "utf-8")).map(({ pixels, width, height, channels, preparation }) => {
  const picture = { data: new Uint8Array(Buffer.from(pixels, "base64")), width, height, channels };
  const made = prepare(picture, { preparation, input: { embedded: "none" } });
  return Buffer.from(made.data).toString("base64");
});
console.log(JSON.stringify(results));
"""
SIZES = [(1, 500), (500, 1), (31, 17), (64, 64), (63, 65), (200, 20), (20, 200), (120, 290), (290, 120), (32, 32)]
HOWS = [
    Preprocessing(37, 32, (0.0,) * 3, (1.0,) * 3, "bicubic"),
    Preprocessing(32, 32, (0.0,) * 3, (1.0,) * 3, "bilinear"),
    Preprocessing(48, 31, (0.0,) * 3, (1.0,) * 3, "lanczos", half="down"),
    Preprocessing(33, 32, (0.0,) * 3, (1.0,) * 3, "nearest"),
    Preprocessing(41, 32, (0.0,) * 3, (1.0,) * 3, "bilinear", aspect="squashed"),
]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not here")
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_pillows(channels: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(channels)
    cases, expected = [], []
    for width, height in SIZES:
        for how in HOWS:
            pixels = generator.integers(0, 256, (height, width, channels), np.uint8)
            picture = Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels)
            expected.append(prepare(picture, how).tobytes())
            preparation = how.as_dict() | {"columns_first": columns_first()}
            packed = base64.b64encode(pixels.tobytes()).decode()
            size = {"width": width, "height": height, "channels": channels}
            cases.append({"pixels": packed, "preparation": preparation, **size})
    script = tmp_path / "script.mjs"
    script.write_text(SCRIPT)
    done = subprocess.run(
        ["node", script, CLIENT / "prepare.mjs"], input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    found = [base64.b64decode(text) for text in json.loads(done.stdout)]
    assert [index for index, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]] == []
