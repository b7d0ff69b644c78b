"""Which of OpenCV's trackers can run here, and what is missing for the others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trackzoo.config import config_file, read_config
from trackzoo.errors import SettingsError

#: Tracker -> name of its class in cv2.
CLASSES = {
    "opencv-mil": "TrackerMIL",
    "opencv-csrt": "TrackerCSRT",
    "opencv-kcf": "TrackerKCF",
    "opencv-nano": "TrackerNano",
    "opencv-vit": "TrackerVit",
}

#: Tracker -> ONNX files it needs: setting -> the usual name of the file, for the message.
MODELS = {
    "opencv-nano": {
        "backbone": "nanotrack_backbone_sim.onnx",
        "neckhead": "nanotrack_head_sim.onnx",
    },
    "opencv-vit": {"net": "object_tracking_vittrack_2023sep.onnx"},
}

#: Trackers that stand in opencv-contrib-python alone.
_CONTRIB = {"opencv-csrt", "opencv-kcf"}


def creator(name: str) -> Any | None:
    """cv2's `Tracker*_create` of that tracker, or None where this OpenCV has none (4.x keeps some in `cv2.legacy`)."""
    import cv2

    for home in (cv2, getattr(cv2, "legacy", None)):
        if (create := getattr(home, f"{CLASSES[name]}_create", None)) is not None:
            return create
    return None


def model_file(name: str, setting: str, given: str | None = None) -> str | None:
    """Path of an ONNX file: the setting, `[opencv]` in the config file, the environment; None where nobody named it.

    `backbone` of `opencv-nano` is `nano_backbone` in the config and `TRACKZOO_NANO_BACKBONE` in the environment.
    """
    key = f"{name.removeprefix('opencv-')}_{setting}"
    named = given or read_config().get("opencv", {}).get(key) or os.environ.get(f"TRACKZOO_{key.upper()}")
    return str(Path(named).expanduser()) if named else None


def model_files(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Paths of all ONNX files that a tracker needs.

    Raises:
        SettingsError: one is not named, or is no file; says how to name it.
    """
    files = {}
    for setting, usual in MODELS.get(name, {}).items():
        path = model_file(name, setting, given.get(setting))
        key = f"{name.removeprefix('opencv-')}_{setting}"
        if path is None:
            raise SettingsError(
                f"its ONNX file '{setting}' (usually {usual}) is not known: give the setting {setting}=FILE, or name it as "
                f"{key} under [opencv] in {config_file()}, or as TRACKZOO_{key.upper()} in the environment"
            )
        if not Path(path).is_file():
            raise SettingsError(f"its ONNX file '{setting}': found no file {path}, expected {usual} or a like one")
        files[setting] = path
    return files


def reason(name: str, settings: Mapping[str, Any] | None = None) -> str | None:
    """Why a tracker cannot run here, in one line; None where it can.

    Args:
        name: one of `CLASSES`.
        settings: what it would be loaded with.
    """
    try:
        import cv2
    except ImportError as error:
        return f"OpenCV cannot be imported ({error}); pip install opencv-python"
    if creator(name) is None:
        if name in _CONTRIB:
            major_minor = ".".join(cv2.__version__.split(".")[:3])
            return (
                f"this OpenCV ({cv2.__version__}) has no {CLASSES[name]}; "
                f"pip install 'opencv-contrib-python=={major_minor}.*'"
            )
        return f"this OpenCV ({cv2.__version__}) has no {CLASSES[name]}; pip install --upgrade opencv-python"
    try:
        model_files(name, settings or {})
    except SettingsError as error:
        return str(error)
    return None
