"""The group `resnet-export bench`: what is not the name of a sub-command belongs to `run`."""

import click

from resnet_export.cli.bench_check import check
from resnet_export.cli.bench_compare import compare
from resnet_export.cli.bench_profile import profile
from resnet_export.cli.bench_run import HELP, run
from resnet_export.cli.options import GroupedOptions


class Bench(GroupedOptions, click.Group):
    """The group: what is not the name of a sub-command belongs to `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `run` in front where no sub-command stands there."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of `run` under their headings, then the commands."""
        GroupedOptions.format_options(self.commands["run"], ctx, formatter)  # type: ignore[arg-type]
        self.format_commands(ctx, formatter)


@click.group(
    cls=Bench,
    help=HELP,
    options_metavar="",
    subcommand_metavar="[run] FILE... [OPTIONS]",
)
def bench() -> None:
    """Only leads to its commands."""


for command in (run, compare, check, profile):
    bench.add_command(command)
