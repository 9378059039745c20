"""`resnet-export completion`: the script that makes the shell complete commands, options and their values."""

import click

VARIABLE = "_RESNET_EXPORT_COMPLETE"
"""click's name for it, made of the program's; the script sets it to ask for completions."""

SHELLS = ("bash", "zsh", "fish")


@click.command(
    help="""Print the completion script of a shell.

    \b
    bash:  resnet-export completion bash >> ~/.bashrc
    zsh:   resnet-export completion zsh >> ~/.zshrc
    fish:  resnet-export completion fish >> ~/.config/fish/config.fish
    """,
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Prints the script."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "click knows these shells"
    click.echo(kind(context.find_root().command, {}, "resnet-export", VARIABLE).source())
