"""What frameworks say: silenced, or shortened to a reason."""

from __future__ import annotations

import logging
import sys
import warnings

import pytest

from resnet_export.convert.remarks import quiet, reason


def test_nothing_is_said(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with quiet():
        print("a graph")
        print("a graph", file=sys.stderr)
        warnings.warn("deprecated", UserWarning, stacklevel=1)
        logging.getLogger("torch").warning("not installed")
    assert capsys.readouterr() == ("", "")
    assert caplog.records == []


def test_afterwards_everything_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="left"), quiet():
        raise ValueError("left")
    logging.getLogger("torch").warning("heard")
    assert [record.message for record in caplog.records] == ["heard"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("two inputs.\nAnd more"), "ValueError: two inputs"),
        (AssertionError(), "AssertionError"),
        (
            ValueError("Exception encountered when calling A.call().\n\n\x1b[1m{{node a}} no NCHW.\x1b[0m\n\nGiven"),
            "ValueError: no NCHW",
        ),
    ],
)  # fmt: skip
def test_reason(error: Exception, said: str) -> None:
    assert reason(error) == said
