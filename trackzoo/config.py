"""Where things are: data roots, results, weights. A TOML file in the user's config folder, environment, options.

Order, first found wins: the command's option, the config file, the environment variable, the default.
`TRACKZOO_CONFIG` names another config file; `TRACKZOO_CACHE` another cache folder.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trackzoo.errors import DataError

#: The process's mask for new files, read once: reading it means setting it, which no other thread may see.
UMASK = os.umask(0)
os.umask(UMASK)


def config_file() -> Path:
    """The config file; it need not exist."""
    if named := os.environ.get("TRACKZOO_CONFIG"):
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("trackzoo") / "config.toml"


def cache_folder() -> Path:
    """Folder for what can be computed again (scans, fingerprints, converted weights); made when first written to."""
    if named := os.environ.get("TRACKZOO_CACHE"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("trackzoo")


def read_config() -> dict[str, Any]:
    """The config file's tables; empty when there is none.

    Raises:
        DataError: the file is not TOML.
    """
    path = config_file()
    try:
        with path.open("rb") as file:
            config = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(path, str(error), "TOML", "mend or delete the file") from None
    for name in ("data", "paths", "weights"):
        if not isinstance(config.get(name, {}), dict):
            raise DataError(path, f"'{name}' with a single value", f"a table [{name}]", "mend the file")
    return config


def update_config(table: str, values: Mapping[str, Any]) -> Path:
    """Set `values` in `[table]`, keeping the rest; a value of None removes the key. Returns the file that was written."""
    import tomli_w

    config = read_config()
    entries = config.setdefault(table, {})
    for key, value in values.items():
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, tomli_w.dumps(config).encode())
    return path


def results_folder(option: str | Path | None = None) -> Path:
    """Where a person's own runs go: the option, the config's `results`, `TRACKZOO_RESULTS`, else `runs/` here."""
    if option:
        return Path(option)
    configured = read_config().get("paths", {}).get("results") or os.environ.get("TRACKZOO_RESULTS")
    if configured is not None and not isinstance(configured, str):
        raise DataError(config_file(), f"results = {configured!r}", "a path in quotes", "mend the file")
    return Path(configured) if configured else Path("runs")


def write_atomically(path: Path, data: bytes, *, flush: bool = True) -> None:
    """Write a file so that a reader (or a kill) sees the old one or the new one, never a part.

    The data reaches the disk before the name does (unless `flush` is false); the temporary file is in the same folder and
    named so that no reader of results takes it for one (`.<name>.<random>.tmp`).
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if flush:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~UMASK)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
