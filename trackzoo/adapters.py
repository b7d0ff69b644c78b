"""Run a tracker class that was written for another toolkit, unmodified: `trackzoo run --tracker my_module:MyTracker`.

Two forms are known: `init(image, box)` with `update(image)` (GOT-10k toolkit), and `initialize(image, info)` with
`track(image[, info])` (PyTracking, STARK and their descendants). A subclass of `trackzoo.tracker.Tracker` is taken as it is.
Every object gets an instance of its own, one lane a call, so that nothing of one video leaks into another.
"""

from __future__ import annotations

import inspect
import random
import re
import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence as ListOf
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import SettingsError, TrackzooError
from trackzoo.frames import Frame
from trackzoo.geometry import Floats
from trackzoo.registry import TrackerChoice, resolve
from trackzoo.sequence import Target
from trackzoo.settings import checked_call
from trackzoo.tracker import Prediction, Tracker, TrackerSpec

#: Keys under which trackers of the PyTracking family tell their score; the first that is there counts.
SCORE_KEYS = ("object_presence_score", "best_score", "target_score", "conf_score", "max_score", "score", "confidence")


def import_class(reference: str) -> type:
    """The class named by `module:Class`; the current folder is searched too, whatever Python was told about it.

    Raises:
        TrackzooError: there is no such module or class.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    found = resolve(reference)
    if not isinstance(found, type):
        raise TrackzooError(f"'{reference}' is {type(found).__name__}, expected a tracker class")
    return found


def form_of(cls: type, reference: str) -> str:
    """`trackzoo`, `got10k` or `pytracking`. Raises `TrackzooError` for a class of no known form."""
    if issubclass(cls, Tracker):
        return "trackzoo"
    if all(callable(getattr(cls, name, None)) for name in ("initialize", "track")):
        return "pytracking"
    if all(callable(getattr(cls, name, None)) for name in ("init", "update")):
        return "got10k"
    raise TrackzooError(
        f"'{reference}' is no tracker that can be run: found neither init(image, box) with update(image), nor "
        "initialize(image, info) with track(image), nor a subclass of trackzoo.tracker.Tracker"
    )


def spec_for(reference: str) -> TrackerChoice:
    """Look up `module:Class`. Results are filed under the class's name.

    Raises:
        TrackzooError: no such class, or a class of no known form.
    """
    cls = import_class(reference)
    form = form_of(cls, reference)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", getattr(cls, "name", None) or cls.__name__)
    summary = (inspect.getdoc(cls) or "").partition("\n")[0]
    takes, gives = frozenset({"box"}), frozenset({"box"})
    if form == "pytracking":
        takes, gives = frozenset({"box", "mask"}), frozenset({"box", "mask"})
    elif form == "trackzoo":
        takes, gives = cls.takes, cls.gives  # type: ignore[attr-defined]
    # Nobody knows whether the class reads a description, so it is told one where there is one, and needs none.
    told = frozenset({"text"})
    takes = takes if form == "got10k" else takes | told
    spec = TrackerSpec(
        name,
        name,
        "trackzoo.adapters:adapted",
        summary,
        takes=takes,
        gives=gives,
        optional=takes & told,
        batched=form == "trackzoo",
    )
    return TrackerChoice(name, spec, {"cls": reference})


def adapted(*, cls: str, device: str, dtype: str, **settings: Any) -> Tracker[Any]:
    """The tracker behind `module:Class`; a factory of `TrackerSpec`.

    Args:
        cls: the reference.
        device, dtype: for subclasses of `Tracker`; classes of other toolkits choose for themselves.
        settings: `image` (`array` or `pil`) is the adapter's; the rest goes to the class's constructor.
    """
    found = import_class(cls)
    form = form_of(found, cls)
    if form == "trackzoo":
        tracker: Tracker[Any] = found(device=device, dtype=dtype, **checked_call(found, settings))
        return tracker
    image = settings.pop("image", "array")
    kind = PyTrackingAdapter if form == "pytracking" else Got10kAdapter
    return kind(lambda: _make(found, cls, settings), cls, image, device=device, dtype=dtype)


def _make(cls: type, reference: str, settings: Mapping[str, Any]) -> Any:
    try:
        inspect.signature(cls).bind(**settings)
    except TypeError as error:
        raise SettingsError(
            f"'{reference}' cannot be made from {dict(settings) or 'nothing'}: {error}; give its constructor's arguments "
            "with --set NAME=VALUE, or a subclass that needs none"
        ) from None
    except ValueError:
        pass  # a class whose signature cannot be read: its own constructor will tell
    return cls(**settings)


@dataclass
class AdaptedState:
    """What belongs to one object.

    Attributes:
        tracker: its own instance of the class.
        output: what it gave last.
    """

    tracker: Any
    output: Any = None


class Adapter(Tracker[AdaptedState]):
    """Base of the adapters.

    Args:
        make: gives a new instance of the class.
        reference: what to call the class in messages.
        image: `array` passes RGB uint8 (H, W, 3); `pil` passes a PIL image, as the GOT-10k toolkit does.
        device, dtype: see `Tracker`.
    """

    def __init__(self, make: Callable[[], Any], reference: str, image: str, *, device: str, dtype: str) -> None:
        super().__init__(device=device, dtype=dtype)
        if image not in ("array", "pil"):
            raise SettingsError(f"'{reference}': image = '{image}', expected array or pil")
        self._make, self._reference, self._image = make, reference, image
        # Made now, so that a class that cannot be made is refused before the first frame; the first object takes it.
        self._spare: Any = make()

    def start(
        self, frames: ListOf[Frame], targets: ListOf[Target], seeds: ListOf[int]
    ) -> list[tuple[AdaptedState, Prediction]]:
        """See `Tracker.start`."""
        begun = []
        for frame, target, seed in zip(frames, targets, seeds, strict=True):
            seed_everything(seed)
            tracker, self._spare = self._spare if self._spare is not None else self._make(), None
            state = AdaptedState(tracker)
            state.output = self.first(state, self.picture(frame), target)
            begun.append((state, Prediction(target.box.copy())))
        return begun

    def step(self, frames: ListOf[Frame], states: ListOf[AdaptedState]) -> list[Prediction]:
        """See `Tracker.step`."""
        return [self.next(state, self.picture(frame), frame) for frame, state in zip(frames, states, strict=True)]

    def picture(self, frame: Frame) -> Any:
        """The frame in the form that the class takes; its own copy, which it may write on."""
        array = frame.array().copy()
        if self._image == "array":
            return array
        from PIL import Image

        return Image.fromarray(array)

    def box(self, value: Any, frame: Frame) -> Floats:
        """What the class gave, as a box. Raises `TrackzooError` naming the frame when it is none."""
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        try:
            box = np.array(value, dtype=np.float64).reshape(-1)  # a copy: classes go on writing into their own
        except (TypeError, ValueError):
            box = np.empty(0)
        if box.shape != (4,):
            raise TrackzooError(f"'{self._reference}' gave {value!r:.80} on {frame.label}, expected a box x,y,w,h")
        return box

    @abstractmethod
    def first(self, state: AdaptedState, picture: Any, target: Target) -> Any:
        """Call the class on the first frame."""

    @abstractmethod
    def next(self, state: AdaptedState, picture: Any, frame: Frame) -> Prediction:
        """Call the class on a later frame."""


class Got10kAdapter(Adapter):
    """`init(image, box)` and `update(image) -> box`."""

    def first(self, state: AdaptedState, picture: Any, target: Target) -> Any:
        """See `Adapter.first`."""
        return state.tracker.init(picture, target.box.copy())

    def next(self, state: AdaptedState, picture: Any, frame: Frame) -> Prediction:
        """See `Adapter.next`."""
        return Prediction(self.box(state.tracker.update(picture), frame))


class PyTrackingAdapter(Adapter):
    """`initialize(image, info)` and `track(image[, info]) -> {"target_bbox": box, …}`."""

    def first(self, state: AdaptedState, picture: Any, target: Target) -> Any:
        """See `Adapter.first`. `info` has `init_bbox` (a list, pixels) and, where known, `init_mask` and `init_text`."""
        info: dict[str, Any] = {"init_bbox": target.box.tolist()}
        if target.mask is not None:
            info["init_mask"] = target.mask.astype(np.uint8)
        if target.text is not None:
            info["init_text"] = info["language"] = target.text
        return state.tracker.initialize(picture, info) or {}

    def next(self, state: AdaptedState, picture: Any, frame: Frame) -> Prediction:
        """See `Adapter.next`. `info` has `previous_output`, for classes that take it."""
        if _takes_info(type(state.tracker)):
            output = state.tracker.track(picture, {"previous_output": state.output, "frame_num": frame.index})
        else:
            output = state.tracker.track(picture)
        if not isinstance(output, Mapping) or "target_bbox" not in output:
            output = {"target_bbox": output["bbox"] if isinstance(output, Mapping) and "bbox" in output else output}
        state.output = output
        box = output["target_bbox"]
        if isinstance(box, Mapping) and len(box) == 1:  # one object, filed under its id
            box = next(iter(box.values()))
        return Prediction(self.box(box, frame), _score(output), _mask(output, frame))


def _takes_info(cls: type) -> bool:
    try:
        inspect.signature(cls.track).bind(None, None, None)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return False
    return True


def _score(output: Mapping[str, Any]) -> float:
    for key in SCORE_KEYS:
        if key in output and output[key] is not None:
            value = output[key]
            try:
                score = float(value.item() if hasattr(value, "item") else value)
            except (TypeError, ValueError):
                continue
            if np.isfinite(score):
                return score
    return 1.0


def _mask(output: Mapping[str, Any], frame: Frame) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    mask = output.get("segmentation")
    if mask is None:
        return None
    if hasattr(mask, "detach"):
        mask = mask.detach().cpu().numpy()
    array = np.squeeze(np.asarray(mask)) > 0
    width, height = frame.size
    return array if array.shape == (height, width) else None


def seed_everything(seed: int) -> None:
    """Seed the global generators that classes of other toolkits draw from; torch's only where it is in use."""
    random.seed(seed)
    np.random.seed(seed)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)
