"""What timm's training script says in its checkpoints: the name of the model, and the options that it was called with.

The options are read as `timm.data.resolve_data_config(vars(args), pretrained_cfg=...)` reads them.
"""

import re
from collections.abc import Mapping
from numbers import Real
from typing import Any

NAME = re.compile(r"[a-z]\w*\d\w*(\.\w+)?")
"""Of a model, such as `resnet50d.ra2_in1k`; where timm knows none, it writes the class's, which has no digit."""


def read(content: object) -> tuple[str | None, dict[str, Any]]:
    """(the model's name, how pictures were prepared in the names of timm's configurations), as far as it says."""
    held = content if isinstance(content, Mapping) else {}
    name, args = held.get("arch"), held.get("args")
    if not isinstance(name, str):
        return None, {}
    options = args if isinstance(args, Mapping) else getattr(args, "__dict__", {})
    return (name if NAME.fullmatch(name) else None), _preparation(options)


def _preparation(options: Mapping[str, Any]) -> dict[str, Any]:
    """None and '' mean that an option wasn't given; a value that timm can't take is left out likewise."""
    side, size = options.get("img_size"), _numbers(options.get("input_size"), int)
    channels = next((one for name in ("in_chans", "chans") if isinstance(one := options.get(name), int)), 3)
    if len(size) != 3 and isinstance(side, int) and side > 0:
        size = (channels, side, side)
    channels, *_ = size or (channels,)
    moments = {name: _numbers(options.get(name), Real) for name in ("mean", "std")}
    share = options.get("crop_pct")
    # What is given holds at the size of the test, too.
    return {
        **({"input_size": size, "test_input_size": None} if len(size) == 3 else {}),
        **({"crop_pct": share, "test_crop_pct": share} if isinstance(share, int | float) and share > 0 else {}),
        **{name: one for name in ("interpolation", "crop_mode") if isinstance(one := options.get(name), str) and one},
        **{name: one * channels if len(one) == 1 else one for name, one in moments.items() if one},
    }


def _numbers(value: object, kind: type) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) and all(isinstance(one, kind) for one in value) else ()
