"""Files of the Hugging Face hub, through its own client, which is an extra and imported when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trackzoo.errors import TrackzooError


def hub_file(repository: str, file: str, revision: str = "") -> Path:
    """A file of a repository on the hub: from the client's own cache, or fetched (it goes on where it was stopped).

    `HF_HUB_OFFLINE=1` keeps the client off the network, `HF_HOME` and `HF_ENDPOINT` are its cache and its server.

    Args:
        repository: `owner/name`.
        file: path in the repository.
        revision: commit, tag or branch; empty for the newest.

    Raises:
        TrackzooError: the client is not installed; no such repository or file; no connection and nothing in its cache.
    """
    client = _client()
    try:
        return Path(client.hf_hub_download(repository, file, revision=revision or None))
    except Exception as error:
        # The client's errors have no common kind, nor have those of what it speaks HTTP with; their first line says it.
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise TrackzooError(
            f"{repository} ({file}) cannot be had from the hub: {reason[:240]}; a folder that lies here does too: "
            "trackzoo weights add NAME FOLDER"
        ) from None


def _client() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise TrackzooError(
            "the Hugging Face hub needs the Python package 'huggingface_hub': pip install 'trackzoo[hub]'; a folder that lies "
            "here needs nothing: trackzoo weights add NAME FOLDER"
        ) from None
    return huggingface_hub
