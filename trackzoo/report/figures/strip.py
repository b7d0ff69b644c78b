"""Strips of frames with the boxes and masks of several trackers (as PiVOT, Figs. 6 and 7)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence as ListOf
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import TrackzooError
from trackzoo.geometry import Floats
from trackzoo.report import style
from trackzoo.report.figures.sheet import (
    GAP,
    Styles,
    axes_at,
    key_below,
    key_layout,
    key_names,
    name_of,
    note_height,
    note_lines,
    notes_at,
    plain,
    sheet,
    styled,
    styles_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Pixels per inch that printed pictures keep; more would only make the file larger.
PRINT_DPI = 300
#: More trackers than this cannot be told apart in one picture.
MOST = 6
_MARGIN, _APART, _HEADING = 0.04, 0.05, 0.16
ANNOTATION = "annotation"
#: The casing under a dashed outline is whole.
_SOLID = {"dash_offset": 0, "dash_list": None}


@dataclass(frozen=True)
class Shot:
    """One frame.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        label: what stands in its corner, e.g. `#42`.
        boxes: tracker -> (4,) `x, y, w, h` in pixels counted from 0; one that is not finite is not drawn.
        truth: (4,) annotated box, likewise; None where it is not known.
        masks: tracker -> (H, W) bool.
        outline: (P, 2) corners of the annotated polygon, drawn in place of `truth`.
    """

    image: NDArray[np.uint8]
    label: str
    boxes: Mapping[str, Floats] = field(default_factory=dict)
    truth: Floats | None = None
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    outline: Floats | None = None


@dataclass(frozen=True)
class Strip:
    """Frames of one sequence, side by side.

    Attributes:
        name: stands above them.
        shots: the frames in order.
    """

    name: str
    shots: tuple[Shot, ...]


@styled
def strips(
    given: ListOf[Strip],
    styles: Styles | None = None,
    *,
    trackers: ListOf[str] = (),
    zoom: float = 0.0,
    title: str = "",
    width: float = style.PAGE,
    top: int = MOST,
    notes: ListOf[str] = (),
) -> Figure:
    """A row of pictures a strip. Boxes are full outlines in a tracker's colour and dashes, the annotation is corners alone.

    Args:
        given: the strips.
        styles: tracker -> its style; here in the colours for dark ground, with a dark casing.
        trackers: whom to draw, in order of the key; by default all that the shots have, at most `top`.
        zoom: show so many times the extent of all boxes around the annotation, e.g. 3; 0 shows whole pictures.
        title: above all.
        width: of the figure in inches.
        top: most trackers that are drawn; a note names the others.
        notes: small print.

    Raises:
        TrackzooError: no picture.
    """
    shots = [shot for strip in given for shot in strip.shots]
    if not shots:
        raise TrackzooError("strip of frames: found no frame to show")
    names = list(trackers) or list(dict.fromkeys(name for shot in shots for name in (*shot.boxes, *shot.masks)))
    left_out, names = names[top:], names[:top]
    look = styles_of(names, styles)
    said = [*notes, *([f"Not drawn: {', '.join(map(style.shorten, left_out))}."] if left_out else [])]
    small = note_lines(said, width)
    annotated = any(shot.truth is not None or shot.outline is not None for shot in shots)
    labels = [*([ANNOTATION] if annotated else []), *key_names(names, width)]
    under = note_height(small)
    key = key_layout(labels, width - 2 * GAP)[1]
    columns = max(len(strip.shots) for strip in given)
    each = (width - 2 * _MARGIN - (columns - 1) * _APART) / columns
    views = [[_view(shot, names, zoom) for shot in strip.shots] for strip in given]
    # One height a row, so that its pictures stand in line.
    heights = [max((_tall(view) for view in row), default=1.0) * each for row in views]
    height = under + key + sum(heights) + len(given) * (_HEADING + _APART) + (0.2 if title else 0.0)
    figure = sheet(width, height)
    upper = height - (0.2 if title else 0.0)
    for strip, row, tall in zip(given, views, heights, strict=True):
        upper -= _HEADING
        figure.text(
            _MARGIN / width,
            (upper + 0.04) / height,
            name_of(strip.name, 60),
            fontsize=style.FONT_SIZE - 0.5,
            va="bottom",
        )
        for place, (shot, view) in enumerate(zip(strip.shots, row, strict=True)):
            axes = axes_at(figure, _MARGIN + place * (each + _APART), upper - tall, each, tall)
            _draw(axes, shot, view, names, look, each, label=not place and strip is given[0])
        upper -= tall + _APART
    handles = ([_handle(style.TRUTH, ())] if annotated else []) + [
        _handle(_colour(look[name]), look[name].dashes) for name in names
    ]
    key_below(figure, handles, labels, under + key)
    notes_at(figure, small, under)
    if title:
        figure.text(0.5, 1 - 0.04 / height, plain(title), ha="center", va="top", fontsize=style.FONT_SIZE + 1)
    return figure


View = tuple[float, float, float, float]


def _view(shot: Shot, names: ListOf[str], zoom: float) -> View:
    """What of the picture is shown: left, top, right, bottom in pixels, always within it and in its proportions."""
    high, wide = shot.image.shape[:2]
    boxes = [box for box in (shot.truth, *(shot.boxes.get(name) for name in names)) if box is not None]
    boxes = [box for box in boxes if np.isfinite(box).all()]
    if zoom <= 0 or not boxes:
        return 0.0, 0.0, float(wide), float(high)
    # Around the annotation where it is known: a tracker that ran away would shrink it to nothing.
    box = boxes[0]
    centre = box[0] + box[2] / 2, box[1] + box[3] / 2
    share = min(1.0, zoom * max(box[2] / wide, box[3] / high, 0.02))
    across, up = wide * share, high * share
    x = min(max(centre[0] - across / 2, 0.0), wide - across)
    y = min(max(centre[1] - up / 2, 0.0), high - up)
    return x, y, x + across, y + up


def _tall(view: View) -> float:
    return (view[3] - view[1]) / (view[2] - view[0])


def _draw(axes: Axes, shot: Shot, view: View, names: ListOf[str], look: Styles, inches: float, *, label: bool) -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    left, upper, right, lower = view
    first, last = (math.floor(left), math.floor(upper)), (math.ceil(right), math.ceil(lower))
    window = slice(first[1], last[1]), slice(first[0], last[0])
    extent = (first[0], last[0], last[1], first[1])
    axes.imshow(_printed(shot.image[window], inches), extent=extent, interpolation="none", aspect="auto", zorder=1)
    for name in names:
        if name in shot.masks:
            _mask(axes, shot.masks[name][window], extent, _colour(look[name]), inches)
    for name in names:
        box = shot.boxes.get(name)
        if box is None or not np.isfinite(box).all():
            continue
        line = look[name]
        patch = Rectangle(
            (box[0], box[1]), box[2], box[3], fill=False, edgecolor=_colour(line), linewidth=1.2,
            linestyle=(0, line.dashes) if line.dashes else "solid", zorder=3, label=name,
        )  # fmt: skip
        # The casing makes the outline seen on any ground.
        patch.set_path_effects([Stroke(linewidth=2.2, foreground=style.INK, dashes=_SOLID), Normal()])
        axes.add_patch(patch)
    _truth(axes, shot)
    axes.set_xlim(left, right)
    axes.set_ylim(lower, upper)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.text(
        0.015, 0.98, plain(shot.label), transform=axes.transAxes, va="top", fontsize=style.FONT_SIZE - 2, color=style.PAPER,
        zorder=6, bbox={"facecolor": style.INK, "edgecolor": "none", "pad": 1.2, "alpha": 0.75},
    )  # fmt: skip


def _truth(axes: Axes, shot: Shot) -> None:
    """The annotation as corners, or as its polygon."""
    from matplotlib.patheffects import Normal, Stroke

    paths: list[Floats] = []
    if shot.outline is not None:
        paths = [np.concatenate([shot.outline, shot.outline[:1]])]
    elif shot.truth is not None and np.isfinite(shot.truth).all():
        x, y, w, h = shot.truth
        leg = 0.28
        for across, up in ((0, 0), (1, 0), (1, 1), (0, 1)):
            corner = np.array([x + across * w, y + up * h])
            inward = np.array([(1 - 2 * across) * w * leg, (1 - 2 * up) * h * leg])
            paths.append(np.stack([corner + inward * (1, 0), corner, corner + inward * (0, 1)]))
    for path in paths:
        axes.plot(
            path[:, 0], path[:, 1], color=style.TRUTH, linewidth=1.5, solid_capstyle="butt", zorder=4, label=ANNOTATION,
            path_effects=[Stroke(linewidth=2.6, foreground=style.INK), Normal()],
        )  # fmt: skip


def _mask(axes: Axes, mask: NDArray[np.bool_], extent: tuple[int, int, int, int], colour: str, inches: float) -> None:
    from matplotlib.colors import to_rgb

    if not mask.any():
        return
    cover = _printed(np.repeat((mask * 255).astype(np.uint8)[..., None], 3, axis=2), inches)[..., :1] / 255.0
    red, green, blue = to_rgb(colour)
    paint = np.concatenate([np.ones_like(cover) * (red, green, blue), cover * 0.45], axis=-1)
    axes.imshow(paint, extent=extent, interpolation="none", aspect="auto", zorder=2)


def _printed(image: NDArray[np.uint8], inches: float) -> NDArray[np.uint8]:
    """The picture with no more pixels than its place can print."""
    wide = round(inches * PRINT_DPI)
    if image.shape[1] <= wide:
        return image
    import cv2

    size = wide, max(1, round(image.shape[0] * wide / image.shape[1]))
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _colour(line: style.Line) -> str:
    return style.DARK_COLOURS[line.index % len(style.DARK_COLOURS)]


def _handle(colour: str, dashes: tuple[float, ...]) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import Normal, Stroke

    return Line2D(
        [], [], color=colour, linewidth=1.4, linestyle=(0, dashes) if dashes else "solid",
        path_effects=[Stroke(linewidth=2.6, foreground=style.INK, dashes=_SOLID), Normal()],
    )  # fmt: skip


def evenly(frames: int, count: int) -> tuple[int, ...]:
    """At most `count` frames of `frames`, first and last among them, as far apart as they go."""
    if count <= 1 or frames <= 1:
        return (0,)
    return tuple(dict.fromkeys(round(place * (frames - 1) / (count - 1)) for place in range(count)))


def telling(overlaps: ListOf[Floats], count: int) -> tuple[int, ...]:
    """One frame of each of `count` parts of the sequence: where the trackers differ most (one alone: is worst).

    Args:
        overlaps: (N,) of each tracker; frames where one is NaN are passed over.
        count: how many.
    """
    stacked = np.stack(list(overlaps))
    merit = stacked.max(axis=0) - stacked.min(axis=0) if len(stacked) > 1 else 1 - stacked[0]
    merit = np.where(np.isfinite(stacked).all(axis=0), merit, -1.0)
    edges = np.linspace(0, len(merit), min(count, len(merit)) + 1).round().astype(int)
    return tuple(int(begin + np.argmax(merit[begin:end])) for begin, end in itertools.pairwise(edges) if end > begin)
