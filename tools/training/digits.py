"""The handwritten digits that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from resnet_export.errors import UsageError
from resnet_export.optional import require
from training.data import Data

SCALE = 2
"""The 8 x 8 digits are doubled, so that the last stage of a network still has something to look at."""
LEVELS = 16
"""The data set counts its pixels from 0 to 16."""


def digits(folder: Path | None) -> Data:
    """1797 grey digits, doubled to 16 x 16: three quarters to learn, the rest for the test.

    Raises:
        UsageError: a folder was given.
        MissingDependencyError: scikit-learn is not installed.
    """
    if folder is not None:
        raise UsageError("The digits come with scikit-learn, from no folder.", hint="Leave --data-folder out.")
    found = require("sklearn.datasets").load_digits()
    images = np.round(found.images * (255 / LEVELS)).astype(np.uint8)[..., None]
    images = images.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    learnt, unseen, labels, answers = require("sklearn.model_selection").train_test_split(
        images, found.target.astype(np.int64), test_size=0.25, random_state=0, stratify=found.target
    )
    return Data("digits", learnt, labels, unseen, answers, tuple("0123456789"), SCALE, mirrored=False)
