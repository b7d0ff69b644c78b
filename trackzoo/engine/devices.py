"""Devices and threads, without importing torch where nobody needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trackzoo.errors import SettingsError, TrackzooError

DTYPES = ("fp32", "fp16", "bf16")


def _gpus() -> int:
    """Number of NVIDIA GPUs that torch can use. torch is asked only where the machine has a driver for one."""
    if not Path("/proc/driver/nvidia").exists() and not Path("/dev/nvidiactl").exists() and "torch" not in sys.modules:
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def choose_devices(device: str | None) -> list[str]:
    """Devices that the workers take in turn.

    Args:
        device: None or `auto` (every GPU, else the CPU), or names separated by commas: `cpu`, `cuda:0`, `cuda:0,cuda:1`.

    Raises:
        TrackzooError: a device that is not there.
        SettingsError: not a device's name.
    """
    if device in (None, "", "auto"):
        return [f"cuda:{index}" for index in range(_gpus())] or ["cpu"]
    assert device is not None
    names = [name.strip() for name in device.split(",")]
    for name in names:
        kind, _, number = name.partition(":")
        if kind not in ("cpu", "cuda", "mps") or (number and not number.isdigit()):
            raise SettingsError(f"--device: found '{name}', expected auto, cpu, cuda, cuda:N or mps")
        if kind == "cuda":
            count = _gpus()
            if int(number or 0) >= count:
                raise TrackzooError(
                    f"--device {name}: this machine has {count} GPUs that torch can use; 'trackzoo doctor' says more"
                )
    return names


def device_name(device: str) -> str:
    """Name of the chip behind a device, as far as it can be told."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    import platform

    return platform.processor() or platform.machine()


def synchronizer(device: str) -> Callable[[], None] | None:
    """What a clock calls before each reading, so that queued work is counted where it was asked for; None for the CPU."""
    if not device.startswith("cuda"):
        return None
    import torch

    return lambda: torch.cuda.synchronize(device)


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that keep the numeric libraries of a worker process to so many threads."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return {name: str(threads) for name in names}


def let_threads_sleep() -> None:
    """Have OpenMP's threads sleep while they wait for one another; to be called before torch is loaded.

    By default they spin, and on a machine with fewer free cores than threads (decoders run beside them, other people's jobs
    on a cluster's node) a call then takes twenty times as long and more. What the person set is left alone.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def threads_kept() -> Iterator[None]:
    """Give torch and OpenCV back the threads that they had before the block, which may limit them."""
    loaded = {name: sys.modules.get(name) for name in ("torch", "cv2")}
    torch, cv2 = loaded["torch"], loaded["cv2"]
    before = (torch.get_num_threads() if torch else None, cv2.getNumThreads() if cv2 else None)
    try:
        yield
    finally:
        if torch is not None:
            torch.set_num_threads(before[0])
        if cv2 is not None:
            cv2.setNumThreads(before[1])


def limit_threads(threads: int) -> None:
    """Hold torch and OpenCV, where they are loaded, to so many threads."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)
    if (cv2 := sys.modules.get("cv2")) is not None:
        cv2.setNumThreads(threads)
