"""`resnet-export verify`: is a file the network that it says it is, in every runtime that is here?"""

from functools import partial
from pathlib import Path
from typing import Any

import click

from resnet_export.cli.options import GroupedCommand, option, removed
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.values import RUNTIME, SIZE
from resnet_export.errors import ParityError, UsageError
from resnet_export.terminal import number

checked = partial(option, heading="Check")


@click.command(
    cls=GroupedCommand,
    help="""Check that an ONNX file is the network that it says it is.

    Every runtime that is installed here runs it, and each is held against the network in float64.
    Takes any .onnx file that classifies images, whoever wrote it; and the folder of a bundle, whose networks then
    answer its golden pictures in the runtime that they were made for.

    Exit code 0: it passed. 1: it failed. 3: a file cannot be used. With --runtime also 1: that runtime cannot run the
    file, 4: it is not installed, 5: it lacks a library, driver or device.

    \b
    Examples:
      resnet-export verify resnet18.onnx
      resnet-export verify resnet18.onnx --runtime ort:cpu --images photos/
      resnet-export verify resnet18.onnx --runtime openvino,precision=bfloat16
      resnet-export verify other.onnx --weights checkpoint.pth --output why.html
      resnet-export verify new.onnx --weights old.onnx
      resnet-export verify bundles/openvino
    """,
)
@click.argument("file", type=click.Path())
@checked(
    "--runtime",
    "runtimes",
    multiple=True,
    type=RUNTIME,
    help="Run it here. Give it once for each.  [default: all that are installed]",
)
@checked(
    "--weights",
    type=click.Path(),
    metavar="FILE",
    help="What it should hold: a checkpoint, a whole Keras model, or another .onnx file.",
)
@checked("--images", type=click.Path(), metavar="FOLDER", help="Check on these pictures too, beside random input.")
@checked("--image-size", type=SIZE, metavar="PIXELS", help="Height and width, for a file that leaves them open.")
@checked("--allow-fallback", is_flag=True, help="Go on where nodes run elsewhere than asked for.")
@checked("--bisect", is_flag=True, help="Show the error layer by layer, even when nothing failed.")
@removed("--html", "--output page.html")
@removed("--junit", "--output results.xml")
@output_options("VerifyReport", verbose="Show the stages, and what is printed meanwhile.")
def verify(file: str, runtimes: tuple[str, ...], bisect: bool, out: Output, **options: Any) -> None:
    """Verifies, prints, and leaves with 1 when the check failed."""
    from resnet_export.cli.memory import return_freed

    return_freed()
    out.refuse(file, options["weights"])
    with out.progress() as progress:
        from resnet_export.runtimes.bundle import is_bundle

        named = tuple(dict.fromkeys(runtimes)) or None
        if is_bundle(Path(file)):
            from resnet_export.deploy.check import verify_bundle

            if bisect or any(options.values()):
                raise UsageError("A bundle is checked on its own pictures.", hint="Give --runtime alone, or nothing.")
            report = verify_bundle(file, runtimes=named, progress=progress)
        else:
            from resnet_export.parity.verify import verify as check

            inside = bisect or "html" in out.forms
            report = check(file, runtimes=named, bisect=inside, progress=progress, **options)
    out.show(report, layers=bisect)
    if not report.passed:
        raise ParityError(f"{file} did not pass: {number(len(report.failures), 'check')} failed.")
