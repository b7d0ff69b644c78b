"""ToMP's stages and tracks beside the authors' own: `tomp-50`, and PiVOT's baselines `tomp-l-22`, `tomp-l-27`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trackzoo.errors import DataError
from trackzoo.frames import ArrayFrames, Frame
from trackzoo.nn.crops import normalise
from trackzoo.nn.precision import autocast
from trackzoo.parity.case import Case
from trackzoo.parity.target import Setup, Target
from trackzoo.parity.tolerance import EXACT, INPUT, Array, Tolerance, absolute
from trackzoo.sequence import Target as Object
from trackzoo.trackers.tomp import SPECS
from trackzoo.trackers.tomp.boxes import in_sample
from trackzoo.trackers.tomp.build import tomp_tracker, unfilled
from trackzoo.trackers.tomp.loading import PROMPTING, TEST_TOKEN
from trackzoo.trackers.tomp.model import ToMPL, ToMPNetwork
from trackzoo.trackers.tomp.tracker import Step, ToMPTracker
from trackzoo.trackers.tomp.training import distance_maps, giou_of_distances, label_maps, losses, positive_cells

#: Scores and features; the filled networks' are about 1 (SPEC, section 10).
MAP = absolute(2e-4)
#: Distances, in shares of the sample.
LTRB = absolute(1e-5)
#: Pixels of a box in a track.
BOX = absolute(0.02)
#: Pixels of a box in a sample, which is cut at about twice the picture's resolution.
SAMPLE = absolute(0.05)
#: Which frames of the scene the stages show: two references, then the test frame.
SHOWN = (0, 2, 5)
#: The tracks replace this frame of the scene by a grey picture.
OCCLUDED, GREY = 9, 128

STAGE: dict[str, Tolerance] = {
    **dict.fromkeys(("window_yx", "window_size", "window_repeat", "boxes"), INPUT),
    **dict.fromkeys(("train_label", "test_label", "train_ltrb", "test_ltrb"), absolute(1e-6)),
    "test_region": EXACT,
    **{f"backbone_{which}_{part}": MAP for which in ("train", "test") for part in ("sub", "stat")},
    **dict.fromkeys(("head_train_sub", "head_test_sub"), absolute(1e-5)),
    **dict.fromkeys(("cls_filter", "reg_filter"), absolute(1e-5)),
    **{f"{branch}_enc_sub": MAP for branch in ("cls", "reg")},
    **dict.fromkeys(("scores", "scores_one_ref", "train_mode_scores"), MAP),
    **dict.fromkeys(("ltrb", "ltrb_one_ref", "train_mode_ltrb"), LTRB),
    **dict.fromkeys(("loss_giou", "loss_lbhinge"), MAP),
    "loss_total": absolute(5e-3),
}
#: What only ToMP-50's folder holds, and only those of DINOv2's trackers.
STAGE_50: dict[str, Tolerance] = {
    "pos_encoding": absolute(1e-5),
    "box_encoding_sub": absolute(1e-5),
    **{f"{branch}_enc_stat": MAP for branch in ("cls", "reg")},
    "giou_ious": MAP,
}
STAGE_L: dict[str, Tolerance] = {
    "input_resized_sub": absolute(1e-5),
    **dict.fromkeys(("dino_tokens_sub", "dino_tokens_stat"), MAP),
    "dino_unit_sub": absolute(1e-5),
}

TRACK: dict[str, Tolerance] = {
    "init_target_scale": absolute(1e-6),
    "init_box": SAMPLE,
    "init_label": absolute(1e-5),
    "init_feat_sub": MAP,
    "init_feat_stat": MAP,
    "bbox": BOX,
    "score": MAP,
    **dict.fromkeys(("flag", "score_loc", "memory_update"), EXACT),
    "target_scale": absolute(1e-4),
    "sample_coords": absolute(1e-3),
    "scores_raw": MAP,
    "ltrb": LTRB,
    "feat_stat": MAP,
    "upd_box": SAMPLE,
}

#: DINOv2 through `transformers`, by itself.
DINO: dict[str, Tolerance] = {
    "dino_pos_table": absolute(1e-6),
    **dict.fromkeys(("dino_tokens", "dino_tokens_stat"), MAP),
}

#: Files of the folder that ToMP-L shares with PiVOT-L -> the targets that compare them.
OWNERS: dict[str, tuple[str, ...]] = {
    "stage_tomp_l": ("tomp-l-27",),
    "tracker_tomp_l": ("tomp-l-27",),
    "stage_tomp_l22": ("tomp-l-22",),
    "tracker_tomp_l22": ("tomp-l-22",),
    "hf_check": ("tomp-l-27", "pivot-l-27"),
    "stage_l22": ("pivot-l-22",),
    **dict.fromkeys(("stage", "tpr", "tracker_pool", "tracker_clip"), ("pivot-l-27",)),
}


def statistics(values: Tensor) -> list[float]:
    """Mean, standard deviation, least, largest."""
    values = values.double()
    return [float(each) for each in (values.mean(), values.std(), values.min(), values.max())]


def thinned(values: Tensor, like: Array | None, axis: int) -> Array:
    """Every so many of an axis, as a golden has them; all where there is none."""
    step = 1 if like is None else max(values.shape[axis] // like.shape[axis], 1)
    every = [slice(None)] * values.dim()
    every[axis] = slice(None, None, step)
    return values[tuple(every)].float().cpu().numpy()


def shown(case: Case, golden: Mapping[str, Array], sample: int) -> tuple[Tensor, Tensor]:
    """The stages' pictures (3, 3, S, S), normalised, and their boxes (3, 4): windows of the scene with every pixel repeated."""
    for name in ("window_yx", "boxes"):
        if name not in golden:
            raise DataError(case.folder, f"stages without '{name}'", "the windows and boxes that they were made of")
    size = int(golden.get("window_size", np.int64(144)))
    repeat = int(golden.get("window_repeat", np.int64(sample // size)))
    pictures = []
    for frame, (row, column) in zip(SHOWN, golden["window_yx"], strict=True):
        window = case.scene[0][frame, row : row + size, column : column + size]
        pictures.append(window.repeat(repeat, axis=0).repeat(repeat, axis=1))
    return normalise(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)), torch.from_numpy(golden["boxes"])


def tracked_frames(case: Case) -> list[Frame]:
    """The scene's frames, one of which is grey: an occlusion."""
    video = case.scene[0].copy()
    video[OCCLUDED] = GREY
    frames = ArrayFrames(lambda index: np.asarray(video[index]), len(video), f"scene {case.seed}, occluded")
    return [frames[index] for index in range(len(video))]


class ToMPTarget(Target):
    """A variant's stages and track.

    Attributes:
        folder: of the packaged goldens.
        variant: of the tracker.
        stages, tracks: names of the files; those with a suffix (`_…`) hold the same of another input.
    """

    folder: str
    variant: str
    stages, tracks = "stage", "tracker"

    @property
    def packaged(self) -> Path:  # type: ignore[override]
        """The folder in the plugin's package data."""
        return Path(__file__).parent / "goldens" / self.folder

    def files(self) -> Iterable[str]:
        """Stage and track."""
        return (self.stages, self.tracks)

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """By the kind of file."""
        if file == self.stages or file.startswith(self.stages + "_"):
            return {**STAGE, **STAGE_50}
        return TRACK if file == self.tracks or file.startswith(self.tracks + "_") else {}

    def compute(self, case: Case, file: str, setup: Setup) -> Iterator[tuple[str, object]]:
        """See `Target.compute`."""
        golden = case.arrays(file + ".npz")
        tracker = self.filled(case, setup)
        # Run through in one go: leaving and entering inference mode between two values would switch autocast off.
        with torch.inference_mode():
            found = list(
                self.stage(case, tracker, golden) if file.startswith(self.stages) else track(case, tracker, golden)
            )
        yield from found

    def settings(self) -> dict[str, Any]:
        """The variant's."""
        return dict(SPECS[0].variants[self.variant])

    def manifest(self, case: Case) -> dict[str, dict[str, Any]]:
        """Names of this network's tensors in the folder's manifest."""
        return case.manifest()

    def filled(self, case: Case, setup: Setup) -> ToMPTracker[Any]:
        """The tracker of a case: one for all its files, since filling takes as long as tracking."""

        def make() -> ToMPTracker[Any]:
            settings, entries = self.settings(), self.manifest(case)
            backbone, side = settings.get("backbone", "resnet50"), settings.get("side", 18)
            network = unfilled(backbone, side, test_token=TEST_TOKEN in entries)
            weights = _Part(case, entries).fill(network)
            return tomp_tracker(
                weights=weights, device=setup.device, dtype=setup.dtype, compile=setup.compile, **settings
            )

        return self.once(case, setup, make)

    def stage(self, case: Case, tracker: ToMPTracker[Any], golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
        """One forward pass: two references, one test frame."""
        network = tracker.network
        pictures, boxes = shown(case, golden, network.sample)
        yield from _targets(boxes, network.side)
        with autocast(tracker.device, tracker.dtype):
            features, arrays = self.features(network, pictures.to(tracker.device), golden)
            yield from arrays.items()
            yield from _backbone(features, golden)
            yield from _head(network, features, boxes, golden)

    def features(
        self, network: ToMPNetwork, pictures: Tensor, golden: Mapping[str, Array]
    ) -> tuple[Tensor, dict[str, object]]:
        """The backbone's features (3, C, n, n), and arrays of what goes on within."""
        return network.features(pictures), {}


class _Part(Case):
    """A case whose manifest is a part of the folder's."""

    def __init__(self, case: Case, entries: dict[str, dict[str, Any]]) -> None:
        super().__init__(case.folder, case.packaged)
        self._entries = entries

    def manifest(self, name: str = "manifest.json") -> dict[str, dict[str, Any]]:
        """The part."""
        return self._entries


def _targets(boxes: Tensor, side: int) -> Iterator[tuple[str, object]]:
    """What training compares with, of the two references and the test frame."""
    labels, distances = label_maps(boxes, side), distance_maps(boxes, side)
    yield "train_label", labels[:2]
    yield "test_label", labels[2]
    yield "train_ltrb", distances[:2]
    yield "test_ltrb", distances[2]
    yield "test_region", positive_cells(boxes[2:], side).float()


def _backbone(features: Tensor, golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
    for name, part in (("train", features[:2]), ("test", features[2:])):
        yield f"backbone_{name}_sub", thinned(part, golden.get(f"backbone_{name}_sub"), 1)
        yield f"backbone_{name}_stat", statistics(part)


def _head(
    network: ToMPNetwork, features: Tensor, boxes: Tensor, golden: Mapping[str, Array]
) -> Iterator[tuple[str, object]]:
    """Everything behind the backbone, in the tracker's two sequences and in training's one."""
    head, side = network.head, network.side
    predictor = head.filter_predictor
    labels, ltrb = (maps(boxes[:2], side).to(features.device) for maps in (label_maps, distance_maps))
    embedded = head.features(features)
    for name, part in (("train", embedded[:2]), ("test", embedded[2:])):
        yield f"head_{name}_sub", thinned(part, golden.get(f"head_{name}_sub"), 1)
    places = predictor.places(side, features.device).T.reshape(-1, side, side)
    yield "pos_encoding", thinned(places, golden.get("pos_encoding"), 0)
    encoded = predictor.encode_box(ltrb).transpose(1, 2).reshape(2, -1, side, side)
    yield "box_encoding_sub", thinned(encoded, golden.get("box_encoding_sub"), 1)
    tokens, test = predictor.reference_tokens(embedded[:2], labels, ltrb), predictor.test_tokens(embedded[2:])
    model = predictor(tokens[:1], [tokens[1]], test)
    yield "cls_filter", model.class_filter[0].float().cpu()
    yield "reg_filter", model.box_filter[0].float().cpu()
    for name, enhanced in (("cls", model.class_features), ("reg", model.box_features)):
        yield f"{name}_enc_sub", thinned(enhanced[0], golden.get(f"{name}_enc_sub"), 0)
        yield f"{name}_enc_stat", statistics(enhanced)
    for suffix, found in (("", head.decide(model)), ("_one_ref", head(tokens[:1], [None], test))):
        yield f"scores{suffix}", found[0][0].float().cpu()
        yield f"ltrb{suffix}", found[1][0].float().cpu()
    scores, distances = (
        each.float().cpu()
        for each in head.train_forward([features[:1], features[1:2]], features[2:], labels[:, None], ltrb[:, None])
    )
    yield "train_mode_scores", scores[0]
    yield "train_mode_ltrb", distances[0]
    terms = losses(scores, distances, boxes[2:])
    yield "loss_giou", terms.giou
    yield "loss_lbhinge", terms.classification
    yield "loss_total", terms.total
    positive = positive_cells(boxes[2], side)
    wanted = distance_maps(boxes[2], side)
    yield "giou_ious", giou_of_distances(distances[0].movedim(0, -1)[positive], wanted.movedim(0, -1)[positive])[1]


def track(case: Case, tracker: ToMPTracker[Any], golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
    """The whole tracker over the scene, as many frames as the golden has."""
    frames = tracked_frames(case)
    count = max((len(golden[name]) for name in ("bbox", "flag", "scores_raw", "ltrb") if name in golden), default=0)
    if count >= len(frames):
        raise DataError(case.folder, f"a track of {count} frames", f"at most {len(frames) - 1}, as the scene has")
    first: dict[str, Any] = {}
    steps: list[Step] = []
    boxes, scales, updated, stats = [], [], [], []

    def watch(name: str, value: Any) -> None:
        if name == "first":
            first.update(value)
        elif name == "features":
            stats.append(statistics(value[0]))
        elif name == "steps":
            steps.extend(value)

    start = np.asarray(case.scene[1][0], dtype=np.float64)
    tracker.attach(watch)
    [(state, _)] = tracker.start(frames[:1], [Object(start)], [0])
    yield "init_target_scale", state.scale
    yield "init_box", first["boxes"][0]
    yield "init_label", np.stack(first["labels"])
    yield "init_feat_sub", thinned(first["features"][0], golden.get("init_feat_sub"), 0)
    yield "init_feat_stat", statistics(first["features"])
    for index in range(1, count + 1):
        [prediction] = tracker.step([frames[index]], [state])
        boxes.append(prediction.box)
        scales.append(state.scale)
        window = steps[-1].window
        box = in_sample(state.place, window.position, window.scale, tracker.network.sample)
        updated.append(box if steps[-1].remembered else np.full(4, np.nan))
    tracker.attach(None)
    tracker.release([state])
    yield "bbox", np.array(boxes)
    yield "score", [step.located.score for step in steps]
    yield "flag", np.array([step.located.flag for step in steps])
    yield "score_loc", [step.located.cell for step in steps]
    yield "memory_update", [int(step.remembered) for step in steps]
    yield "target_scale", scales
    yield "sample_coords", [step.window.coords for step in steps]
    yield "scores_raw", [step.scores for step in steps]
    yield "ltrb", [step.ltrb for step in steps]
    yield "feat_stat", stats
    yield "upd_box", updated


class ToMP50Target(ToMPTarget):
    """ToMP-50."""

    folder, variant = "tomp50", "tomp-50"


class ToMPL27Target(ToMPTarget):
    """ToMP-L on the 27 x 27 grid; its goldens lie in the folder of PiVOT-L's."""

    folder, variant = "tomp_l", "tomp-l-27"
    stages, tracks = "stage_tomp_l", "tracker_tomp_l"

    def files(self) -> Iterable[str]:
        """Stage, track, and DINOv2 by itself."""
        return (self.stages, self.tracks, "hf_check")

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """See `ToMPTarget.table`."""
        if file == "hf_check":
            return DINO
        if file == self.stages or file.startswith(self.stages + "_"):
            return {**STAGE, **STAGE_L}
        return super().table(file)

    def elsewhere(self, file: str, array: str = "") -> bool:
        """Files of PiVOT's targets and of the other grid, and CLIP's feature."""
        return (file, array) == ("hf_check", "clip_feature") or self.variant not in OWNERS.get(file, (self.variant,))

    def manifest(self, case: Case) -> dict[str, dict[str, Any]]:
        """The folder's manifest is PiVOT-L's: without prompting."""
        return {name: entry for name, entry in case.manifest().items() if not name.startswith(PROMPTING)}

    def compute(self, case: Case, file: str, setup: Setup) -> Iterator[tuple[str, object]]:
        """See `Target.compute`."""
        if file != "hf_check":
            yield from super().compute(case, file, setup)
            return
        network = self.filled(case, setup).network
        assert isinstance(network, ToMPL)
        with torch.inference_mode():
            found = list(dinov2(network, case.arrays(file + ".npz"), setup))
        yield from found

    def features(
        self, network: ToMPNetwork, pictures: Tensor, golden: Mapping[str, Array]
    ) -> tuple[Tensor, dict[str, object]]:
        """See `ToMPTarget.features`. Pictures go through DINOv2 one by one, as they went through the reference."""
        assert isinstance(network, ToMPL)
        resized = network.resized(pictures)
        shape = golden["input_resized_sub"].shape[-1] if "input_resized_sub" in golden else 1
        step = -(-resized.shape[-1] // shape)
        tokens = torch.cat([network.feature_extractor(each[None])[:, 1:] for each in resized])
        last = tokens[2].float()
        unit = last / last.norm(dim=1, keepdim=True)
        like = golden.get("dino_unit_sub")
        row = 1 if like is None else len(unit) // len(like)
        side = resized.shape[-1] // 14
        features = network.adapt(tokens.transpose(1, 2).reshape(len(tokens), -1, side, side))
        return features, {
            "input_resized_sub": resized[2, :, ::step, ::step].cpu(),
            "dino_tokens_sub": thinned(last, golden.get("dino_tokens_sub"), 1),
            "dino_tokens_stat": statistics(last),
            "dino_unit_sub": thinned(unit[::row], like, 1),
        }


class ToMPL22Target(ToMPL27Target):
    """ToMP-L on the 22 x 22 grid (derived: PiVOT's authors released no such network)."""

    variant = "tomp-l-22"
    stages, tracks = "stage_tomp_l22", "tracker_tomp_l22"

    def files(self) -> Iterable[str]:
        """Stage and track."""
        return (self.stages, self.tracks)

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """DINOv2 by itself is the other grid's to compare."""
        return {} if file == "hf_check" else super().table(file)


def dinov2(network: ToMPL, golden: Mapping[str, Array], setup: Setup) -> Iterator[tuple[str, object]]:
    """The position table, and the tokens of a picture of sines."""
    encoder = network.feature_extractor
    side = network.resolution
    table = encoder.positions(side // 14)[0]
    yield "dino_pos_table", thinned(table, golden.get("dino_pos_table"), 1)
    numbers = torch.arange(3 * side * side, dtype=torch.float32).reshape(1, 3, side, side)
    with autocast(setup.device, setup.dtype):
        tokens = encoder((torch.sin(0.37 * numbers) * 1.5).to(setup.device))[0, 1:].float()
    yield "dino_tokens", thinned(tokens, golden.get("dino_tokens"), 1)
    yield "dino_tokens_stat", statistics(tokens)
