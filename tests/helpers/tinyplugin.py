"""An installed plugin with a network of a few numbers: what the weights do can be read off its boxes."""

from __future__ import annotations

import json
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

PACKAGE = """
from pathlib import Path
from trackzoo.tracker import TrackerSpec
from trackzoo.weights.facts import WeightsSpec

MANIFEST = Path(__file__).with_name("manifest.json")
FACTS = dict(variants=("tiny",), file="tiny.pth.tar", page="https://example.org/zoo", manifest=MANIFEST, licence="MIT")

SPECS = (
    TrackerSpec(
        name="tiny",
        title="Tiny",
        factory="tinyzoo.tracker:Tiny",
        summary="Moves the box by its bias.",
        variants={"tiny": {}, "tiny-own": {}},
        default="tiny",
        weights={"tiny": "tiny"},
    ),
)
WEIGHTS = (
    WeightsSpec(name="tiny", title="Tiny", trained_on=("lasot-train", "got10k-vot-train", "tnl2k-train"), **FACTS),
    WeightsSpec(name="tiny-got10k", title="Tiny (GOT-10k)", trained_on=("got10k-train",), **FACTS),
    WeightsSpec(name="tiny-direct", title="Tiny", address="@ADDRESS@/tiny.pth.tar", sha256="@SHA256@", **FACTS),
    WeightsSpec(name="tiny-hub", title="Tiny", hub="owner/tiny", **{**FACTS, "file": "model.safetensors"}),
    WeightsSpec(
        name="tiny-renamed", title="Tiny", hub="owner/tiny", rename="tinyzoo.tracker:renamed",
        **{**FACTS, "variants": (), "file": "other.bin"},
    ),
)
"""

TRACKER = '''
import numpy as np
from torch import nn
from trackzoo.tracker import Prediction, Tracker
from trackzoo.weights.loading import fill_from


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def renamed(tensors):
    return {name.removeprefix("encoder."): tensor for name, tensor in tensors.items() if not name.startswith("head.")}


class Tiny(Tracker):
    """Moves the box right by the first bias."""

    looks = False

    def __init__(self, *, weights=None, device="cpu", dtype="fp32"):
        super().__init__(device=device, dtype=dtype)
        self.network = network()
        fill_from(self.network, weights)

    def start(self, frames, targets, seeds):
        return [(target.box.copy(), Prediction(target.box)) for target in targets]

    def step(self, frames, states):
        for box in states:
            box[0] += float(self.network[0].bias.detach()[0])
        return [Prediction(np.array(box)) for box in states]
'''

#: Names and shapes of the network's tensors.
SHAPES = {
    "0.weight": (4, 3), "0.bias": (4,), "1.weight": (4,), "1.bias": (4,), "1.running_mean": (4,), "1.running_var": (4,),
    "1.num_batches_tracked": (),
}  # fmt: skip


def tensors(bias: float = 0.5) -> OrderedDict[str, torch.Tensor]:
    """A state dict of the network; boxes move by `bias` a frame."""
    generator = torch.Generator().manual_seed(0)
    filled = OrderedDict((name, torch.randn(shape, generator=generator)) for name, shape in SHAPES.items())
    filled["0.bias"][0] = bias
    filled["1.num_batches_tracked"] = torch.tensor(7)
    return filled


def manifest() -> dict[str, Any]:
    """What the plugin's manifest says."""
    return {name: {"shape": list(each.shape), "dtype": str(each.dtype)[6:]} for name, each in tensors().items()}


def install(folder: Path, address: str = "http://127.0.0.1:9", sha256: str = "") -> Path:
    """Write the plugin as pip would install it; `folder` goes on PYTHONPATH."""
    package, about = folder / "tinyzoo", folder / "tinyzoo-1.0.dist-info"
    package.mkdir(parents=True)
    about.mkdir()
    (package / "__init__.py").write_text(PACKAGE.replace("@ADDRESS@", address).replace("@SHA256@", sha256))
    (package / "tracker.py").write_text(TRACKER)
    (package / "manifest.json").write_text(json.dumps(manifest()))
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tinyzoo\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[trackzoo.trackers]\ntiny = tinyzoo:SPECS\n")
    return folder


def imitation(monkeypatch: Any, net: Any, *, training: str = "ltr", key: str = "net") -> dict[str, Any]:
    """What an official file holds, with objects of classes that only the training code base has."""

    def instance(module: str, name: str, **attributes: Any) -> Any:
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            path = ".".join(parts[:end])
            monkeypatch.setitem(sys.modules, path, sys.modules.get(path) or types.ModuleType(path))
        kind = getattr(sys.modules[module], name, None) or type(name, (), {"__module__": module})
        setattr(sys.modules[module], name, kind)
        made = kind()
        made.__dict__.update(attributes)
        return made

    root = f"{training}.train.admin" if training == "lib" else f"{training}.admin"
    constructor = None
    if training != "lib":
        constructor = instance(
            f"{root}.model_constructor",
            "NetConstructor",
            fun_name="tiny_net",
            fun_module=f"{training}.models.tiny",
            args=(),
            kwds={"optim_iter": 5, "detach_length": float("inf"), "pretrained": True, "layers": ("a", "b")},
        )
    meter = instance(f"{root}.stats", "AverageMeter", history=[1.0, 0.5], val=0.5)
    settings = instance(
        f"{root}.settings", "Settings", env=instance(f"{root}.local", "EnvironmentSettings", workspace="/x")
    )
    return {
        "epoch": 300,
        "actor_type": "TinyActor",
        "net_type": "Tiny",
        key: net,
        "net_info": None,
        "constructor": constructor,
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-4}]},
        "stats": OrderedDict(train=OrderedDict(loss=meter)),
        "settings": settings,
    }
