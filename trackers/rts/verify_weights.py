"""Parameters that the goldens were made with: filled, calibrated, overridden."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trackzoo.parity.case import Case

#: The packaged goldens of STA, which makes the first masks.
STA_GOLDENS = Path(__file__).parent.parent / "sta" / "goldens" / "sta"


def sta_case(case: Case) -> Case:
    """STA's goldens: in the folder `sta` beside the case's own, or else the packaged ones, with that folder's calibrations."""
    beside = case.folder.resolve().parent / "sta"
    return Case(beside, STA_GOLDENS) if (beside / "case.json").is_file() else Case(STA_GOLDENS, beside)


class Weights:
    """Filled parameters of one network; filling takes seconds, so that a set is made once for all runs of its salt.

    Args:
        case: the goldens.
        make: makes the network.
        manifest: its manifest's file.
    """

    def __init__(self, case: Case, make: Callable[[], nn.Module], manifest: str = "manifest.json") -> None:
        self._case, self._make, self._manifest = case, make, manifest
        self._filled: dict[str, dict[str, Tensor]] = {}

    def state_dict(
        self, salt: str, calibration: str | None = None, overrides: Mapping[str, Any] | None = None
    ) -> dict[str, Tensor]:
        """Every tensor of the network.

        Args:
            salt: of the generated values.
            calibration: name of the calibration that replaces some of them; the salt's by default.
            overrides: name -> value, which replace some again.
        """
        if salt not in self._filled:
            with torch.device("meta"):
                network = self._make()
            self._filled[salt] = self._case.fill(network, self._manifest, salt)
        tensors = dict(self._filled[salt])
        replaced: dict[str, Any] = dict(self._case.arrays(f"calibration-{calibration or salt}.npz"))
        replaced.update(overrides or {})
        for name, value in replaced.items():
            # One calibration serves networks of which some lack a part.
            if name in tensors:
                like = tensors[name]
                tensors[name] = torch.as_tensor(np.asarray(value, np.float32)).to(like.dtype).reshape(like.shape)
        return tensors

    def network(self, tensors: Mapping[str, Tensor], device: str = "cpu") -> Any:
        """The network with these tensors, ready to be used."""
        with torch.device("meta"):
            network = self._make()
        # A copy: who trains or folds the network must not change the tensors that the next run is made of.
        network.load_state_dict({name: tensor.to(device, copy=True) for name, tensor in tensors.items()}, assign=True)
        return network.eval()
