"""`resnet-export bench compare`: is B faster than A, slower, or the same?"""

import math
import time
from functools import partial
from typing import Any

import click

from resnet_export import interruption
from resnet_export.cli.options import GroupedCommand, budget_of, duration, option
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.values import SHARE, whole
from resnet_export.errors import ResNetExportError, UndecidedError, UsageError
from resnet_export.terminal import number

what, how = (partial(option, heading=name) for name in ("What", "How"))


@click.command(
    "compare",
    cls=GroupedCommand,
    help="""Compare two files, runtimes or options.

    Short blocks of both take turns, in fresh processes again and again, so that whatever disturbs the machine disturbs
    both. The verdict is on B: faster, slower, equivalent or inconclusive.

    A is the first file and B the second, or the same one. --a and --b say what else a side is, as key=value with
    commas between them. Keys are model, runtime, batch, threads, io (host or device), allow_fallback (true), and the
    options of the runtime. What B leaves out is A's; without a runtime it is ort:cpu, for a bundle its own.

    Exit code 0: compared, whatever the verdict. 1: a side failed, crashed or hung, or the verdict is that of --fail-if.
    2, 3: an option or a file has an invalid value. 4: something is not installed. 5: a runtime lacks a library, driver
    or device. 6: with --fail-if, the verdict is inconclusive.

    \b
    Examples:
      resnet-export bench compare a.onnx b.onnx
      resnet-export bench compare a.onnx --a threads=1 --b threads=2
      resnet-export bench compare a.onnx --b runtime=openvino
      resnet-export bench compare a.onnx b.onnx --fail-if slower
    """,
    short_help="Is B faster than A?",
)
@click.argument("files", type=click.Path(), nargs=-1, metavar="[A] [B]")
@what("--a", default="", metavar="KEY=VALUE[,...]", help="What B is compared with.")
@what("--b", default="", metavar="KEY=VALUE[,...]", help="The other; what it leaves out is A's.")
@how("--band", type=SHARE, default="1.5%", help="Equivalent means within 1 plus or minus this.  [default: 1.5%]")
@duration("How", default=60)
@how("--seed", type=whole(0), default=0, help="Seed of the random order.  [default: 0]")
@how(
    "--fail-if",
    type=click.Choice(["slower", "faster"]),
    help="Leave with 1 when B is that, and with 6 when it can't be told.",
)
@output_options("Comparison", verbose="Show what is printed meanwhile.")
def compare(
    *,
    files: tuple[str, ...],
    a: str,
    b: str,
    seconds: int | None,
    quick: bool,
    fail_if: str | None,
    out: Output,
    **options: Any,
) -> None:
    """Compares, prints, and leaves with 1 on a verdict that was not wanted."""
    begun = time.monotonic()
    from resnet_export.bench.sampling import DEFAULT

    budget = budget_of(seconds, quick=quick) or DEFAULT
    with out.progress() as progress:
        from resnet_export.bench.compare import compare as measure
        from resnet_export.bench.compare.side import read_sides

        sides = read_sides(*_with_files(files, a, b))
        out.refuse(*(side.model.path for side in sides))
        found = measure(*sides, budget.seconds, progress=progress, begun=begun, **options)
    out.show(found)
    if found.interrupted:
        interruption.explain(lambda: f"this is what {number(len(found.launches), 'launch', 'launches')} said")
        raise KeyboardInterrupt
    if found.verdict == fail_if:
        raise ResNetExportError(f"B is {found.verdict}, which --fail-if is for.")
    if fail_if is not None and found.verdict == "inconclusive":
        needed = found.needs_seconds
        raise UndecidedError(
            f"Whether B is {fail_if} can't be told from this.",
            hint=None if needed is None else f"Measure longer: --seconds {10 * math.ceil(needed / 10)}",
        )


def _with_files(files: tuple[str, ...], a: str, b: str) -> tuple[str, str]:
    """The texts of both sides, with the files that stand for `model=`."""
    if len(files) > 2 or not (a or files) or not (b or files[1:]):
        given = f"{len(files)} files are given" if len(files) > 2 else f"{'B' if a or files else 'A'} is missing"
        raise UsageError(
            f"Two sides are compared, and {given}.",
            hint="Name two files, or a file and what B does otherwise, such as: a.onnx --b threads=2",
        )
    models = [f"model={file}" for file in files] + [""] * 2
    a, b = (",".join(filter(None, side)) for side in zip(models, (a, b), strict=False))
    return a, b
