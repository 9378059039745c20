"""The page for browsers, in Chromium, with what npm installs."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import onnx
import pytest

from resnet_export.deploy import deploy
from tests.classify.files import LABELS, foreign, ours
from tests.deploy.running import move_first_pad, multiply_first_weights
from tests.deploy.test_targets import needs

PAGE = Path(__file__).with_name("page.mjs")
SCENARIOS = set(re.findall(r"^  async (\w+)\(", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) - {"broken"}
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with what its self-test needs."""
    needs("web")
    folder = tmp_path_factory.mktemp("web")
    made = folder / "bundle"
    report = deploy(ours(folder / "net.onnx", labels=LABELS), "web", made)
    (result,) = report.bundles
    if result.status == "missing":
        pytest.skip(result.reason or "")
    assert (result.status, result.reason) == ("proven", None)
    (proof,) = result.proofs
    assert (proof.decoders, proof.top1_agreed) == ((), 14)  # it decodes as Pillow, transparency and 16 bits too
    assert re.fullmatch(r"onnxruntime-web [\d.]+, Chromium [\d.]+, \d+ threads", proof.runtime)
    assert not (made / "node_modules").exists()
    readme = (made / "README.md").read_text(encoding="utf-8")
    assert readme.count("\n$ ") == 2
    subprocess.run(["npm", "ci", "--ignore-scripts", "--prefer-offline"], cwd=made, check=True, capture_output=True)
    return made


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle, to be spoilt."""
    copied = tmp_path / "copy"
    shutil.copytree(bundle, copied, ignore=shutil.ignore_patterns("node_modules"))
    (copied / "node_modules").symlink_to(bundle / "node_modules")
    return copied


def node(folder: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Node.js in a bundle."""
    return subprocess.run(
        [shutil.which("node") or "node", *map(str, arguments)],
        cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def failures_of(bundle: Path, *scenarios: str) -> dict[str, str]:
    """Plays scenarios in one browser; gives for each how it failed, which is empty where it did not."""
    done = node(bundle, PAGE, bundle, *scenarios)
    assert done.returncode == 0, done.stderr
    failures: dict[str, str] = json.loads(done.stdout)
    return failures


@pytest.fixture(scope="module")
def failures(bundle: Path) -> dict[str, str]:
    return failures_of(bundle, *sorted(SCENARIOS))


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_the_page(scenario: str, failures: dict[str, str]) -> None:
    assert failures[scenario] == ""


def test_a_network_that_cannot_be_opened_is_said(copy: Path) -> None:
    assert failures_of(copy, "broken") == {"broken": ""}


def test_the_self_test(copy: Path) -> None:
    done = node(copy, "selftest.mjs")
    assert (done.returncode, done.stdout) == (0, "14 pictures, 0 wrong answers\n")
    net = (copy / "net.onnx").read_bytes()
    for spoil in (multiply_first_weights, move_first_pad):
        spoil(copy / "net.onnx")
        done = node(copy, "selftest.mjs")
        assert (done.returncode, done.stderr) == (1, "")
        assert "wrong answers 01-colour.png" in done.stdout
        (copy / "net.onnx").write_bytes(net)
    (copy / "net.onnx").unlink()
    done = node(copy, "selftest.mjs")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_an_error_of_the_page_fails_the_self_test(copy: Path) -> None:
    app = copy / "app.mjs"
    app.write_text(f'{app.read_text(encoding="utf-8")}\nconsole.error("spoilt");\n', encoding="utf-8")
    done = node(copy, "selftest.mjs")
    assert (done.returncode, done.stderr) == (1, "The page says: spoilt\n")


def test_the_server_takes_another_port_where_its_own_is_taken(bundle: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with subprocess.Popen(
            ["node", "server.mjs", str(port)], cwd=bundle, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            lines = [server.stdout.readline(), server.stdout.readline()]
            server.terminate()
    assert lines[0] == f"Port {port} is taken.\n"
    assert re.fullmatch(r"Open http://127\.0\.0\.1:\d+/\n", lines[1])
    assert str(port) not in lines[1]


def test_without_a_browser_it_says_what_to_install(
    bundle: Path, net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = node(bundle, "selftest.mjs", PATH=str(tmp_path))
    wanted = "Install it, on Debian with: apt-get install chromium"
    assert (done.returncode, done.stderr) == (1, f"There is no Chromium here. {wanted}\n")
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if "chrom" in name else which(name) or name)
    (made,) = deploy(net, "web", tmp_path / "bundle").bundles
    assert (made.status, made.exit_code, made.hint) == ("missing", 5, wanted)
    assert not (tmp_path / "bundle").exists()


def test_a_file_in_two_parts_is_refused(tmp_path: Path) -> None:
    needs("web")
    net = foreign(tmp_path / "net.onnx")
    onnx.save(onnx.load(net), net, save_as_external_data=True, location="numbers", size_threshold=0)
    (made,) = deploy(net, "web", tmp_path / "bundle").bundles
    assert (made.status, made.exit_code) == ("refused", 3)
    assert "holds its numbers" in (made.reason or "") or "in a second file" in (made.reason or "")


@pytest.mark.long
@pytest.mark.parametrize(
    "variant",
    [
        {"preprocess": "uint8", "head": "probabilities"},
        {"layout": "nhwc", "preprocess": "image", "opset": 18},
        {"batch": 2, "classes": 1},
    ],
)
def test_every_kind_of_file(variant: dict[str, object], tmp_path: Path) -> None:
    needs("web")
    (made,) = deploy(ours(tmp_path / "net.onnx", **variant), "web", tmp_path / "bundle").bundles  # type: ignore[arg-type]
    if made.status == "missing":
        pytest.skip(made.reason or "")
    assert (made.status, made.reason) == ("proven", None)
