"""What loaders share, in one import: lists, strict text reading, images, the base classes."""

from __future__ import annotations

from trackzoo.datasets._digest import annotation_digest
from trackzoo.datasets._files import FileDataset, ListedDataset, SequenceFiles
from trackzoo.datasets._images import Images, Listed, Numbered, list_images, numbers_in
from trackzoo.datasets._lists import Row, attribute_names, attribute_table, split_list
from trackzoo.datasets._text import (
    NO_SENTENCE,
    read_boxes,
    read_bytes,
    read_flags,
    read_line,
    read_numbers,
    read_values,
)

__all__ = [
    "NO_SENTENCE",
    "FileDataset",
    "Images",
    "Listed",
    "ListedDataset",
    "Numbered",
    "Row",
    "SequenceFiles",
    "annotation_digest",
    "attribute_names",
    "attribute_table",
    "list_images",
    "numbers_in",
    "read_boxes",
    "read_bytes",
    "read_flags",
    "read_line",
    "read_numbers",
    "read_values",
    "split_list",
]
