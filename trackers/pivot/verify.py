"""PiVOT's stages, refinement and tracks beside the authors' own (derived ones for -50 and L-22)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trackzoo.frames import ArrayFrames, Frame
from trackzoo.nn.clip import ClipVision, PooledVision, image_encoder
from trackzoo.nn.crops import normalise
from trackzoo.nn.precision import autocast
from trackzoo.parity.case import Case
from trackzoo.parity.fill import fill_state_dict
from trackzoo.parity.target import Setup, Target
from trackzoo.parity.tolerance import EXACT, INPUT, Array, Tolerance, absolute, relative
from trackzoo.sequence import Target as Object
from trackzoo.trackers.pivot import SPECS
from trackzoo.trackers.pivot.build import CLIP, pivot_tracker, unfilled
from trackzoo.trackers.pivot.model import PiVOT50, PiVOTL
from trackzoo.trackers.pivot.refinement import Regression, box_sizes, local_maxima, refine, similarities, unit
from trackzoo.trackers.pivot.templates import SECOND, cut_template
from trackzoo.trackers.pivot.tracker import PiVOTTracker
from trackzoo.trackers.pivot.training import losses, train_forward
from trackzoo.trackers.tomp.boxes import in_sample
from trackzoo.trackers.tomp.loading import TEST_TOKEN
from trackzoo.trackers.tomp.training import distance_maps, label_maps, positive_cells

#: Scores, prompts, features (SPEC, section 10).
MAP = absolute(2e-4)
LTRB = absolute(1e-5)
#: Pixels of a box.
BOX = absolute(0.02)
#: A softmax of 100 times the cosine.
SHARE = absolute(2e-3)
#: The video's frame that is grey in the tracks.
OCCLUDED = 9

STAGE: dict[str, Tolerance] = {
    **dict.fromkeys(("window_yx", "window_size", "window_repeat"), INPUT),
    "boxes": absolute(1e-4),
    **dict.fromkeys(("train_label", "test_label", "train_ltrb", "test_ltrb"), LTRB),
    "test_region": EXACT,
    **dict.fromkeys(("input_resized_sub", "template_crop_sub", "template_crop_stat"), LTRB),
    **{f"dino_{name}": MAP for name in ("tokens_sub", "tokens_stat", "unit_sub")},
    **{f"backbone_{frame}_{part}": MAP for frame in ("test", "train") for part in ("sub", "stat")},
    **{f"{name}_{part}": MAP for name in ("template_feat", "fuse", "rm") for part in ("sub", "stat")},
    "hcan": MAP,
    **dict.fromkeys(("cls_filter", "reg_filter", "cls_enc_sub", "reg_enc_sub", "head_test_sub", "scores"), MAP),
    "ltrb": LTRB,
    **dict.fromkeys(("train_mode_scores", "train_mode_hcan"), MAP),
    "train_mode_ltrb": LTRB,
    **dict.fromkeys(("loss_giou", "loss_lbhinge", "loss_prompt"), absolute(1e-5)),
    "loss_total": relative(1e-4),
}
TRACK: dict[str, Tolerance] = {
    "init_target_scale": absolute(1e-5),
    "init_box": BOX,
    "init_label": LTRB,
    **dict.fromkeys(("init_feat_sub", "init_feat_stat", "feat_stat", "head_in_stat"), MAP),
    **dict.fromkeys(("bbox", "upd_box", "template_box"), BOX),
    "score": MAP,
    "scores_raw": MAP,
    "ltrb": LTRB,
    "target_scale": absolute(1e-4),
    "sample_coords": BOX,
    "template_stat": absolute(5e-3),
    **dict.fromkeys(("flag", "score_loc", "memory_update", "template_changed", "upt"), EXACT),
    **dict.fromkeys(("pgn_next", "hist_rows", "n_candidates", "clip_images"), EXACT),
}
#: Of one frame of a track, behind `f{t}_`.
FRAME: dict[str, Tolerance] = {
    **dict.fromkeys(("hcan", "refined", "cand_scores"), MAP),
    "cand_coords": EXACT,
    "cand_wh": absolute(1),
    "cand_feat_unit": MAP,
    "ref_feat": relative(2e-4),
    "sim": SHARE,
    **dict.fromkeys(("crop_sub", "crop_stat"), MAP),
}
#: Of one case of refinement alone, behind `c{i}_`.
PROMPT: dict[str, Tolerance] = {
    **dict.fromkeys(("map", "ltrb", "sample_coords", "ref", "feat"), INPUT),
    "coords": EXACT,
    "scores": absolute(1e-6),
    "wh": absolute(1),
    "sim": absolute(1e-4),
    "refined": absolute(1e-6),
}


def statistics(values: Tensor) -> list[float]:
    """Mean, population standard deviation, least, largest."""
    values = values.double()
    return [float(each) for each in (values.mean(), values.std(correction=0), values.min(), values.max())]


def thin(values: Tensor, golden: Array | None, axis: int) -> Array:
    """As many values along an axis as the golden has, evenly spaced from the first on."""
    step = 1 if golden is None else -(-values.shape[axis] // golden.shape[axis])
    index = torch.arange(0, values.shape[axis], step, device=values.device)
    return np.asarray(values.index_select(axis, index).float().cpu().numpy())


#: CLIP through transformers, by itself.
CLIP_ALONE: dict[str, Tolerance] = {"clip_feature": relative(1e-4)}


class PiVOTTarget(Target):
    """Stage, refinement and tracks of one variant."""

    variant: str
    folder: str
    #: Part of the names of this variant's files, and parts of others'.
    own: str = ""
    others: tuple[str, ...] = ("l22", "tomp")
    #: Whether CLIP by itself is this target's to compare.
    clip_alone = False

    @property
    def packaged(self) -> Path:  # type: ignore[override]
        """The folder in the plugin's package data."""
        return Path(__file__).parent / "goldens" / self.folder

    def files(self) -> Iterable[str]:
        """Those that the reference made of this variant."""
        return ("stage", "tpr", "tracker_pool", "tracker_clip")

    def table(self, file: str) -> Mapping[str, Tolerance]:
        """By the kind of file; further tracks (`tracker_pool*`, `tracker_clip*`) are known too."""
        if file == "hf_check":
            return CLIP_ALONE if self.clip_alone else {}
        if self.own not in file or any(other in file for other in self.others):
            return {}
        for kind, rules in (("stage", STAGE), ("tpr", {"image_hw": INPUT}), ("tracker_", TRACK)):
            if file.startswith(kind):
                return rules
        return {}

    def rules(self, file: str, golden: Mapping[str, Array]) -> Mapping[str, Tolerance]:
        """The table, and families of names: `f{t}_…` of each frame, `c{i}_…` of each case."""
        found = dict(self.table(file))
        for name in golden:
            family = re.fullmatch(r"([fc])\d+_(\w+)", name)
            if found and family and (rule := (FRAME if family[1] == "f" else PROMPT).get(family[2])) is not None:
                found[name] = rule
        return found

    def elsewhere(self, file: str, array: str = "") -> bool:
        """Files of ToMP-L and of the other grid; DINOv2 by itself."""
        if file == "hf_check":
            return array.startswith("dino_") or not self.clip_alone
        return (bool(self.own) and self.own not in file) or any(other in file for other in self.others)

    def compute(self, case: Case, file: str, setup: Setup) -> Iterator[tuple[str, object]]:
        """See `Target.compute`."""
        golden = case.arrays(file + ".npz")
        if file.startswith("tpr"):
            yield from refinements(golden)
            return
        if file == "hf_check":
            with torch.inference_mode():
                given = torch.sin(0.41 * torch.arange(3 * 336 * 336, dtype=torch.float32)).reshape(1, 3, 336, 336)
                feature = filled_clip(case)(given)[0]
            yield "clip_feature", feature
            return
        network = self._filled(case, setup)
        with torch.inference_mode():
            if file.startswith("stage"):
                found = list(Stage(case, network, golden, setup).arrays())
            else:
                clip = filled_clip(case) if file.startswith("tracker_clip") else PooledVision()
                found = list(track(case, self._tracker(network, clip, setup), golden))
        yield from found

    def _settings(self) -> dict[str, Any]:
        return dict(SPECS[0].variants[self.variant])

    def _filled(self, case: Case, setup: Setup) -> PiVOT50 | PiVOTL:
        """The network of a case: one for all its files, since filling takes as long as tracking."""

        def make() -> PiVOT50 | PiVOTL:
            settings = self._settings()
            backbone, side = settings.get("backbone", "resnet50"), settings.get("side", 18)
            entries = case.manifest()
            empty = unfilled(backbone, side, test_token=TEST_TOKEN in entries)
            empty.expect(entries)
            values = case.fill(empty)
            tracker = pivot_tracker(
                weights=values, prompt="none", device=setup.device, dtype=setup.dtype, compile=setup.compile, **settings
            )
            return tracker.network

        return self.once(case, setup, make)

    def _tracker(self, network: PiVOT50 | PiVOTL, clip: ClipVision | PooledVision, setup: Setup) -> PiVOTTracker:
        from trackzoo.trackers.pivot.build import settled

        own = {name: value for name, value in self._settings().items() if name not in ("backbone", "side")}
        refinement, behaviour = settled(**own)
        return PiVOTTracker(network, clip, refinement, behaviour, device=setup.device, dtype=setup.dtype)


def filled_clip(case: Case) -> ClipVision | PooledVision:
    """CLIP of a case, filled under OpenAI's names."""
    name = "clip_manifest.json"
    lent = Path(__file__).parent / "goldens" / "pivot_l"
    entries = case.manifest(name) if (case.folder / name).is_file() else Case(lent, lent).manifest(name)
    empty = {each: torch.empty(entry["shape"], device="meta") for each, entry in entries.items()}
    return image_encoder(fill_state_dict(empty, entries, case.salt), CLIP)


class Stage:
    """One forward pass over three windows of the scene: two references and a test frame."""

    def __init__(self, case: Case, network: PiVOT50 | PiVOTL, golden: Mapping[str, Array], setup: Setup) -> None:
        self.case, self.network, self.golden, self.setup = case, network, golden, setup

    def arrays(self) -> Iterator[tuple[str, object]]:
        """All that can be computed from what the folder holds."""
        golden, network = self.golden, self.network
        if "window_yx" not in golden:
            return
        side, sample = network.side, network.sample
        corners = golden["window_yx"].astype(int)
        repeat = int(golden.get("window_repeat", np.int64(3 if side == 27 else 2)))
        extent = int(golden.get("window_size", np.int64(sample // repeat)))
        video, truth, _ = self.case.scene
        numbers = (0, 2, 5)
        windows, boxes = [], []
        for number, (y, x) in zip(numbers, corners, strict=True):
            window = video[number][y : y + extent, x : x + extent]
            windows.append(torch.from_numpy(np.repeat(np.repeat(window, repeat, 0), repeat, 1)).permute(2, 0, 1))
            boxes.append((truth[number] - [x, y, 0, 0]) * repeat)
        places = torch.from_numpy(np.stack(boxes).astype(np.float32))
        labels, ltrb = label_maps(places, side), distance_maps(places, side)
        yield "boxes", places
        yield "train_label", labels[:2]
        yield "test_label", labels[2]
        yield "train_ltrb", ltrb[:2]
        yield "test_ltrb", ltrb[2]
        yield "test_region", positive_cells(places[2:], side).float()
        crops = normalise(torch.stack(windows).float().to(self.setup.device))
        templates = normalise(
            torch.stack([cut_template(window, box, sample) for window, box in zip(windows[:2], boxes, strict=False)])
        ).to(self.setup.device)
        with autocast(self.setup.device, self.setup.dtype):
            yield from self._network(crops, templates, labels.to(crops.device), ltrb.to(crops.device), places)

    def _sub(self, name: str, values: Tensor, axis: int = 1) -> tuple[str, Array]:
        return name, thin(values, self.golden.get(name), axis)

    def _both(self, name: str, values: Tensor) -> Iterator[tuple[str, object]]:
        yield self._sub(f"{name}_sub", values)
        yield f"{name}_stat", statistics(values)

    def _network(
        self, crops: Tensor, templates: Tensor, labels: Tensor, ltrb: Tensor, places: Tensor
    ) -> Iterator[tuple[str, object]]:
        network = self.network
        head, predictor = network.head, network.head.filter_predictor
        yield "input_resized_sub", network.resized(crops)[2, :, ::16, ::16].cpu()
        if isinstance(network, PiVOTL):
            patches = network.feature_extractor.patches(network.resized(crops[2:]))
            tokens = patches[0].flatten(1).T
            yield self._sub("dino_tokens_sub", tokens)
            yield "dino_tokens_stat", statistics(tokens)
            yield "dino_unit_sub", (tokens / tokens.norm(dim=1, keepdim=True))[::9, ::16].float().cpu()
        # One picture a call, as the reference was run.
        features = torch.cat([network.features(crops[row : row + 1]) for row in range(3)])
        references, test = features[:2], features[2:]
        yield from self._both("backbone_test", test)
        yield from self._both("backbone_train", references)
        yield "template_crop_sub", templates[:, :, ::16, ::16].cpu()
        yield "template_crop_stat", [statistics(each) for each in templates]
        pair = torch.cat([network.features(templates[row : row + 1]) for row in range(2)])
        yield from self._both("template_feat", pair)
        share = network.test_fuse.share(pair[None])
        fused = network.test_fuse(share, test)
        yield from self._both("fuse", fused)
        prompt = network.test_fuse_head(fused)
        yield "hcan", prompt[0].cpu()
        prompted = network.prompted(test, prompt)
        yield from self._both("rm", prompted)
        embedded = head.features(prompted)
        yield self._sub("head_test_sub", embedded)
        known = predictor.reference_tokens(head.features(references), labels[:2], ltrb[:2])
        model = predictor(known[:1], [known[1]], predictor.test_tokens(embedded))
        yield "cls_filter", model.class_filter[0].cpu()
        yield "reg_filter", model.box_filter[0].cpu()
        yield self._sub("cls_enc_sub", model.class_features[0], 0)
        yield self._sub("reg_enc_sub", model.box_features[0], 0)
        scores, distances = head.decide(model)
        yield "scores", scores[0].float().cpu()
        yield "ltrb", distances[0].float().cpu()
        # Training as released: whole reference frames in the templates' place.
        found = train_forward(network, references[:, None], test, labels[:2, None], ltrb[:2, None])
        yield "train_mode_scores", found.scores[0].float().cpu()
        yield "train_mode_ltrb", found.ltrb[0].float().cpu()
        yield "train_mode_hcan", found.prompt[0].cpu()
        terms = losses(found, places[2:].to(crops.device))
        yield "loss_giou", float(terms.giou)
        yield "loss_lbhinge", float(terms.classification)
        yield "loss_prompt", float(terms.prompt)
        yield "loss_total", float(terms.total)


def refinements(golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
    """Refinement alone, of given maps and features; cases whose inputs are not all there are left out."""
    cases = sorted({int(found[1]) for name in golden if (found := re.match(r"c(\d+)_", name))})
    for number in cases:
        given = {name: golden.get(f"c{number}_{name}") for name in ("map", "ltrb", "sample_coords", "feat", "ref")}
        if given["map"] is None:
            continue
        prompt = torch.from_numpy(given["map"])
        cells, scores = local_maxima(prompt, 0.05)
        yield f"c{number}_coords", cells
        yield f"c{number}_scores", scores
        coords, distances = given["sample_coords"], given["ltrb"]
        if coords is not None and distances is not None and "image_hw" in golden:
            height, width = golden["image_hw"].astype(int).tolist()
            previous = Regression(
                distances.astype(np.float32), coords.reshape(-1)[:4].astype(np.float32), (height, width)
            )
            yield f"c{number}_wh", box_sizes(cells, previous)
        features, references = given["feat"], given["ref"]
        if features is not None and references is not None:
            seen = cells[:7]
            shares = similarities(torch.from_numpy(features[: len(seen)]), torch.from_numpy(references))
            yield f"c{number}_sim", shares
            yield f"c{number}_refined", refine(prompt, seen, shares.mean(1), 0.25)


def track(case: Case, tracker: PiVOTTracker, golden: Mapping[str, Array]) -> Iterator[tuple[str, object]]:
    """The whole tracker over as many frames as the golden has; one of them is grey."""
    video = case.scene[0].copy()
    if len(video) > OCCLUDED:
        video[OCCLUDED] = 128
    length = next((len(golden[name]) for name in ("bbox", "score", "flag", "scores_raw") if name in golden), 0)
    listed = ArrayFrames(lambda index: np.asarray(video[index]), len(video), f"scene {case.seed}, frame 9 grey")
    frames: list[Frame] = [listed[index] for index in range(len(video))]
    first = np.asarray(case.scene[1][0], dtype=np.float64)
    trace: dict[str, Any] = {}
    tracker.attach(trace.__setitem__)
    [(state, _)] = tracker.start(frames[:1], [Object(first)], [0])
    begun = trace["first"]
    sample = tracker.network.sample
    yield "init_target_scale", state.scale
    yield "init_box", in_sample(state.place, np.rint(state.place.position), state.scale, sample)
    yield "init_label", np.asarray(begun["labels"][0])[None]
    yield "init_feat_sub", thin(begun["features"][0], golden.get("init_feat_sub"), 0)
    yield "init_feat_stat", statistics(begun["features"])
    rows: dict[str, list[Any]] = {}
    for index in range(1, length + 1):
        trace.clear()
        [prediction] = tracker.step([frames[index]], [state])
        row = _row(tracker, state, trace, prediction.box)
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
        yield from _prompting(f"f{index}_", tracker, state, trace, golden)
    tracker.attach(None)
    for name, values in rows.items():
        yield name, np.array(values)


def _row(tracker: PiVOTTracker, state: Any, trace: Mapping[str, Any], box: Array) -> dict[str, Any]:
    [step] = trace["steps"]
    [changed] = trace["changed"]
    found = trace.get("candidates", {}).get(0)
    sample = tracker.network.sample
    window, located = step.window, step.located
    upd = in_sample(state.place, window.position, window.scale, sample)
    sure = located.flag not in ("not_found", "uncertain")
    number = state.count + 1
    seen = min(len(found.cells), tracker.refinement.maxCanNum) if found else 0
    return {
        "bbox": box,
        "score": located.score,
        "flag": located.flag,
        "score_loc": located.cell,
        "memory_update": int(step.remembered),
        "target_scale": state.scale,
        "sample_coords": window.coords.astype(np.float64),
        "scores_raw": step.scores,
        "ltrb": step.ltrb,
        "feat_stat": statistics(trace["features"]),
        "head_in_stat": statistics(trace["entered"]),
        "upd_box": upd if step.remembered else np.full(4, np.nan),
        "template_changed": int(changed),
        "upt": int(changed),
        "pgn_next": int(state.templates.pair is not None),
        "hist_rows": 2 if state.templates.memory else 0,
        "n_candidates": len(found.cells) if found else -1,
        # What the reference sends: candidates, an initial template, the last and the new one. Ours sends fewer.
        "clip_images": seen + (number in (2, SECOND)) + 2 * (sure and number > 2),
        "template_box": box,
        "template_stat": statistics(trace["template_crops"][0]),
    }


def _prompting(
    prefix: str, tracker: PiVOTTracker, state: Any, trace: Mapping[str, Any], golden: Mapping[str, Array]
) -> Iterator[tuple[str, object]]:
    """Arrays of one frame's prompt and refinement, as far as there was one."""
    if "prompt" not in trace:
        return
    yield f"{prefix}hcan", trace["prompt"][0].cpu()
    yield f"{prefix}refined", trace["refined"][0].cpu()
    candidates = trace.get("candidates", {}).get(0)
    if candidates is None:
        return
    yield f"{prefix}cand_coords", candidates.cells
    yield f"{prefix}cand_scores", candidates.scores
    yield f"{prefix}cand_wh", candidates.sizes
    found = trace["refinements"].get(0)
    if found is None:
        # No candidate: nothing was cut, and there is nothing to compare but that.
        for name in ("cand_feat_unit", "sim", "crop_sub", "crop_stat"):
            yield f"{prefix}{name}", np.zeros((0, *golden.get(f"{prefix}{name}", np.zeros((0, 0))).shape[1:]))
        references = tracker.clip_references(state)
    else:
        yield f"{prefix}cand_feat_unit", unit(found.features).cpu()
        yield f"{prefix}sim", found.shares.cpu()
        yield f"{prefix}crop_sub", found.crops[:, :, ::24, ::24].cpu()
        yield f"{prefix}crop_stat", [statistics(each) for each in found.crops]
        references = found.references
    # The reference normalises the stored features in place, on the first frame that uses them.
    wanted = golden.get(f"{prefix}ref_feat")
    done = wanted is not None and np.allclose(np.linalg.norm(wanted, axis=1), 1, atol=1e-3)
    yield f"{prefix}ref_feat", (unit(references) if done else references).cpu()


class PiVOT50Target(PiVOTTarget):
    """PiVOT-50: derived from the paper, there is no official code."""

    variant, folder = "pivot-50", "pivot50"


class PiVOTL27Target(PiVOTTarget):
    """PiVOT-L-27, from the official classes."""

    variant, folder = "pivot-l-27", "pivot_l"
    clip_alone = True

    def files(self) -> Iterable[str]:
        """See `PiVOTTarget.files`."""
        return ("stage", "tpr", "tracker_pool", "hf_check", "tracker_clip")


class PiVOTL22Target(PiVOTTarget):
    """PiVOT-L-22: the official classes with other constants."""

    variant, folder = "pivot-l-22", "pivot_l"
    own, others = "l22", ("tomp",)

    def files(self) -> Iterable[str]:
        """See `PiVOTTarget.files`."""
        return ("stage_l22",)
