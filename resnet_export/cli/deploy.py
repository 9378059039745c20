"""`resnet-export deploy`: a file as a bundle for the runtime where it will live, proven there."""

from functools import partial
from typing import Any

import click

from resnet_export.cli.options import GroupedCommand, option
from resnet_export.cli.output import Output, output_options
from resnet_export.cli.values import Value
from resnet_export.errors import kind_of


def _targets() -> list[str]:
    from resnet_export.deploy.target import names

    return names()


TARGETS = Value("name[,name...]", lambda text: tuple(filter(None, text.split(","))), _targets)
bundle = partial(option, heading="Bundle")


@click.command(
    cls=GroupedCommand,
    help="""Carry an ONNX file to the runtime where it will live, and prove it there.

    Writes a folder that runs without this package: the network, a client to copy into your product, pictures with the
    answers that they should have, and a self-test. It is written once its own client has given the answers of the file.
    With several targets, each has a folder below --output, and succeeds or fails alone.

    Exit code 0: all bundles were written. 1: a proof failed. 3: the file can't be carried there. 4: a package is not
    installed, 5: a tool is missing or the folder can't be written. If several targets fail, it is the lowest of these.

    \b
    Examples:
      resnet-export deploy resnet18.onnx --target ort --output bundle/
      resnet-export deploy resnet18.onnx --target node,openvino --output bundles/
      resnet-export deploy resnet18.onnx --target ncnn -o app/ --images photos/
      resnet-export deploy resnet18.onnx --target litert -o app/ --calibrate x/
      resnet-export deploy --list
    """,
)
@click.argument("file", type=click.Path(), required=False)
@bundle("--target", "targets", multiple=True, type=TARGETS, help="Where to: see --list. Several with commas between.")
@bundle("--output", "-o", type=click.Path(), metavar="FOLDER", help="The bundle's folder; with several, the one above.")
@bundle("--images", type=click.Path(), metavar="FOLDER", help="Prove it on these photographs too.")
@bundle("--labels", type=click.Path(), metavar="FILE", help="Class names, one a line.  [default: those in the file]")
@bundle("--calibrate", type=click.Path(), metavar="FOLDER", help="For litert: quantise to int8 on these pictures, too.")
@bundle(
    "--for",
    "platform",
    type=click.Choice(["amd64", "arm"]),
    help="For ort: the CPUs that the .ort file is optimised for.  [default: those of this machine]",
)
@bundle("--list", "listed", is_flag=True, help="Show the targets, and what is missing here.")
@output_options("DeployReport", files="--report", verbose="Show the stages, and what is printed meanwhile.")
def deploy(
    file: str | None,
    targets: tuple[tuple[str, ...], ...],
    output: str | None,
    listed: bool,
    out: Output,
    **options: Any,
) -> None:
    """Writes the bundles, prints what became of them, and leaves with the lowest exit code of those that failed."""
    if listed:
        from resnet_export.deploy import list_targets

        with out.progress():
            found = list_targets()
        out.show(found)
        return
    names = [name for group in targets for name in group]
    for given, what in ((file, "FILE"), (names, "--target"), (output, "--output")):
        if not given:
            raise click.UsageError(f"Give {what}, or --list.")
    out.refuse(file, options["labels"])
    with out.progress() as progress:
        from resnet_export.deploy import deploy as carry

        assert file is not None, "checked above"
        assert output is not None, "checked above"
        report = carry(file, names, output, force=out.force, progress=progress, **options)
    out.show(report)
    failed = [bundle for bundle in report.bundles if bundle.exit_code]
    if failed:
        targeted = ", ".join(bundle.target for bundle in failed)
        raise kind_of(report.exit_code)(f"No bundle was written for {targeted}; the result says why.")
