"""Text to BERT's token ids: lower-case WordPiece over the vocabulary of a BERT folder, found, and never fetched unasked."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from trackzoo.errors import DataError, SettingsError, TrackzooError

#: Pieces of a text at most, with `[CLS]` and `[SEP]` (paper, section 4.1).
LENGTH = 30
#: Where bert-base-uncased has what frames a text, so that a text without words needs no vocabulary.
PAD, CLS, SEP = 0, 101, 102
#: The weights whose folder has the vocabulary, their repository on the hub, and the files that may hold it.
WEIGHTS, HUB = "bert-base-uncased", "google-bert/bert-base-uncased"
VOCABULARIES = ("vocab.txt", "tokenizer.json")
#: Word that stands for the hub, where a person names it.
FROM_HUB = "hub"
#: Characters of a text that are looked at: far more than thirty pieces need.
MOST_CHARACTERS = 20_000


class Words(Protocol):
    """Text to token ids, without `[CLS]` and `[SEP]`."""

    def __call__(self, text: str) -> list[int]:
        """Ids of all pieces of the text."""


class WordPieces:
    """BERT's own tokenizer: cleaned, lower-case, without accents, split at blanks, signs and Chinese characters; then the
    longest pieces of each word that the vocabulary has.

    Args:
        path: `vocab.txt` (one piece a line) or `tokenizer.json` of a BERT folder.
        size: how many pieces the network knows; the vocabulary must have as many.

    Raises:
        DataError: not a vocabulary, or one of another size.
    """

    def __init__(self, path: Path, size: int | None = None) -> None:
        vocabulary = read_vocabulary(path)
        for piece, index in (("[PAD]", PAD), ("[UNK]", None), ("[CLS]", None), ("[SEP]", None)):
            if piece not in vocabulary or index not in (None, vocabulary[piece]):
                at = "" if index is None else f" with the number {index}"
                raise DataError(path, f"no piece {piece}{at}", "the vocabulary of an uncased BERT")
        if size is not None and len(vocabulary) != size:
            do = "name the folder of the BERT that the network was trained with"
            raise DataError(path, f"{len(vocabulary)} word pieces", f"the {size} that the network knows", do)
        self.cls, self.sep = vocabulary["[CLS]"], vocabulary["[SEP]"]
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        self._tokenizer = Tokenizer(models.WordPiece(dict(vocabulary), unk_token="[UNK]", max_input_chars_per_word=100))
        self._tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()

    def __call__(self, text: str) -> list[int]:
        """See `Words`. `[SEP]` and its like, written in a text, are letters in brackets."""
        # A shell may hand over bytes that are no text at all; they become signs that no vocabulary has.
        clean = text[:MOST_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
        return list(self._tokenizer.encode(clean, add_special_tokens=False).ids)


class HashedWords:
    """Numbers for words by their checksum: for a network of random weights, to which no vocabulary means anything.

    Args:
        size: how many word pieces the network knows.
    """

    def __init__(self, size: int) -> None:
        self.size, self.cls, self.sep = size, CLS, SEP

    def __call__(self, text: str) -> list[int]:
        """See `Words`."""
        low = 1000 if self.size > 2000 else SEP + 1
        words = text[:MOST_CHARACTERS].lower().split()
        return [low + zlib.crc32(word.encode("utf-8", "replace")) % (self.size - low) for word in words]


def encode(words: Words | None, text: str, length: int = LENGTH) -> tuple[list[int], list[bool]]:
    """Token ids and mask of a text, both of `length`: `[CLS]`, the first `length - 2` pieces, `[SEP]`, padding.

    Args:
        words: None where there is no vocabulary; the text must be blank then.
        text: anything; a blank one becomes `[CLS] [SEP]`.
        length: of the result.
    """
    pieces: list[int] = []
    cls, sep = getattr(words, "cls", CLS), getattr(words, "sep", SEP)
    if text.strip():
        assert words is not None
        pieces = words(text)[: length - 2]
    ids = [cls, *pieces, sep]
    padding = length - len(ids)
    return ids + [PAD] * padding, [True] * len(ids) + [False] * padding


def read_vocabulary(path: Path) -> Mapping[str, int]:
    """Piece -> number from `vocab.txt` or `tokenizer.json`. Raises `DataError`."""
    try:
        content = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            model = json.loads(content)["model"]
            found = {str(piece): int(index) for piece, index in model["vocab"].items()}
        else:
            found = {piece: index for index, piece in enumerate(content.removesuffix("\n").split("\n"))}
    except OSError as error:
        raise DataError(path, (error.strerror or "an unreadable file").lower(), "BERT's vocabulary") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(path, "no vocabulary", "vocab.txt or tokenizer.json of an uncased BERT") from None
    return {piece.removesuffix("\r"): index for piece, index in found.items()}


def find_vocabulary(named: str = "") -> Path:
    """The file of the vocabulary.

    Args:
        named: a file, a BERT folder, or `hub`, which fetches it with the hub's client (0.2 MB); empty looks for the weights
            `bert-base-uncased` in trackzoo's cache, then in that of the hub's client, without a connection.

    Raises:
        DataError: the file or folder that was named has none.
        TrackzooError: there is none here; says how to get it. The hub cannot be reached.
    """
    if named == FROM_HUB:
        from trackzoo.weights.hub import hub_file

        return hub_file(HUB, VOCABULARIES[0])
    if named:
        place = Path(named).expanduser()
        if place.is_dir():
            found = next((place / name for name in VOCABULARIES if (place / name).is_file()), None)
            if found is None:
                raise DataError(place, "a folder without a vocabulary", f"{' or '.join(VOCABULARIES)} of a BERT in it")
            return found
        if not place.is_file():
            raise DataError(place, "no such file or folder", "BERT's vocabulary", "look at --set vocabulary=…")
        return place
    from trackzoo.weights.cache import companion_file

    kept = companion_file(WEIGHTS, VOCABULARIES[0])
    if kept.is_file():
        return kept
    if (cached := _hub_cache()) is not None:
        return cached
    raise SettingsError(
        f"satracker reads its text with BERT's vocabulary, which is not here: --set vocabulary=FOLDER names a folder with "
        f"{VOCABULARIES[0]}, --set vocabulary=hub fetches it, 'trackzoo weights add {WEIGHTS} FOLDER' keeps it; --no-text does "
        "without"
    )


def _hub_cache() -> Path | None:
    """The vocabulary in the cache of the hub's client, where that is installed and has it."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found: Any = try_to_load_from_cache(HUB, VOCABULARIES[0])
    return Path(found) if isinstance(found, str) else None


def depends(variant: str, settings: Mapping[str, Any], text: str | None) -> dict[str, str]:
    """What a run's boxes depend on beyond its settings: SHA-256 of the vocabulary.

    Args:
        variant: of the tracker.
        settings: of the tracker, `weights` among them.
        text: what is said in place of the sequences' descriptions, or None.

    Raises:
        TrackzooError: there is a text to read, and no vocabulary.
    """
    from trackzoo.weights.cache import digest

    if (text is not None and not text.strip()) or settings.get("sam") is False:
        return {}
    try:
        return {"vocabulary": digest(find_vocabulary(str(settings.get("vocabulary", ""))))}
    except TrackzooError:
        if settings.get("weights") == "random" and not settings.get("vocabulary"):
            return {"vocabulary": "checksums of words"}
        raise
