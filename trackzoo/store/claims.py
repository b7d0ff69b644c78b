"""Which run is at work on which trial, so that several runs on one folder share the work.

A run that is at work has a file `<token>.run` in `.claims`, with its host and process, which it touches every few seconds.
A claim on a trial is a file with the token of its run. A claim counts as long as its run lives: on the same host the process is
looked at, so that a killed run is taken over at once; on another host the file must have been touched lately.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackzoo.store.layout import CLAIMS, safe_name

#: Seconds between two touches, and after how long without one a run on another host counts as dead.
HEARTBEAT = 10.0
STALE = 120.0


@dataclass(frozen=True)
class Owner:
    """A run that is at work.

    Attributes:
        token: its name among the claims.
        host: host name.
        pid: process id there.
    """

    token: str
    host: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def machine() -> str:
    """What tells apart the hosts, containers and boots in which a process id means something else."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return " ".join([socket.gethostname(), _read("/proc/sys/kernel/random/boot_id").strip(), namespace])


def birth(pid: int) -> str | None:
    """When a process of this machine was born, so that a reused id is seen; None where there is no such process.

    Where the system does not tell (no /proc), the empty string.
    """
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if fields:
        return None if fields[0] in "ZX" else fields[19]
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""


class Claims:
    """The claims on the trials of one results folder, as one run sees them.

    Args:
        parent: the folder (`<results>/<tracker>/<dataset>`).
        protocol: name of the protocol; runs of other protocols are not asked about.

    The methods but `close` are meant to be called with the folder locked.
    """

    def __init__(self, parent: Path, protocol: str) -> None:
        self.folder, self.protocol = parent / CLAIMS, protocol
        self.token = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._own = self.folder / f"{self.token}.run"
        self._held: set[Path] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Say that this run is at work."""
        self._present()
        self._thread = threading.Thread(target=self._beat, name="trackzoo-heartbeat", daemon=True)
        self._thread.start()

    def _present(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        pid = os.getpid()
        facts = {
            "machine": machine(),
            "host": socket.gethostname(),
            "pid": pid,
            "birth": birth(pid),
            "protocol": self.protocol,
        }
        self._own.write_text(json.dumps(facts))

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT):
            try:
                os.utime(self._own)
            except FileNotFoundError:
                # Held for dead while the machine slept; what was claimed may be made twice, which does no harm.
                try:
                    self._present()
                except OSError:
                    continue
            except OSError:
                continue

    def _now(self) -> float:
        """The time by the clock that stamps this folder's files, which may be another machine's."""
        try:
            os.utime(self._own)
            return self._own.stat().st_mtime
        except OSError:
            return time.time()

    def _alive(self, token: str) -> Owner | None:
        path = self.folder / f"{token}.run"
        try:
            facts: dict[str, Any] = json.loads(path.read_text())
            touched = path.stat().st_mtime
            owner = Owner(token, str(facts["host"]), int(facts["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if facts.get("machine") == machine():
            return owner if birth(owner.pid) == facts.get("birth") else None
        return owner if self._now() - touched < STALE else None

    def alive(self, token: str) -> bool:
        """Whether the run of that token, of whatever protocol, is at work."""
        return self._alive(token) is not None

    def others(self) -> list[Owner]:
        """Other runs of the same protocol that are at work here; what the dead left is removed."""
        found = []
        try:
            files = sorted(self.folder.glob("*.run"))
        except OSError:
            return []
        for path in files:
            if path == self._own:
                continue
            owner = self._alive(path.stem)
            if owner is None:
                path.unlink(missing_ok=True)
            elif self._protocol_of(path) == self.protocol:
                found.append(owner)
        return found

    @staticmethod
    def _protocol_of(path: Path) -> str | None:
        try:
            return str(json.loads(path.read_text())["protocol"])
        except (OSError, ValueError, KeyError):
            return None

    def _claim(self, folder: str, trial: str) -> Path:
        return self.folder / f"{safe_name(trial)}.{folder}.claim"

    def take(self, folder: str, trial: str) -> Owner | None:
        """Claim a trial. Returns None when it is this run's now, else the living run that has it."""
        path = self._claim(folder, trial)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            os.write(handle, self.token.encode())
            os.close(handle)
        except FileExistsError:
            token = _read(str(path))
            owner = None if token == self.token else self._alive(token)
            if owner is not None:
                return owner
            path.write_text(self.token)
        self._held.add(path)
        return None

    def drop(self, folder: str, trial: str) -> None:
        """Give a claim back."""
        path = self._claim(folder, trial)
        self._held.discard(path)
        # A run that took over an abandoned claim keeps it.
        if _read(str(path)) == self.token:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give everything back and say that this run is done."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        for path in list(self._held):
            if _read(str(path)) == self.token:
                path.unlink(missing_ok=True)
        self._held.clear()
        self._own.unlink(missing_ok=True)
        self._tidy()

    def _tidy(self) -> None:
        """Remove claims whose run is gone, and the folder when nothing is left in it."""
        try:
            for path in self.folder.glob("*.claim"):
                if not (self.folder / f"{_read(str(path))}.run").exists():
                    path.unlink(missing_ok=True)
            self.folder.rmdir()
        except OSError:
            pass
