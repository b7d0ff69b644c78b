"""From an official checkpoint to a checked safetensors file in the cache."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trackzoo.config import write_atomically
from trackzoo.errors import DataError, TrackzooError
from trackzoo.registry import resolve
from trackzoo.weights.cache import (
    Facts,
    companion_file,
    facts_file,
    present,
    read_facts,
    sha256,
    weights_file,
    write_facts,
    writing,
)
from trackzoo.weights.checkpoint import Checkpoint, locate, read_checkpoint
from trackzoo.weights.facts import WeightsSpec
from trackzoo.weights.fit import compare, manifest, naming, refuse_misfit

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Added:
    """What became of a file.

    Attributes:
        path: the converted file.
        facts: about it.
        fresh: false where the very same weights were in the cache already.
        notes: what a person should know about the file, a line each.
    """

    path: Path
    facts: Facts
    fresh: bool
    notes: tuple[str, ...] = ()


def add_weights(spec: WeightsSpec, source: str | Path, *, force: bool = False) -> Added:
    """Check a file of weights against the manifest, convert it, and put it into the cache; all of it or nothing.

    Args:
        spec: the weights that it is said to be.
        source: an official checkpoint, a plain torch file, a safetensors file, or a hub's local folder.
        force: replace what the cache has under this name, and take a file with another SHA-256 than the published one. What
            does not fit is refused all the same.

    Raises:
        UnsafeCheckpoint: a pickle that would run something.
        MisfitError: tensors that are missing, unexpected or misshapen.
        DataError: an unreadable file; a file other than the published one.
        TrackzooError: the cache has other weights under this name; the disk is full.
    """
    path = locate(source, spec.file)
    digest = sha256(path)
    if present(spec.name) and not force:
        facts = read_facts(spec.name)
        if facts.source_sha256 == digest:
            with writing():
                return Added(weights_file(spec.name), facts, False, tuple(_companions(spec, path.parent)))
        raise TrackzooError(
            f"weights '{spec.name}' are here already, made of another file ({facts.source}); --force replaces them"
        )
    if spec.sha256 and digest != spec.sha256 and not force:
        do = "download it again, or --force takes it as it is"
        raise DataError(path, f"SHA-256 {digest}", f"{spec.sha256} of the published file", do)
    checkpoint = read_checkpoint(path)
    if spec.check:
        resolve(spec.check)(str(path), checkpoint)
    tensors: Mapping[str, Tensor] = checkpoint.tensors
    if spec.rename:
        with naming(path):
            tensors = resolve(spec.rename)(dict(tensors))
    checkpoint = Checkpoint(tensors, checkpoint.epoch, checkpoint.constructor)
    refuse_misfit(str(path), compare(checkpoint.entries, manifest(spec)), _elsewhere(spec, checkpoint))
    try:
        return _write(spec, path, digest, checkpoint)
    except OSError as error:
        reason = error.strerror or str(error)
        raise TrackzooError(f"{weights_file(spec.name)}: cannot be written: {reason}; nothing was changed") from None


def _elsewhere(spec: WeightsSpec, checkpoint: Checkpoint) -> str:
    """Which other weights a file is, where it fits their manifest: as a rule the names were mixed up."""
    from trackzoo.weights.table import weights_specs

    entries = checkpoint.entries
    fitting = [other.name for other in weights_specs().values() if other != spec and compare(entries, manifest(other))]
    return f"it fits {', '.join(fitting)}" if fitting else "nothing was added"


def _write(spec: WeightsSpec, source: Path, digest: str, checkpoint: Checkpoint) -> Added:
    from safetensors.torch import save_file

    target = weights_file(spec.name)
    tensors = _plain(checkpoint.tensors, {name: entry.dtype for name, entry in manifest(spec).items()})
    facts = Facts(
        spec.name,
        "",
        0,
        str(source.absolute()),
        digest,
        datetime.now(UTC).isoformat(timespec="seconds"),
        len(tensors),
        checkpoint.epoch,
        checkpoint.constructor,
    )
    # Nothing of this machine or day goes in, so that one official file gives one converted file, with one SHA-256, everywhere;
    # and under one key, because the writer puts several in an order of chance.
    inside = {
        "name": spec.name,
        "source_sha256": digest,
        "trained_on": spec.trained_on,
        "epoch": checkpoint.epoch,
        "constructor": checkpoint.constructor,
    }
    about = {"trackzoo": json.dumps(inside)}
    with writing() as folder:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{target.name}.", suffix=".tmp")
        os.close(handle)
        try:
            save_file(tensors, temporary, metadata=about)
            with open(temporary, "r+b") as file:
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            facts = replace(facts, sha256=sha256(Path(temporary)), bytes=os.path.getsize(temporary))
            # The name and its facts go together: without facts the weights count as absent.
            facts_file(spec.name).unlink(missing_ok=True)
            os.replace(temporary, target)
            write_facts(facts)
            lacking = _companions(spec, source.parent)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    return Added(target, facts, True, (*_odd(tensors), *lacking))


def _companions(spec: WeightsSpec, folder: Path) -> list[str]:
    """Keep the small files that belong to the weights; a line for each that is nowhere."""
    lacking = []
    for name in spec.companions:
        kept = companion_file(spec.name, name)
        if (folder / name).is_file():
            write_atomically(kept, (folder / name).read_bytes())
        elif not kept.is_file():
            lacking.append(f"{folder} has no {name}, which belongs to these weights")
    return lacking


def _plain(tensors: Mapping[str, Tensor], dtypes: Mapping[str, str]) -> dict[str, Tensor]:
    """Tensors of the manifest's types that share no memory, as the format wants them."""
    import torch

    return {
        name: tensor.to(getattr(torch, dtypes[name])).clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }


def _odd(tensors: Mapping[str, Tensor]) -> list[str]:
    bad = [name for name, tensor in tensors.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    return [f"{len(bad)} tensors hold values that are not finite, first {bad[0]}"] if bad else []
