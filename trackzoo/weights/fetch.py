"""Fetch a file by HTTP: it goes on where it was stopped, and counts only when its SHA-256 is the expected one."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from trackzoo._version import __version__
from trackzoo.config import write_atomically
from trackzoo.errors import DataError, TrackzooError
from trackzoo.weights.cache import sha256 as digest_of

#: Bytes read at a time.
_CHUNK = 1 << 20
#: Seconds without a byte after which the server counts as gone.
PATIENCE = 60.0


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to anything else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        schemes = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if schemes[1] not in ("http", "https") or schemes == ("https", "http"):
            raise TrackzooError(
                f"{req.full_url}: redirects to {newurl}, which is not trusted; nothing was fetched from it"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(
    address: str, target: Path, *, sha256: str = "", progress: Callable[[int, int | None], None] | None = None
) -> Path:
    """Fetch `address` into the file `target`; its folder is made.

    What was fetched of a stopped attempt lies beside it (`<target>.part`) and is gone on from, where the server says that it is
    still the same file.

    Args:
        address: http or https.
        target: the file; replaced when everything has come.
        sha256: of the whole file; checked where given.
        progress: called with the bytes that are there and the size of the whole (None when the server does not say).

    Raises:
        TrackzooError: no connection, a refusal by the server, or a transfer that broke off: what has come is kept.
        DataError: another SHA-256 than expected; what has come is deleted.
    """
    if urlsplit(address).scheme not in ("http", "https"):
        raise TrackzooError(f"{address}: found another kind of address, expected http or https")
    part, about = target.with_name(target.name + ".part"), target.with_name(target.name + ".part.json")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        whole = _transfer(address, part, about, progress)
    except urllib.error.HTTPError as error:
        raise TrackzooError(f"{address}: the server says {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        came = part.stat().st_size if part.exists() else 0
        again = "the same command goes on from there" if came else "is there a connection?"
        raise TrackzooError(f"{address}: broke off after {came} bytes ({reason}); {again}") from None
    came = part.stat().st_size
    if whole is not None and came < whole:
        raise TrackzooError(f"{address}: broke off after {came} of {whole} bytes; the same command goes on from there")
    found = digest_of(part) if sha256 else ""
    if found != sha256.lower() or (whole is not None and came > whole):
        part.unlink()
        about.unlink(missing_ok=True)
        what = f"SHA-256 {found}" if found != sha256.lower() else f"{came} bytes"
        expected = sha256 if found != sha256.lower() else f"{whole}"
        raise DataError(address, what, expected, "what was fetched is deleted; look for the file at its authors' page")
    os.replace(part, target)
    about.unlink(missing_ok=True)
    return target


def _transfer(address: str, part: Path, about: Path, progress: Callable[[int, int | None], None] | None) -> int | None:
    """Append to `part` what is missing of it; gives the size of the whole where the server says so."""
    headers = {"User-Agent": f"trackzoo/{__version__}", "Accept-Encoding": "identity"}
    have, mark = _stopped(address, part, about)
    if have:
        # The mark makes the server send the whole file when it is another one by now.
        headers |= {"Range": f"bytes={have}-", "If-Range": mark}
    opener = urllib.request.build_opener(_SafeRedirects())
    try:
        response = opener.open(urllib.request.Request(address, headers=headers), timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # everything had come before
            return (
                have if _whole(error.headers.get("Content-Range")) == have else _afresh(address, part, about, progress)
            )
        raise
    with response:
        goes_on = response.status == 206 and _starts(response.headers.get("Content-Range")) == have
        if response.status == 206 and not goes_on:
            return _afresh(address, part, about, progress)
        have = have if goes_on else 0
        length = response.headers.get("Content-Length")
        whole = have + int(length) if length and length.isdigit() else None
        mark = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        write_atomically(about, json.dumps({"address": address, "mark": mark}).encode())
        with part.open("ab" if goes_on else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                if progress is not None:
                    progress(have, whole)
    return whole


def _afresh(address: str, part: Path, about: Path, progress: Any) -> int | None:
    part.unlink(missing_ok=True)
    return _transfer(address, part, about, progress)


def _stopped(address: str, part: Path, about: Path) -> tuple[int, str]:
    """Bytes of a stopped attempt, and the server's mark of the file; 0 when there is nothing to go on from."""
    try:
        value = json.loads(about.read_bytes())
        mark = str(value["mark"])
        # A weak mark may not be asked about by If-Range (RFC 9110, 13.1.5).
        if value["address"] == address and mark and not mark.startswith("W/"):
            return part.stat().st_size, mark
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, ""


def _starts(content_range: str | None) -> int | None:
    """First byte of `bytes 100-199/1000`."""
    first = (content_range or "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else None


def _whole(content_range: str | None) -> int | None:
    """Size of the whole in `bytes */1000`."""
    size = (content_range or "").rpartition("/")[2]
    return int(size) if size.isdigit() else None
