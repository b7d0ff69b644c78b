"""Annotation as the metrics take it, out of a data set's sequences."""

from __future__ import annotations

from collections.abc import Iterable

from trackzoo.errors import TrackzooError
from trackzoo.metrics.types import Truth
from trackzoo.sequence import Dataset, Sequence


def truths(dataset: Dataset, names: Iterable[str], *, sizes: bool = False) -> list[Truth]:
    """Annotation of sequences, in the order of `names`.

    Args:
        dataset: where they are from.
        names: of sequences.
        sizes: fill in the pictures' sizes, for profiles that clip to them; where no file says the size, the first picture
            is decoded.

    Raises:
        UnknownName: a sequence that the data set has not.
        DataError: an annotation file or, where its size is needed, a first picture that cannot be read.
        TrackzooError: a size is needed, and there are no images.
    """
    return [truth_of(dataset[name], sizes=sizes) for name in names]


def truth_of(sequence: Sequence, *, sizes: bool = False) -> Truth:
    """Annotation of one sequence; see `truths`."""
    annotation = sequence.annotation
    return Truth(
        sequence.name,
        annotation.boxes,
        annotation.visible,
        _size(sequence) if sizes else None,
        annotation.labels.get("cover"),
        sequence.attributes,
        sequence.category or "",
        sequence.facts.get("motion_class", ""),
    )


def _size(sequence: Sequence) -> tuple[int, int]:
    if sequence.size is not None:
        return sequence.size
    try:
        return sequence.frames[0].size
    except TrackzooError as error:
        raise TrackzooError(
            f"'{sequence.name}' of {sequence.dataset}: the profile clips boxes to the picture, whose size is not known: {error}"
        ) from None
