"""Groups of parameters that are trained at rates of their own."""

from __future__ import annotations

import torch
from torch import nn

from trackzoo.nn.rates import parameter_groups


def network() -> nn.ModuleDict:
    return nn.ModuleDict({name: nn.Linear(2, 1) for name in ("backbone", "backbone_head", "neck", "head")})


def test_each_parameter_is_in_one_group_and_the_rest_comes_first() -> None:
    made = network()
    groups = parameter_groups(made, {"backbone.": 0.1, ("neck.", "backbone"): 0.2})
    assert [group.get("lr") for group in groups] == [None, 0.1, 0.2]
    found = [{id(each) for each in group["params"]} for group in groups]
    names = (("head",), ("backbone",), ("neck", "backbone_head"))
    assert found == [{id(each) for name in own for each in made[name].parameters()} for own in names]
    assert [group["lr"] for group in torch.optim.Adam(groups, lr=0.5).param_groups] == [0.5, 0.1, 0.2]


def test_what_is_frozen_is_in_none_and_no_group_is_empty() -> None:
    made = network()
    made["backbone"].requires_grad_(False)
    groups = parameter_groups(made, {"backbone.": 0.1, "head.bias": 0.3, "nothing.": 1.0})
    assert [group.get("lr") for group in groups] == [None, 0.3]
    assert [len(group["params"]) for group in groups] == [5, 1]
    assert parameter_groups(made.requires_grad_(False), {"head.": 0.3}) == []
