from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resnet_export.errors import ImageError, InputError
from resnet_export.score.listing import check_inputs, list_pictures
from tests.score.pictures import draw, folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def names(*inputs: str) -> list[str]:
    check_inputs(inputs)
    return [source.name for source in list_pictures(inputs)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures, as the current one."""
    monkeypatch.chdir(tmp_path)
    folder_of(Path("photos"), 2)
    Path("photos", "inner").mkdir()
    draw(Path("photos", "inner", "a.PNG"), 1)
    draw(Path("photos", "inner", "b.heic.jpg"), 1).rename("photos/inner/b.heic")
    Path("photos", "notes.txt").write_text("no picture")
    return tmp_path


FOUND = ["photos/p000.jpg", "photos/p001.jpg", "photos/inner/a.PNG", "photos/inner/b.heic"]


def test_a_folder(here: Path) -> None:
    for hidden in ("photos/._p000.jpg", "photos/__MACOSX/a.jpg", "photos/inner/.thumbs/a.jpg"):
        Path(hidden).parent.mkdir(exist_ok=True)
        Path(hidden).write_bytes(b"no picture")
    assert names("photos") == names("./photos/") == FOUND
    first = next(iter(list_pictures(["photos"])))
    status = Path("photos/p000.jpg").stat()
    assert (first.size, first.modified, first.content) == (status.st_size, status.st_mtime_ns, None)


def test_a_folder_elsewhere(here: Path) -> None:
    address = (here / "photos").as_uri()
    found = list(list_pictures([address]))
    assert [source.name for source in found] == [f"{address}{name.removeprefix('photos')}" for name in FOUND]
    assert found[0].size == Path("photos/p000.jpg").stat().st_size


def test_patterns_and_files(here: Path) -> None:
    assert names("photos/*.jpg") == FOUND[:2]
    assert sorted(names("photos/**/*")) == sorted(FOUND)
    assert names("./photos//p000.jpg", "photos/p001.jpg") == FOUND[:2]
    assert names("photos/*.gif") == []


def test_links(here: Path) -> None:
    Path("photos/round").symlink_to("../photos")
    Path("photos/self.jpg").symlink_to("self.jpg")
    Path("photos/gone.jpg").symlink_to("nowhere.jpg")
    Path("photos/linked.jpg").symlink_to("p000.jpg")
    linked = [f"photos/{name}.jpg" for name in ("gone", "linked", "p000", "p001", "self")]
    assert names("photos") == [*linked, *FOUND[2:]]
    assert sorted(names("photos/**/*.jpg")) == linked


def test_a_list_of_lines(here: Path) -> None:
    Path("photos/list.txt").write_text(f"p001.jpg\n\n../photos/inner/a.PNG\n{here}/photos/p000.jpg\nnone.jpg\n")
    assert names("photos/list.txt") == [
        "photos/p001.jpg", "photos/../photos/inner/a.PNG", f"{here}/photos/p000.jpg", "photos/none.jpg",
    ]  # fmt: skip


def test_a_table(here: Path) -> None:
    Path("photos/list.csv").write_text('label,path\ncat,p001.jpg\ndog,"inner/a.PNG"\n,\n')
    assert names("photos/list.csv") == ["photos/p001.jpg", "photos/inner/a.PNG"]
    Path("photos/list.csv").write_text("label,file\ncat,p001.jpg\n")
    with pytest.raises(InputError, match=r"The list photos/list.csv has no column 'path'; it has 'label', 'file'\."):
        names("photos/list.csv")


def test_a_parquet_file_with_paths(here: Path) -> None:
    pq.write_table(pa.table({"n": [1, 2], "path": ["p001.jpg", "inner/a.PNG"]}), "photos/list.parquet")
    assert names("photos/list.parquet") == ["photos/p001.jpg", "photos/inner/a.PNG"]


@pytest.mark.parametrize("held", ["struct", "bytes"])
def test_a_parquet_file_with_pictures(here: Path, held: str) -> None:
    contents = [Path(name).read_bytes() for name in FOUND[:2]] + [None]
    values = contents if held == "bytes" else [{"bytes": one, "path": "p.jpg"} for one in contents]
    pq.write_table(pa.table({"label": [1, 2, 3], "image": values}), "held.parquet")
    found = list(list_pictures(["held.parquet"]))
    assert [source.name for source in found] == [f"held.parquet#{row}" for row in range(3)]
    assert [source.content for source in found] == [*contents[:2], b""]
    assert len(list(list_pictures(["held.parquet"], contents=False))) == 3


def test_lists_that_cannot_be_read(here: Path) -> None:
    Path("list.parquet").write_bytes(b"PAR1 no table")
    with pytest.raises(InputError, match=r"The list list\.parquet cannot be read: "):
        names("list.parquet")
    pq.write_table(pa.table({"label": [1]}), "list.parquet")
    with pytest.raises(InputError, match=r"has no column 'path'; it has 'label'"):
        names("list.parquet")


@pytest.mark.parametrize(("given", "message"), [([], "No pictures were given."), (["none"], "There is no none.")])
def test_nothing_there(given: list[str], message: str, here: Path) -> None:
    with pytest.raises(ImageError) as caught:
        check_inputs(given)
    assert caught.value.message == message
    assert caught.value.hint == (
        "Give pictures, folders, patterns such as 'photos/*.jpg', or lists in .txt, .csv or .parquet."
    )


def test_folders_that_cannot_be_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def closed(folder: str) -> Iterator[os.DirEntry[str]]:
        if folder.endswith("inner"):
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", closed)
    assert names("photos") == [*FOUND[:2], "photos/inner"]
    with pytest.raises(ImageError, match=r"photos/inner cannot be read: Permission denied\."):
        check_inputs(["photos/inner"])


def test_names_that_are_no_text(here: Path) -> None:
    Path("photos/p000.jpg").rename(os.fsdecode(b"photos/caf\xe9.jpg"))
    Path("list.txt").write_bytes(b"photos/caf\xe9.jpg\n")
    for given in ("photos", "list.txt"):
        assert names(given)[0] == f"{here.as_uri()}/photos/caf%E9.jpg"
