"""A decoder that one picture brings down."""

from __future__ import annotations

import os

from resnet_export.classify import decoding


class Decoder(decoding.Decoder):
    """As the package's own, but for the picture that `DIES_OF` names."""

    def decode(self, chunk: decoding.Chunk) -> list[object]:  # type: ignore[override]
        if os.environ["DIES_OF"] in map(str, chunk.paths):
            os._exit(3)
        return list(super().decode(chunk))
