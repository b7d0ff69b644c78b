"""The trackers that come with OpenCV: `opencv-mil`, `opencv-csrt`, `opencv-kcf`, `opencv-nano`, `opencv-vit`."""

from trackzoo.tracker import TrackerSpec

_TRACKER = "trackzoo.trackers.opencv.tracker"
_REASON = "trackzoo.trackers.opencv.available:reason"
_LICENCE = "Apache-2.0 (OpenCV)"
_FOUND_OR_NOT = "1 where the target was found, 0 where not"

SPECS = (
    TrackerSpec(
        name="opencv-mil",
        title="MIL (OpenCV)",
        factory=f"{_TRACKER}:MilTracker",
        summary="Online boosting over bags of Haar features, from OpenCV's video module.",
        paper="Babenko, Yang, Belongie: Visual tracking with online multiple instance learning, CVPR 2009",
        unavailable=_REASON,
        batched=False,
        # OpenCV 4.14 and 5.0 draw from cv::theRNG() and from C's rand(): see tracker.py.
        isolated=True,
        score_range=_FOUND_OR_NOT,
        licence=_LICENCE,
    ),
    TrackerSpec(
        name="opencv-csrt",
        title="CSRT (OpenCV)",
        factory=f"{_TRACKER}:CsrtTracker",
        summary="Correlation filter with channel and spatial reliability (CSR-DCF), from OpenCV's contrib modules.",
        paper="Lukežič et al.: Discriminative correlation filter with channel and spatial reliability, CVPR 2017",
        unavailable=_REASON,
        batched=False,
        score_range=_FOUND_OR_NOT,
        licence=_LICENCE,
    ),
    TrackerSpec(
        name="opencv-kcf",
        title="KCF (OpenCV)",
        factory=f"{_TRACKER}:KcfTracker",
        summary="Kernelized correlation filter on grey and colour names, from OpenCV's contrib modules.",
        paper="Henriques et al.: High-speed tracking with kernelized correlation filters, TPAMI 2015",
        unavailable=_REASON,
        batched=False,
        score_range=_FOUND_OR_NOT,
        licence=_LICENCE,
    ),
    TrackerSpec(
        name="opencv-nano",
        title="NanoTrack (OpenCV)",
        factory=f"{_TRACKER}:NanoTracker",
        summary="Lightweight Siamese network on OpenCV's dnn module; needs the user's ONNX files.",
        paper="https://github.com/HonglinChu/NanoTrack",
        unavailable=_REASON,
        batched=False,
        score_range="0..1, the network's own",
        licence=_LICENCE,
    ),
    TrackerSpec(
        name="opencv-vit",
        title="VitTrack (OpenCV)",
        factory=f"{_TRACKER}:VitTracker",
        summary="Lightweight one-stream transformer on OpenCV's dnn module; needs the user's ONNX file.",
        paper="https://github.com/opencv/opencv_zoo/tree/main/models/object_tracking_vittrack",
        unavailable=_REASON,
        batched=False,
        score_range="0..1, the network's own",
        licence=_LICENCE,
    ),
)
