"""The program: `resnet-export`, and `python -m resnet_export`."""

from resnet_export.interruption import guard


def main() -> None:
    """Runs the program; leaves with its exit code."""
    guard(_run)


def _run() -> None:
    from resnet_export.cli import main as run  # click takes a while to import

    run()


if __name__ == "__main__":
    main()
