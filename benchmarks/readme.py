"""The parts of pages that scripts write: between `<!-- benchmark:NAME -->` and `<!-- /benchmark:NAME -->`."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resnet_export.machine import Machine

README = Path(__file__).parent.parent / "README.md"
WRAPPER = textwrap.TextWrapper(120, break_long_words=False, break_on_hyphens=False)


def refresh(name: str, text: str, page: Path = README) -> None:
    """Replaces a part, its sentences in lines of 120 columns, or leaves with an error where the page has none."""
    begin, end = f"<!-- benchmark:{name} -->", f"<!-- /benchmark:{name} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        sys.exit(f"{page.name} has no {begin} ... {end}")
    lines = [part for line in text.splitlines() for part in (WRAPPER.wrap(line) if line[:1] not in "|!-" else [line])]
    page.write_text("\n".join([f"{before}{begin}", *lines, f"{end}{after}"]), encoding="utf-8")


def table(headings: tuple[str, ...], alignments: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A table in Markdown; an alignment is `---` or `--:`."""
    return [f"| {' | '.join(headings)} |", f"|{'|'.join(alignments)}|", *(f"| {' | '.join(row)} |" for row in rows)]


def machine_in_words(machine: Machine) -> str:
    """`AMD EPYC (AVX2, AVX-512, VNNI), 2 cores, 24 GiB`."""
    sets = ", ".join(name for name, there in (machine.cpu.instruction_sets or {}).items() if there)
    cpu = f"{machine.cpu.model} ({sets})" if sets else machine.cpu.model
    return f"{cpu}, {machine.usable_cpus:g} cores, {machine.usable_memory_bytes / 2**30:.0f} GiB"
