"""A decoder that behaves as badly as the names of the pictures say."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from resnet_export.classify.decoder import Decoder

if TYPE_CHECKING:
    from resnet_export.classify.decoder import Chunk, Decoded


class Crashing(Decoder):
    def decode(self, chunk: Chunk) -> list[Decoded]:
        for source in chunk.sources:
            if "crash" in source.name:
                os._exit(3)
            if "killed" in source.name:
                os.kill(os.getpid(), signal.SIGKILL)
            if "hang" in source.name:
                time.sleep(600)
        return super().decode(chunk)
