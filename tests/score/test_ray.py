"""The Ray engine gives the rows of the local one, bit for bit."""

from __future__ import annotations

import pickle
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import pyarrow as pa
import pytest

from resnet_export.classify import decoder
from resnet_export.classify.classifier import Asked, read_classifier
from resnet_export.classify.decoder import Source
from resnet_export.errors import MissingDependencyError, UnavailableError, UsageError
from resnet_export.machine.cpu import usable_cpus
from resnet_export.runtimes import parse_runtime
from resnet_export.runtimes.session import Placement
from resnet_export.score import on_ray, score
from resnet_export.score.engine import Engine, open_engine
from tests.score.pictures import draw, folder_of
from tests.score.test_score import rows

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def engine(net: Path) -> Iterator[Engine]:
    opened = open_engine(read_classifier(net, Asked()), parse_runtime("ort:cpu"), None, None)
    with opened.session:
        yield opened


def test_as_many_actors_as_there_is_room_for(engine: Engine) -> None:
    fitted = on_ray._fitted(engine, {"CPU": 40.0})
    assert (fitted.decoders, fitted.callers, fitted.on_gpu) == (40, 40, False)
    assert on_ray.SHARE * (fitted.decoders + fitted.callers) <= 40
    engine.decoders = usable_cpus() + 100
    with pytest.raises(UnavailableError) as caught:
        on_ray._fitted(engine, {"CPU": 10.0})
    assert caught.value.message.endswith(" callers need 50.4 CPUs, and the cluster has 10.") or usable_cpus() != 2
    assert caught.value.hint == "Leave out --decoders, or add nodes."


def test_a_gpu_for_each_caller(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(engine.session), "placement", lambda _: Placement("GPU 0"))
    fitted = on_ray._fitted(engine, {"CPU": 40.0, "GPU": 4.0})
    assert (fitted.decoders, fitted.callers, fitted.on_gpu) == (40, 4, True)
    with pytest.raises(UnavailableError, match="needs a GPU, and the cluster has none"):
        on_ray._fitted(engine, {"CPU": 40.0})


def test_openvino_on_the_cpu_needs_no_gpu(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(engine.session), "placement", lambda _: Placement("CPU: AMD EPYC"))
    assert not on_ray._fitted(engine, {"CPU": 40.0}).on_gpu


def test_options(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(Path("photos"), 1)
    for options, message in (
        ({"engine": "spark"}, "There is no engine 'spark'."),
        ({"address": "auto"}, "--address is of a cluster of Ray."),
    ):
        with pytest.raises(UsageError) as caught:
            score(net, ["photos"], "out", **options)  # type: ignore[arg-type]
        assert caught.value.message == message
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingDependencyError) as missing:
        score(net, ["photos"], "out", engine="ray")
    assert missing.value.hint == 'Install it with: pip install "resnet-export[ray]"'


@pytest.mark.usefixtures("crashing")
def test_an_actor_whose_decoder_crashes_goes_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "TARGET", decoder.TARGET)
    folder = folder_of(Path("photos"), 3)
    draw(folder / "crash.jpg", 3)
    sources = [Source(path.stem, str(path)) for path in sorted(folder.iterdir())]
    given = pa.table({on_ray.COLUMN: [pickle.dumps(sources[:2]), pickle.dumps(sources[2:])]})
    decoding = on_ray.Decoding(engine.recipe(fast=False))
    answered = decoding(given)
    assert decoding._worker is not None
    decoding._worker.close()
    found = [entry for one in answered[on_ray.COLUMN].to_pylist() for entry in pickle.loads(one)]
    assert [(source.name, decoded.error) for source, decoded in found] == [
        ("crash", "crashed"), ("p000", None), ("p001", None), ("p002", None),
    ]  # fmt: skip


@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_the_rows_are_those_of_the_local_engine(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an address, Ray is started here, whatever cluster the environment names."""
    pytest.importorskip("ray", reason="Ray is not installed")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    folder = folder_of(Path("photos"), 30)
    (folder / "empty.jpg").write_bytes(b"")
    options: dict[str, Any] = {"part_size": 12, "logits": True, "embedding": True}
    local = score(net, ["photos"], "local", **options)
    ray = score(net, ["photos"], "ray", engine="ray", **options)
    assert rows("ray") == rows("local")
    assert (ray.rows, ray.errors, ray.classes, ray.unsure) == (local.rows, local.errors, local.classes, local.unsure)
    draw(folder / "more.jpg", 40)
    assert score(net, ["photos"], "ray", **options).run.pictures == 1  # type: ignore[union-attr]


@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_a_network_with_its_numbers_beside_it(net: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    folder_of(Path("photos"), 3)
    Path("numbers").mkdir()
    beside: dict[str, Any] = {"save_as_external_data": True, "location": "numbers/of.data", "size_threshold": 0}
    onnx.save(onnx.load(net), "apart.onnx", **beside)
    assert Path("numbers", "of.data").stat().st_size > 1000
    score(net, ["photos"], "whole", logits=True)
    score("apart.onnx", ["photos"], "apart", engine="ray", logits=True)
    assert rows("apart") == rows("whole")


@pytest.mark.long
@pytest.mark.filterwarnings("default")
def test_a_node_that_is_lost_in_the_middle(net: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster

    folder_of(Path("photos"), 400)
    score(net, ["photos"], "local", part_size=64)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    node = cluster.add_node(num_cpus=1)

    def lose() -> None:
        while not list(Path("out").glob("part-*.parquet")):
            time.sleep(0.1)
        cluster.remove_node(node, allow_graceful=False)

    losing = threading.Thread(target=lose)
    losing.start()
    try:
        report = score(net, ["photos"], "out", engine="ray", address=cluster.address, part_size=64)
    finally:
        losing.join(60)
        cluster.shutdown()
    assert report.run is not None
    assert (report.run.decoders, report.rows) == (2, 400)
    assert rows("out") == rows("local")


@pytest.mark.filterwarnings("default")
def test_no_cluster(net: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    folder_of(Path("photos"), 1)
    with pytest.raises(UnavailableError, match="There is no cluster of Ray at auto") as caught:
        score(net, ["photos"], "out", engine="ray", address="auto")
    assert caught.value.hint == "Start one with: ray start --head; or leave out --address."
