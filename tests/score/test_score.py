from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import special

from resnet_export import predict
from resnet_export.errors import ImageError, InputError, UnavailableError, UsageError
from resnet_export.files import locked
from resnet_export.machine.cpu import usable_cpus
from resnet_export.score import score
from resnet_export.score.output import read_manifest
from resnet_export.score.results import FORMATS, Manifest
from resnet_export.score.summary import summarise
from resnet_export.storage import Folder
from tests.classify.files import LABELS, LOGITS, foreign, ours, weights
from tests.conftest import Exported
from tests.score.pictures import claims, draw, folder_of, frames


def manifest(folder: str = "out") -> Manifest:
    found = read_manifest(Folder(folder))
    assert found is not None
    return found


def rows(folder: str = "out") -> dict[str, dict[str, Any]]:
    """By path, of the parts that the manifest names; none may stand twice."""
    found = [row for part in manifest(folder).parts for row in pq.read_table(Path(folder, part.file)).to_pylist()]
    assert len({row["path"] for row in found}) == len(found)
    return {row["path"]: row for row in found}


def run(*inputs: str, output: str = "out", **options: Any) -> Any:
    return score("net.onnx", inputs, output, **{"decoders": 1, **options})


def test_the_answers_are_those_of_predict(net: Path) -> None:
    folder_of(Path("photos"), 21)
    report = run("photos", top=3, part_size=8, logits=True)
    found = rows()
    assert [part.rows for part in manifest().parts] == [8, 8, 5]
    assert (report.rows, report.failed, report.parts, report.run.pictures) == (21, 0, 3, 21)
    assert str(report) == "out: 21 pictures, 0 of them without a label"
    for picture in predict(net, "photos", top=3).pictures:
        row = found[picture.path]
        assert row["classes"] == [one.index for one in picture.top]
        assert row["labels"] == [one.label for one in picture.top]
        assert row["probabilities"] == pytest.approx([one.probability for one in picture.top], rel=1e-5)  # batches
        logits = np.array(row["logits"])
        assert np.argmax(logits) == row["classes"][0]
        assert (np.exp(logits) / np.exp(logits).sum()).max() == pytest.approx(row["probabilities"][0], rel=1e-6)
        assert (row["width"], row["height"], row["frames"], row["error"], row["detail"]) == (48, 40, 1, None, None)
        assert row["bytes"] == Path(picture.path).stat().st_size


@pytest.mark.parametrize("head", ["logits", "probabilities", "sigmoid"])
def test_the_embedding_is_what_the_last_layer_takes(head: Any, tmp_path: Path, net: Path) -> None:
    ours(Path("net.onnx"), labels=LABELS, head=head)
    folder = folder_of(Path("photos"), 5)
    (folder / "empty.jpg").write_bytes(b"")
    run("photos", output="plain", part_size=4)
    run("photos", part_size=4, embedding=True)
    given, found = weights(), rows()
    assert {path: {**row, "embedding": None} for path, row in found.items()} == {
        path: {**row, "embedding": None} for path, row in rows("plain").items()
    }, "the classes are the same, bit for bit"
    assert found.pop("photos/empty.jpg")["embedding"] is None
    for row in found.values():
        values = np.array(row["embedding"]) @ given["v"].T + given["b"]
        expected = special.expit(values) if head == "sigmoid" else special.softmax(values)
        assert np.sort(expected)[:-6:-1] == pytest.approx(row["probabilities"], rel=1e-4)


@pytest.mark.parametrize("runtime", ["opencv", "ncnn"])
def test_the_embedding_in_runtimes_that_want_the_shape_of_the_output(runtime: str, net: Path) -> None:
    ours(net)
    folder_of(Path("photos"), 2)
    run("photos", output="plain", embedding=True)
    run("photos", embedding=True, runtime=runtime)
    for path, row in rows().items():
        assert row["embedding"] == pytest.approx(rows("plain")[path]["embedding"], rel=1e-4, abs=1e-5)


def test_openvino_is_fed_as_a_cpu_is(net: Path) -> None:
    folder_of(Path("photos"), 2)
    report = run("photos", runtime="openvino")
    assert (report.run.batch, report.run.callers) == (8, usable_cpus())


@pytest.mark.parametrize("known", [False, True])
def test_no_embedding(known: bool, net: Path, exported: Exported) -> None:
    """PyTorch opens a file of the known family, in this package's definition, and refuses another one."""
    if known:
        shutil.copy(exported.path, net)
    folder_of(Path("photos"), 1)
    with pytest.raises(UsageError) as caught:
        run("photos", embedding=True, runtime="torch")
    assert caught.value.message == "torch gives no embedding."
    foreign(net, body=f"{LOGITS.replace('y =', 'm =')} y = Relu(m)")
    with pytest.raises(UsageError) as caught:
        run("photos", embedding=True)
    assert caught.value.message == "net.onnx has no embedding: no matrix product gives the values of its classes."


def test_one_row_for_each_picture_whatever_it_is(net: Path) -> None:
    folder = folder_of(Path("photos"), 3)
    whole = (folder / "p000.jpg").read_bytes()
    for name, content in {
        "empty.jpg": b"",
        "text.png": b"x",
        "half.jpg": whole[:300],
        "bomb.png": claims(60_000, 60_000),
    }.items():
        (folder / name).write_bytes(content)
    frames(folder / "film.gif", 3)
    (folder / "round").symlink_to(".")
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    draw(folder / "x.jpg", 5).rename(os.fsdecode(b"photos/caf\xe9.jpg"))
    report = run("photos", "photos/p001.jpg", "photos/*.jpg")
    found = {path.rpartition("/")[2]: row["error"] for path, row in rows().items()}
    assert found == {
        "p000.jpg": None, "p001.jpg": None, "p002.jpg": None, "film.gif": None, "caf%E9.jpg": None,
        "empty.jpg": "empty", "text.png": "not a picture", "half.jpg": "truncated", "bomb.png": "too large",
        "gone.jpg": "missing",
    }  # fmt: skip
    assert rows()["photos/film.gif"]["frames"] == 3
    assert (report.rows, report.failed, report.several_frames) == (10, 5, 1)
    assert {one.reason: one.example for one in report.errors}["empty"] == "photos/empty.jpg"
    assert sum(one.count for one in report.classes) == sum(report.histogram) == 5
    assert [one.found.probability for one in report.unsure] == sorted(one.found.probability for one in report.unsure)
    assert summarise("out") == replace(report, run=None)
    assert [bool(one.thumbnail) for one in summarise("out", thumbnails=True).unsure] == [True] * 5


@pytest.mark.parametrize("form", FORMATS)
def test_the_formats_say_the_same(net: Path, form: Any) -> None:
    folder = folder_of(Path("photos"), 5)
    (folder / 'bad, "quoted"\nname.jpg').write_bytes(b"")
    run("photos", output="out", part_size=4)
    report = run("photos", output=form, part_size=4, format=form)
    assert replace(report, run=None, folder="out") == summarise("out")
    assert run("photos", output=form, part_size=4, format=form).run.pictures == 0
    first = (Path(form) / f"part-00001.{form}").read_bytes()
    if form == "jsonl":
        assert [json.loads(line) for line in first.splitlines()] == list(rows().values())[4:]
    elif form == "csv":
        assert first.splitlines()[0].startswith(b'"path","width","height","frames","error","detail","bytes"')
        assert b'"class_1","label_1","probability_1","class_2"' in first


def test_the_same_command_goes_on(net: Path) -> None:
    folder_of(Path("photos"), 5)
    assert run("photos", part_size=3).run.pictures == 5
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    again = run("photos", part_size=3)
    assert (again.run.pictures, again.run.known, again.run.limit, again.rows) == (0, 5, None, 5)
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before
    draw(Path("photos/added.jpg"), 9)
    assert run("photos", part_size=3).run.pictures == 1
    assert [part.rows for part in manifest().parts] == [3, 2, 1]
    assert "photos/added.jpg" in rows()


def test_pictures_that_have_changed(net: Path) -> None:
    folder_of(Path("photos"), 6)
    run("photos", part_size=3)
    before = rows()
    draw(Path("photos/p001.jpg"), 77, (64, 50))
    Path("photos/p004.jpg").write_bytes(b"")
    assert run("photos", part_size=3).run.pictures == 0
    assert run("photos", part_size=3, changed=True).run.pictures == 2
    after = rows()
    assert [(part.rows, part.errors) for part in manifest().parts] == [(2, 0), (2, 0), (2, 1)]
    assert {path for path in before if before[path] != after[path]} == {"photos/p001.jpg", "photos/p004.jpg"}
    assert (after["photos/p001.jpg"]["width"], after["photos/p004.jpg"]["error"]) == (64, "empty")
    assert {path.name for path in Path("out").glob("part-*")} == {part.file for part in manifest().parts}
    assert run("photos", part_size=3, changed=True).run.pictures == 0


OTHERS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"top": 2}, "top 2 instead of 5"),
    ({"fast": True}, "fast True instead of False"),
    ({"mean": (0.5, 0.5, 0.5)}, "another preprocessing"),
    ({"runtime": "reference"}, "runtime reference instead of ort:cpu"),
    ({"format": "csv"}, "format csv instead of parquet"),
    ({"labels": list("abcdefghij"), "batch": 4}, "another labels, batch 4 instead of None"),
)


def test_other_options_are_refused(net: Path) -> None:
    folder_of(Path("photos"), 1)
    run("photos")
    for options, said in OTHERS:
        with pytest.raises(UsageError) as caught:
            run("photos", **options)
        assert caught.value.message == f"out holds the results of another run: {said}."
        assert caught.value.hint == "Give the same model and options, or another --output."


def test_what_else_an_output_may_hold(net: Path) -> None:
    folder_of(Path("photos"), 2)
    with pytest.raises(UsageError, match=r"photos holds 'p000\.jpg', and no results of score\."):
        run("photos", output="photos")
    run("photos", part_size=1)
    part = Path("out", manifest().parts[0].file)
    content = part.read_bytes()
    part.write_bytes(content[:-1])
    with pytest.raises(
        InputError, match=r"out/part-00000\.parquet, which the manifest names, has \d+ bytes, and \d+ were"
    ):
        run("photos", part_size=1)
    part.unlink()
    with pytest.raises(InputError, match=r"out/part-00000\.parquet, which the manifest names, is missing\."):
        summarise("out")
    Path("out/manifest.json").write_text("{}")
    with pytest.raises(InputError, match=r"out/manifest\.json can't be read: "):
        run("photos")
    with pytest.raises(InputError, match=r"photos holds no results of score\."):
        summarise("photos")


def test_what_a_run_that_was_ended_leaves_is_removed(net: Path) -> None:
    folder_of(Path("photos"), 1)
    run("photos")
    Path("out/part-00007.parquet").write_bytes(b"half")
    Path("out/.part-00008.parquet.abc").mkdir()
    Path("out/.manifest.json.abc").mkdir()
    run("photos")
    assert sorted(path.name for path in Path("out").iterdir()) == [".lock", "manifest.json", "part-00000.parquet"]


def test_one_at_a_time(net: Path) -> None:
    folder_of(Path("photos"), 1)
    Path("out").mkdir()
    with Path("out/.lock").open("ab") as file:
        assert locked(file)
        with pytest.raises(UnavailableError, match="out is in use: score writes to it"):
            run("photos")
    assert run("photos").rows == 1


def test_a_full_disk_keeps_the_parts_before(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(Path("photos"), 6)
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if "part-00001" in str(path):
            write(path, content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(UnavailableError, match=r"part-00001\.parquet cannot be written: No space left on device"):
            run("photos", part_size=2)
    assert len(rows()) == 2
    assert run("photos", part_size=2).run.pictures == 4
    assert len(rows()) == 6


def test_elsewhere(net: Path, tmp_path: Path) -> None:
    folder_of(Path("photos"), 5)
    run("photos")
    place = tmp_path.as_uri()
    for expected in (5, 0):
        report = run(f"{place}/photos", output=f"{place}/elsewhere", part_size=2)
        assert (report.rows, report.run.pictures) == (5, expected)
    found = rows("elsewhere")
    assert [row["classes"] for row in found.values()] == [row["classes"] for row in rows().values()]
    assert next(iter(found)) == f"{place}/photos/p000.jpg"


def test_pictures_in_a_table(net: Path) -> None:
    folder_of(Path("photos"), 3)
    contents = [path.read_bytes() for path in sorted(Path("photos").iterdir())]
    pq.write_table(pa.table({"image": [{"bytes": one, "path": None} for one in contents]}), "held.parquet")
    run("photos")
    run("held.parquet", output="held")
    assert [row["classes"] for row in rows("held").values()] == [row["classes"] for row in rows().values()]


def test_no_pictures_and_no_labels(net: Path) -> None:
    Path("none").mkdir()
    with pytest.raises(ImageError, match=r"There are no pictures\."):
        run("none")
    Path("none/a.jpg").write_bytes(b"")
    with pytest.raises(ImageError) as caught:
        run("none")
    assert caught.value.message == "None of 1 pictures has a label. Of 1 it is empty, as none/a.jpg."
    assert caught.value.hint == "Their rows in out have the reasons."


def test_options_that_contradict(net: Path) -> None:
    folder_of(Path("photos"), 1)
    for options, message in (
        ({"format": "xml"}, "There is no format 'xml'."),
        ({"format": "csv", "logits": True}, "CSV has no lists, as logits are."),
        ({"format": "csv", "embedding": True}, "CSV has no lists, as an embedding is."),
        ({"logits": True, "head": "probabilities"}, "net.onnx gives probabilities, and no logits."),
        ({"top": 0}, "top is 0."),
        ({"part_size": 0}, "part_size is 0."),
    ):
        with pytest.raises(UsageError) as caught:
            run("photos", **options)
        assert caught.value.message == message


def test_fast_says_its_distance(net: Path) -> None:
    folder = folder_of(Path("photos"), 2)
    draw(folder / "large.jpg", 9, (480, 400))
    report = run("photos", fast=True)
    assert report.run.fast.pictures == 1
    assert 0 < report.run.fast.mean < report.run.fast.largest
    shutil.rmtree("out")
    (folder / "large.jpg").unlink()
    assert run("photos", fast=True).run.fast.pictures == 0


def test_numbers_that_are_not_finite(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from resnet_export.score.engine import Engine

    folder_of(Path("photos"), 3)
    right = Engine.run

    def wrong(self: Engine, batch: Any) -> Any:
        outputs = right(self, batch)
        assert outputs is not None
        outputs[1] = np.nan
        return outputs

    monkeypatch.setattr(Engine, "run", wrong)
    run("photos")
    assert [row["error"] for row in rows().values()] == [None, "not finite", None]


@pytest.mark.usefixtures("crashing")
def test_a_decoder_that_crashes_costs_its_row(net: Path) -> None:
    folder_of(Path("photos"), 2)
    draw(Path("photos/crash.jpg"), 3)
    run("photos")
    assert [row["error"] for row in rows().values()] == ["crashed", None, None]
