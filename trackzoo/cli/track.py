"""`trackzoo track`: one object through a person's own video or webcam."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trackzoo.frames import Frame, Pixels
    from trackzoo.geometry import Floats
    from trackzoo.tracker import Prediction

WINDOW = "trackzoo (q ends)"


def _box(text: str) -> Floats:
    import numpy as np

    from trackzoo.errors import SettingsError

    try:
        values = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        values = []
    if len(values) != 4:
        raise SettingsError(f"--box: found '{text}', expected four numbers x,y,w,h in pixels, e.g. --box 120,80,40,60")
    return np.array(values)


def _select(frame: Frame) -> Floats:
    """Let the person draw the box in a window."""
    import cv2
    import numpy as np

    from trackzoo.errors import SettingsError

    picture = np.ascontiguousarray(frame.array()[:, :, ::-1])
    box = cv2.selectROI("draw the target, then press space (c cancels)", picture, showCrosshair=False)
    cv2.destroyAllWindows()
    if box[2] <= 0 or box[3] <= 0:
        raise SettingsError("no box was drawn; draw one, or give --box x,y,w,h")
    return np.array(box, dtype=np.float64)


@click.command()
@click.argument("video")
@click.option("--tracker", "-t", "name", required=True, metavar="NAME", help="Tracker, or module:Class.")
@click.option("--box", metavar="X,Y,W,H", help="The target on the first frame, in pixels; drawn in a window otherwise.")
@click.option("--mask", type=click.Path(path_type=Path), metavar="FILE", help="The target's pixels there, a PNG.")
@click.option(
    "--object", "obj", type=click.IntRange(1, 254), metavar="N", help="Of several labels in --mask, this one."
)
@click.option("--text", help="Description of the target, for trackers that take one.")
@click.option("--no-text", is_flag=True, help="Go without, where a tracker follows a description.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write an annotated video (.mp4, .avi …).")
@click.option("--boxes", type=click.Path(path_type=Path), metavar="FILE", help="Write the boxes, one x,y,w,h a line.")
@click.option("--masks", type=click.Path(path_type=Path), metavar="DIR", help="Write the masks, a PNG a frame.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N frames alone.")
@click.option("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or cuda:N.")
@click.option("--dtype", default="fp32", type=click.Choice(["fp32", "fp16", "bf16"]), help="Precision of the network.")
@click.option("--compile", "compiled", is_flag=True, help="Compile the network (torch.compile); slow to start.")
@click.option(
    "--deterministic", is_flag=True, help="Equal bits for equal frames, whatever the lanes; slower (ToMP, PiVOT)."
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the tracker.")
@click.option("--seed", default=0, metavar="N", help="Source of all randomness.")
@click.option("--show/--no-show", default=None, help="Show a window  [default: where there is a display].")
def track(
    video: str,
    name: str,
    box: str | None,
    mask: Path | None,
    obj: int | None,
    text: str | None,
    no_text: bool,
    out: Path | None,
    boxes: Path | None,
    masks: Path | None,
    limit: int | None,
    device: str,
    dtype: str,
    compiled: bool,
    deterministic: bool,
    settings: tuple[str, ...],
    seed: int,
    show: bool | None,
) -> None:
    """Track an object through VIDEO: a video file, a folder of images, a quoted pattern, or a webcam's number.

    \b
    trackzoo track clip.mp4 --box 120,80,40,60 --tracker dcf --out annotated.mp4
    trackzoo track clip.mp4 --mask target.png --tracker rts --out annotated.mp4 --masks masks/
    trackzoo track 0 --tracker dcf
    """
    from dataclasses import replace
    from itertools import islice

    from trackzoo.cli.options import settings_in, text_in
    from trackzoo.engine.devices import choose_devices, let_threads_sleep
    from trackzoo.engine.texts import WAYS, check_text, needs_text
    from trackzoo.errors import SettingsError
    from trackzoo.first_mask import read_mask
    from trackzoo.geometry import box_of_mask
    from trackzoo.registry import tracker as choose
    from trackzoo.sequence import Target
    from trackzoo.tracker import check_first_box
    from trackzoo.video import MaskFolder, Source, Writer, display_there

    let_threads_sleep()
    choice = choose(name)
    text = text_in(text, no_text)
    check_text(choice.id, choice.spec, text)
    if text is None and needs_text(choice.spec):
        raise SettingsError(f"tracker '{choice.id}' follows a description of the target; {WAYS}")
    given = None if box is None else _box(box)
    if boxes is not None and not boxes.parent.is_dir():
        raise SettingsError(f"{boxes}: there is no folder {boxes.parent}")
    if masks is not None and "mask" not in choice.spec.gives:
        raise SettingsError(f"tracker '{choice.id}' gives boxes alone, there are no masks to write; leave out --masks")
    window = show if show is not None else display_there()
    if given is None and mask is None and not display_there():
        raise SettingsError("there is no display to draw the target on; give it with --box x,y,w,h or --mask FILE")
    source = Source(video)
    with ExitStack() as stack:
        stack.callback(source.close)
        writer = stack.enter_context(Writer(out, source.fps)) if out is not None else None
        frames = islice(source, limit)
        first = next(iter(frames), None)
        if first is None:
            raise SettingsError(f"{video}: no frame came")
        pixels = None if mask is None else read_mask(mask, first.size, obj)
        if given is None:
            given = _select(first) if pixels is None else box_of_mask(pixels)
        start = check_first_box(given, first.size, "--box")
        if pixels is not None and "mask" not in choice.spec.takes:
            click.echo(f"trackzoo: note: {choice.id} takes no mask; it starts with its box", err=True)
        kept = MaskFolder(masks) if masks is not None else None
        own = settings_in(settings, compile=compiled, deterministic=deterministic)
        loaded = choice.load(device=choose_devices(device)[0], dtype=dtype, **own)
        if "mask" in choice.spec.gives:
            loaded.wants = frozenset({"boxes", "masks"})

        found: list[Floats] = []
        seconds = 0.0
        begun = time.perf_counter()
        [(state, prediction)] = loaded.start([first], [Target(start, pixels, text)], [seed])
        stack.callback(lambda: loaded.release([state]))
        starting = time.perf_counter() - begun
        frame = first
        if prediction.mask is None and pixels is not None:
            prediction = replace(prediction, mask=pixels)
        try:
            while True:
                found.append(prediction.box)
                if kept is not None:
                    kept.add(frame, prediction)
                if writer is not None or window:
                    picture = _annotate(frame, prediction, choice.id)
                    if writer is not None:
                        writer.write(picture)
                    if window and not _shown(picture):
                        break
                frame.release()
                following = next(frames, None)
                if following is None:
                    break
                frame = following
                frame.array()  # decoded outside the clock
                begun = time.perf_counter()
                [prediction] = loaded.step([frame], [state])
                seconds += time.perf_counter() - begun
        except KeyboardInterrupt:
            click.echo(f"interrupted: the first {len(found)} frames are kept", err=True)
    if boxes is not None:
        from trackzoo.config import write_atomically

        write_atomically(boxes, "".join(",".join(repr(float(v)) for v in row) + "\n" for row in found).encode())
    steps = len(found) - 1
    rate = f", {steps / seconds:.1f} frames/s after a start of {starting:.2f} s" if seconds > 0 else ""
    click.echo(f"{choice.id}: {len(found)} frames{rate} (decoding and drawing aside)")
    for path in (out, boxes, masks):
        if path is not None:
            click.echo(f"written: {path}")


def _annotate(frame: Frame, prediction: Prediction, name: str) -> Pixels:
    """A copy of the frame with mask, box and words on it."""
    from trackzoo.draw import draw_box, draw_lines, draw_mask

    picture = frame.array().copy()
    if prediction.mask is not None:
        draw_mask(picture, prediction.mask)
    draw_box(picture, prediction.box)
    draw_lines(picture, [f"{name}   frame {frame.index}   score {prediction.score:.3g}"])
    return picture


def _shown(picture: Pixels) -> bool:
    """Show a picture; False when the person wants to end."""
    import cv2
    import numpy as np

    cv2.imshow(WINDOW, np.ascontiguousarray(picture[:, :, ::-1]))
    return cv2.waitKey(1) & 0xFF not in (ord("q"), 27)
