from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from resnet_export import files
from resnet_export.errors import ResNetExportError, UnavailableError, UsageError
from resnet_export.files import refuse_filled_folder, refuse_overwriting, reported, staged, staged_folder


def everything(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_file_appears_on_leaving(tmp_path: Path) -> None:
    target = tmp_path / "model.onnx"
    with staged(target) as temporary:
        temporary.write_bytes(b"new")
        assert temporary.name == target.name
        assert temporary.parent.parent == tmp_path  # on the same file system: the rename is atomic
        assert not target.exists()
    assert everything(tmp_path) == {"model.onnx": b"new"}


def test_an_old_file_stands_until_then(tmp_path: Path) -> None:
    target = tmp_path / "model.onnx"
    target.write_bytes(b"old")
    with staged(target) as temporary:
        temporary.write_bytes(b"new")
        assert target.read_bytes() == b"old"
    assert everything(tmp_path) == {"model.onnx": b"new"}


def test_other_files_move_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    original = Path.replace

    def replace(self: Path, target: Path) -> Path:
        moved.append(self.name)
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with staged(tmp_path / "model.onnx") as temporary:
        temporary.write_bytes(b"graph")
        temporary.with_name("model.onnx.data").write_bytes(b"numbers")
        temporary.with_name("zzz").write_bytes(b"last by name")
    assert moved[-1] == "model.onnx"
    assert everything(tmp_path) == {"model.onnx": b"graph", "model.onnx.data": b"numbers", "zzz": b"last by name"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), ValueError("no"), MemoryError()])
def test_any_exception_leaves_everything_as_it_was(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "model.onnx"
    target.write_bytes(b"old")

    def interrupted() -> None:
        with staged(target) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)) as caught:
        interrupted()
    assert caught.value is error
    assert everything(tmp_path) == {"model.onnx": b"old"}


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with staged(tmp_path / "model.onnx") as temporary:
            temporary.write_bytes(b"new")
        assert os.umask(mask) == mask  # reading the umask has not changed it
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model.onnx").stat().st_mode) == 0o666 & ~mask


def test_a_disk_that_turns_out_to_be_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "model.onnx"
    target.write_bytes(b"old")

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_sync", full)
    with pytest.raises(UnavailableError) as caught, staged(target) as temporary:
        temporary.write_bytes(b"new")
    assert caught.value.message == f"{target} cannot be written: No space left on device. Nothing was changed."
    assert caught.value.exit_code == 5
    assert everything(tmp_path) == {"model.onnx": b"old"}


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    target = tmp_path / "file" / "model.onnx"
    with pytest.raises(UnavailableError) as caught, staged(target):
        pass
    assert caught.value.message == f"{target} cannot be written: Not a directory. Nothing was changed."


def test_reported_lets_other_errors_through() -> None:
    with pytest.raises(ValueError, match="mine") as caught, reported("x"):
        raise ValueError("mine")
    assert not isinstance(caught.value, ResNetExportError)


def test_reported_has_a_reason_without_a_number() -> None:
    with (
        pytest.raises(UnavailableError, match=r"^x cannot be written: odd\. Nothing was changed\.") as caught,
        reported("x"),
    ):
        raise OSError("odd")
    assert caught.value.hint == "Free some space, or give a place that can be written."
    assert isinstance(caught.value.__cause__, OSError)


def test_refuse_overwriting(tmp_path: Path) -> None:
    old = tmp_path / "old.onnx"
    old.write_bytes(b"old")
    with pytest.raises(UsageError) as caught:
        refuse_overwriting(old, force=False)
    assert caught.value.message == f"{old} exists already."
    assert caught.value.hint == "Give --force to replace it, or another --output."
    refuse_overwriting(old, force=True)
    refuse_overwriting(tmp_path / "new.onnx", force=False)
    assert everything(tmp_path) == {"old.onnx": b"old"}


@pytest.mark.parametrize("force", [False, True])
def test_refuse_a_folder(tmp_path: Path, force: bool) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_overwriting(tmp_path, force=force)
    assert caught.value.message == f"{tmp_path} is a folder."


def test_refuse_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_overwriting(tmp_path / "missing" / "model.onnx", force=False)
    assert caught.value.message == f"The folder {tmp_path / 'missing'} does not exist."


def test_refuse_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UnavailableError) as caught:
        refuse_overwriting(tmp_path / "model.onnx", force=False)
    assert caught.value.message == f"The folder {tmp_path} is not writable."


def test_a_folder_appears_on_leaving_in_place_of_another(tmp_path: Path) -> None:
    target = tmp_path / "above" / "bundle"
    for content in (b"old", b"new"):
        with staged_folder(target) as temporary:
            (temporary / "file").write_bytes(content)
            (temporary / "sub").mkdir()
        assert (target / "file").read_bytes() == content
    assert [path.name for path in target.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_old_folder_stays_where_something_goes_wrong(error: BaseException, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "file").write_bytes(b"old")
    with pytest.raises(BaseException), staged_folder(target) as temporary:  # noqa: B017, PT012 - whichever was raised
        (temporary / "file").write_bytes(b"new")
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert everything(target) == {"file": b"old"}


def test_an_old_folder_comes_back_where_the_new_one_cannot_be_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "file").write_bytes(b"old")
    original = Path.replace

    def replace(self: Path, where: Path) -> Path:
        if self.name == "made":
            raise PermissionError(errno.EACCES, "Permission denied")
        return original(self, where)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(UnavailableError, match="Permission denied"), staged_folder(target):
        pass
    assert everything(target) == {"file": b"old"}
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_folder_is_refused_that_holds_something(tmp_path: Path) -> None:
    ours, others = (lambda folder: True), (lambda folder: False)
    refuse_filled_folder(tmp_path, force=False, ours=others)
    refuse_filled_folder(tmp_path / "none", force=False, ours=others)
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(UsageError, match="is not empty") as caught:
        refuse_filled_folder(tmp_path, force=False, ours=ours)
    assert "--force" in (caught.value.hint or "")
    refuse_filled_folder(tmp_path, force=True, ours=ours)
    with pytest.raises(UsageError, match="is not empty: it holds 'file', and no former result"):
        refuse_filled_folder(tmp_path, force=True, ours=others)
    with pytest.raises(UsageError, match="is a file"):
        refuse_filled_folder(tmp_path / "file", force=True, ours=ours)


def test_the_cache_is_the_users_own_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESNET_EXPORT_CACHE", raising=False)
    assert files.cache_folder().name == "resnet-export"
