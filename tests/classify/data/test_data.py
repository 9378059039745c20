"""Labelled pictures as people have them, and what is wrong with them."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from resnet_export.classify.data import read_dataset
from resnet_export.errors import ImageError, InputError, LabelsError

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 9, 3), np.uint8)
LABELS = np.array([0, 1, 2, 2, 1, 0])


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(PIXELS[0]).save(path)
    return path


def refused(path: Path, kind: type[InputError]) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        read_dataset(path)
    assert type(caught.value) is kind
    assert caught.value.hint is not None
    return caught.value.message, caught.value.hint


class TestFolders:
    def test_a_folder_for_each_class(self, tmp_path: Path) -> None:
        hidden = (".hidden/x.png", "__MACOSX/cat/1.png", "cat/._2.png", "._loose.png")
        for name in ("dog/b.png", "cat/2.png", "cat/deeper/1.png", "empty/notes.txt", "loose.png", *hidden):
            picture(tmp_path / name) if name.endswith("png") else (tmp_path / name).parent.mkdir()
        found = read_dataset(tmp_path)
        assert [name.removeprefix(f"{tmp_path}/") for name in found.names] == [
            "cat/2.png", "cat/deeper/1.png", "dog/b.png",
        ]  # fmt: skip
        assert list(found.labels) == [("cat",), ("cat",), ("dog",)]
        assert found.classes == ("cat", "dog", "empty")
        assert found.notes == ("'empty' has no pictures.", "1 picture beside the class folders took no part.")

    @pytest.mark.parametrize(
        ("names", "kind", "message"),
        [
            ([], ImageError, "The folder {} holds neither class folders nor pictures."),
            (["a.png"], ImageError, "The folder {} holds 1 picture and no class folders."),
            (["cat/a.png"], LabelsError, "The folder {} has one class folder, 'cat'."),
            (["cat/a.txt", "dog/b.txt"], ImageError, "No class folder of {} holds a picture ("),
        ],
    )
    def test_others(self, names: list[str], kind: type[InputError], message: str, tmp_path: Path) -> None:
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"")
        said, hint = refused(tmp_path, kind)
        assert said.startswith(message.format(tmp_path))
        assert hint == "Give the folder that has a folder of pictures for each class."


class TestTables:
    def test_paths_from_the_folder_of_the_table_on(self, tmp_path: Path) -> None:
        (tmp_path / "val.csv").write_text("\ufefflabel, path ,more\ncat,a.png,1\n dog ,b/c.png,2\n", encoding="utf-8")
        found = read_dataset(tmp_path / "val.csv")
        assert list(found.names) == [str(tmp_path / "a.png"), str(tmp_path / "b" / "c.png")]
        assert (list(found.labels), found.classes) == ([("cat",), ("dog",)], ("cat", "dog"))

    @pytest.mark.parametrize(
        ("labels", "order"), [("1 10 9 2", "1 2 9 10"), ("2.0 10.0", "2.0 10.0"), ("1 10 9 b", "1 10 9 b")]
    )
    def test_numbers_are_sorted_by_their_value(self, labels: str, order: str, tmp_path: Path) -> None:
        rows = [f"{at}.png,{label}" for at, label in enumerate(labels.split())]
        (tmp_path / "val.csv").write_text("\n".join(["path,label", *rows]))
        assert read_dataset(tmp_path / "val.csv").classes == tuple(order.split())

    def test_several_labels_and_none(self, tmp_path: Path) -> None:
        (tmp_path / "val.csv").write_text("path,label\na.png,cat; dog\nb.png,\n")
        assert list(read_dataset(tmp_path / "val.csv").labels) == [("cat", "dog"), ()]

    @pytest.mark.parametrize(
        ("text", "kind", "message"),
        [
            ("", InputError, "has no column 'path' and no column 'label'; its first line has nothing."),
            (
                "a.png,cat\n",
                InputError,
                "has no column 'path' and no column 'label'; its first line has 'a.png', 'cat'.",
            ),
            ("path,class\na.png,1\n", InputError, "has no column 'label'; its first line has 'path', 'class'."),
            ("path,label\n", ImageError, "lists no pictures."),
            ("path,label\na.png,cat\nb.png\n", InputError, "Row 2 of "),
            ("path,label\n,cat\n", InputError, "Row 1 of "),
            ("path,label\n\xff", InputError, "cannot be read as a table: "),
        ],
    )
    def test_others(self, text: str, kind: type[InputError], message: str, tmp_path: Path) -> None:
        (tmp_path / "val.csv").write_text(text, encoding="latin-1")
        said, hint = refused(tmp_path / "val.csv", kind)
        assert message in said
        assert hint.startswith("Give a file whose first line is path,label")


class TestArchives:
    @pytest.mark.parametrize("names", [("images", "labels"), ("x_test", "y_test")])
    @pytest.mark.parametrize("shape", [(6,), (6, 1)])
    def test_pictures_and_numbers(self, names: tuple[str, str], shape: tuple[int, ...], tmp_path: Path) -> None:
        np.savez(tmp_path / "val.npz", **{names[0]: PIXELS, names[1]: LABELS.reshape(shape)})
        found = read_dataset(tmp_path / "val.npz")
        assert list(found.labels) == [(label,) for label in LABELS.tolist()]
        assert (found.classes, found.normalised) == (None, False)
        assert found.names[2] == f"{tmp_path / 'val.npz'}[2]"
        assert np.array_equal(np.asarray(found.pictures), PIXELS)

    @pytest.mark.parametrize("kind", ["uint8", "bool", "float32"])
    def test_a_row_for_each_picture(self, kind: str, tmp_path: Path) -> None:
        rows = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]]).astype(kind)
        np.savez(tmp_path / "val.npz", images=PIXELS[:3], labels=rows)
        found = read_dataset(tmp_path / "val.npz")
        assert (list(found.labels), found.columns) == ([(0, 2), (), (1,)], 3)

    def test_grey_and_normalised_pictures(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "grey.npz", images=PIXELS[..., 0], labels=LABELS)
        assert np.shape(read_dataset(tmp_path / "grey.npz").pictures) == (6, 8, 9, 1)
        np.savez(tmp_path / "done.npz", images=np.zeros((6, 3, 8, 8), np.float32), labels=LABELS)
        assert read_dataset(tmp_path / "done.npz").normalised

    @pytest.mark.parametrize(
        ("arrays", "kind", "message"),
        [
            ({"pictures": PIXELS}, InputError, "has no arrays images and labels, but pictures."),
            ({"images": PIXELS.astype(int), "labels": LABELS}, ImageError, "are int64 of 6 x 8 x 9 x 3."),
            ({"images": PIXELS[..., :2], "labels": LABELS}, ImageError, "are uint8 of 6 x 8 x 9 x 2."),
            ({"images": np.zeros((6, 8)), "labels": LABELS}, ImageError, "are float64 of 6 x 8."),
            ({"images": PIXELS[:0], "labels": LABELS[:0]}, ImageError, "holds no pictures."),
            ({"images": PIXELS, "labels": LABELS[:4]}, LabelsError, "has 4 labels for 6 pictures."),
            ({"images": PIXELS, "labels": np.array(3)}, LabelsError, "has a single number for 6 pictures."),
            ({"images": PIXELS, "labels": LABELS / 2}, LabelsError, "are float64 of 6."),
            ({"images": PIXELS, "labels": np.full((6, 2), 3)}, LabelsError, "are int64 of 6 x 2."),
            ({"images": PIXELS, "labels": np.array(list("abcdef"))}, LabelsError, "are <U1 of 6."),
            ({"images": np.array([None] * 6), "labels": LABELS}, InputError, "cannot be read as an .npz: "),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_others(self, arrays: dict[str, Any], kind: type[InputError], message: str, tmp_path: Path) -> None:
        np.savez(tmp_path / "val.npz", **arrays)
        assert message in refused(tmp_path / "val.npz", kind)[0]

    def test_a_damaged_one(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "val.npz", images=PIXELS, labels=LABELS)
        content = (tmp_path / "val.npz").read_bytes()
        np.save(tmp_path / "single.npy", LABELS)
        for damaged in (b"", b"no archive", content[:200], (tmp_path / "single.npy").read_bytes()):
            (tmp_path / "val.npz").write_bytes(damaged)
            assert "val.npz cannot be read as an .npz: " in refused(tmp_path / "val.npz", InputError)[0]


def idx(array: np.ndarray[Any, Any]) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


class TestIdx:
    @pytest.mark.parametrize("suffix", ["", ".gz"])
    def test_those_to_test_with_come_first(self, suffix: str, tmp_path: Path) -> None:
        for part, count in (("train", 6), ("t10k", 4)):
            for kind, array in (("images-idx3", PIXELS[:count, ..., 0]), ("labels-idx1", LABELS[:count])):
                data = gzip.compress(idx(array)) if suffix else idx(array)
                (tmp_path / f"{part}-{kind}-ubyte{suffix}").write_bytes(data)
        found = read_dataset(tmp_path)
        assert np.array_equal(np.asarray(found.pictures), PIXELS[:4, ..., :1])
        assert list(found.labels) == [(label,) for label in LABELS[:4].tolist()]
        assert found.names[0].endswith(f"t10k-images-idx3-ubyte{suffix}[0]")

    @pytest.mark.parametrize("damage", [b"", b"\x00\x00\x0d\x01aaaa", idx(LABELS)[:-1], b"\x1f\x8b nothing"])
    def test_a_damaged_one(self, damage: bytes, tmp_path: Path) -> None:
        (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(PIXELS[..., 0]))
        (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(damage)
        assert "t10k-labels-idx1-ubyte cannot be read: " in refused(tmp_path, InputError)[0]


@pytest.mark.parametrize(("name", "message"), [("none", "There is no "), ("val.txt", "is no data set.")])
def test_what_is_no_data_set(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("")
    said, hint = refused(tmp_path / name, InputError)
    assert message in said
    assert hint.startswith("Give a folder of class folders, a .csv of path,label, an .npz ")
