"""What of `docs/published.md` follows from the figures: counts, disagreements, doubts, losses.

The page holds it between two marks; `python -m trackzoo.report.published_page docs/published.md` writes it anew, and a test
holds the page to it.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence as ListOf
from pathlib import Path

from trackzoo.config import write_atomically
from trackzoo.errors import DataError
from trackzoo.report.published import KINDS, PAPERS, STATUSES, Figure, load

BEGIN = "<!-- begin: written by python -m trackzoo.report.published_page -->"
END = "<!-- end -->"


def same_training(first: Figure, second: Figure) -> bool:
    """Whether both may have been trained on the same data: equal sets of names, or one of them does not say."""
    if not first.training_data or not second.training_data:
        return True
    return set(first.training_data.split(" + ")) == set(second.training_data.split(" + "))


def disagreements(figures: Iterable[Figure]) -> list[tuple[Figure, Figure]]:
    """Pairs of figures for the same tracker, variant, data set, metric and training data with different values."""
    groups: dict[tuple[str, ...], list[Figure]] = defaultdict(list)
    for figure in figures:
        if figure.value is not None and figure.kind != "cost":
            groups[figure.tracker, figure.variant, figure.dataset, figure.metric].append(figure)
    return [
        (first, second)
        for group in groups.values()
        for first, second in itertools.combinations(group, 2)
        if first.value != second.value and same_training(first, second)
    ]


def _table(head: ListOf[str], rows: Iterable[ListOf[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _named(figure: Figure) -> str:
    return " ".join(part for part in (f"`{figure.tracker}`", f"({figure.variant})" if figure.variant else "") if part)


def _merged(figures: Iterable[Figure]) -> Iterator[tuple[str, ...]]:
    """One row for figures that differ in metric and value alone."""
    for (source, name, dataset, note), group in itertools.groupby(
        figures, key=lambda figure: (figure.source, _named(figure), figure.dataset or "–", figure.note)
    ):
        yield source, name, dataset, ", ".join(f"{figure.metric} {figure.text}" for figure in group), note


def page(figures: ListOf[Figure] | None = None) -> str:
    """The part of the page between the marks, as Markdown."""
    figures = load() if figures is None else figures
    lines = ["### Counts", ""]
    by_paper = {key: Counter(figure.status for figure in figures if figure.paper == key) for key in PAPERS}
    rows = [
        [PAPERS[key].short, *(str(found[status]) for status in STATUSES), str(found.total())]
        for key, found in by_paper.items()
    ]
    total = Counter(figure.status for figure in figures)
    rows.append(["all", *(str(total[status]) for status in STATUSES), str(total.total())])
    lines += _table(["paper", *STATUSES, "all"], rows)
    kinds = Counter(figure.kind for figure in figures)
    lines += ["", "By kind: " + ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS) + ".", ""]
    for title, status in (("Conflicts", "conflict"), ("Doubts", "ambiguous"), ("Losses", "lost")):
        lines += [f"### {title}", ""]
        head = ["source", "tracker", "data set", "figure", "note"]
        lines += [*_table(head, _merged(figure for figure in figures if figure.status == status)), ""]
    return "\n".join(lines)


def renewed(text: str, path: str | Path) -> str:
    """The page with what stands between its marks written anew.

    Raises:
        DataError: the marks are not there, once each and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise DataError(path, "a page without its two marks", f"'{BEGIN}' and '{END}' once each", "put them back")
    return f"{before}{BEGIN}\n\n{page()}\n{END}{after}"


def main(path: Path) -> None:
    """Write the page anew."""
    write_atomically(path, renewed(path.read_text(encoding="utf-8"), path).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
