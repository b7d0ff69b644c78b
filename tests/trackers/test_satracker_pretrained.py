"""SATracker's parts filled from published encoders equal transformers' own forward; the names map one to one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tinysatracker import TINY, filled
from torch import Tensor

from trackzoo.errors import DataError, SettingsError
from trackzoo.trackers.satracker.design import Design
from trackzoo.trackers.satracker.model import SATracker
from trackzoo.trackers.satracker.pretrained import as_bert, as_hub_cvt, cvt_name, start_network


@cache
def hub_cvt(cls_token: bool = False, activation: str = "gelu") -> Any:
    """Hugging Face's CvT of the tiny sizes, with random values."""
    from transformers import CvtConfig, CvtModel

    torch.manual_seed(0)
    config = CvtConfig(
        embed_dim=list(TINY["widths"]),
        num_heads=list(TINY["heads"]),
        depth=list(TINY["depths"]),
        drop_path_rate=[0.0, 0.0, 0.0],
        cls_token=[False, False, cls_token],
        initializer_range=0.3,
    )
    model = CvtModel(config).eval()
    for name, each in model.named_buffers():
        if each.is_floating_point():
            each.uniform_(0.5, 1.5) if name.endswith("var") else each.normal_(0, 0.2)
    return model


@cache
def hub_bert() -> Any:
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=TINY["vocabulary_size"],
        hidden_size=TINY["text_width"],
        num_hidden_layers=12,
        num_attention_heads=TINY["text_heads"],
        intermediate_size=4 * TINY["text_width"],
        max_position_embeddings=TINY["text_positions"],
        initializer_range=0.3,
    )
    return BertModel(config).eval()


def tensors(module: Any, prefix: str = "") -> dict[str, Tensor]:
    return {prefix + name: each.clone() for name, each in module.state_dict().items()}


@pytest.mark.parametrize("size", [64, 72])
@torch.inference_mode()
def test_cvt_equals_transformers_own(size: int) -> None:
    theirs = hub_cvt()
    network = SATracker(Design(**{**TINY, "activation": "gelu"})).eval()
    start_network(network, cvt=tensors(theirs, "cvt."))
    picture = torch.randn(2, 3, size, size)
    wanted = theirs(picture, output_hidden_states=True).hidden_states
    maps = picture.permute(0, 2, 3, 1)
    for stage, expected in zip(network.backbone.stages, wanted, strict=True):
        maps = stage.patch_embed(maps)
        for block in stage.modules_of_target:
            maps, _ = block.alone(maps)
        torch.testing.assert_close(maps.permute(0, 3, 1, 2), expected, rtol=1e-5, atol=1e-4)


@torch.inference_mode()
def test_bert_equals_transformers_own() -> None:
    theirs = hub_bert()
    network = SATracker(Design(**TINY)).eval()
    start_network(network, bert=tensors(theirs))
    ids = torch.randint(1, TINY["vocabulary_size"], (3, 30))
    mask = torch.arange(30) < torch.tensor([[30], [9], [2]])
    wanted = theirs(ids, attention_mask=mask.long(), output_hidden_states=True)
    text = network.bert.embeddings(ids)
    torch.testing.assert_close(text, wanted.hidden_states[0])
    for part, last in zip(network.design.text_parts, (1, 5, 12), strict=True):
        text = network.bert.run(text, mask, part)
        torch.testing.assert_close(text, wanted.hidden_states[last], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(network.bert(ids, mask), wanted.last_hidden_state, rtol=1e-5, atol=1e-5)


def test_names_map_one_to_one() -> None:
    ours = {
        name.removeprefix("backbone.") for name in filled(sam=False).state_dict() if name.startswith("backbone.stage")
    }
    theirs = tensors(hub_cvt(cls_token=True), "cvt.")
    mapped = {cvt_name(name) for name in ours}
    assert len(mapped) == len(ours)
    assert {*theirs} - mapped == {"cvt.encoder.stages.2.cls_token"}
    assert mapped <= {*theirs}
    assert cvt_name("stage2.cls_token") == "cvt.encoder.stages.2.cls_token"
    for wrong in ("norm.weight", "stage1.blocks.0.attn.nothing.weight", "head.bias"):
        with pytest.raises(ValueError, match=wrong.split(".")[0]):
            cvt_name(wrong)


def original(prefix: str = "") -> dict[str, Tensor]:
    """A checkpoint of the original CvT release, class token and classifier included; or MixFormer's, with the prefix."""
    network = filled("other", sam=False)
    found = {
        prefix + name.removeprefix("backbone."): each.clone()
        for name, each in network.state_dict().items()
        if name.startswith("backbone.")
    }
    width = TINY["widths"][-1]
    found |= {f"{prefix}norm.weight": torch.ones(width), f"{prefix}head.bias": torch.ones(5)}
    if not prefix:
        return found | {"stage2.cls_token": torch.zeros(1, 1, width)}
    frozen = {name: each for name, each in found.items() if not name.endswith("num_batches_tracked")}
    return frozen | {name: each.clone() for name, each in network.state_dict().items() if name.startswith("box_head.")}


@pytest.mark.parametrize("kind", ["cvt", "mixformer"])
def test_original_names_load(kind: str) -> None:
    network = filled()
    untouched = {name: each.clone() for name, each in network.state_dict().items()}
    given = original("" if kind == "cvt" else "backbone.")
    start_network(network, **{kind: given})
    source = filled("other", sam=False).state_dict()
    for name, each in network.state_dict().items():
        from_given = name.startswith("backbone.stage") or (kind == "mixformer" and name.startswith("box_head."))
        wanted = source[name] if from_given else untouched[name]
        assert torch.equal(each, wanted), name


def test_old_files_of_bert() -> None:
    """TensorFlow's names of norms, the heads of pre-training, with and without prefix."""
    new = tensors(hub_bert(), "bert.")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): each
        for name, each in new.items()
    }
    old |= {
        "cls.predictions.bias": torch.zeros(3),
        "cls.seq_relationship.weight": torch.zeros(2, 2),
        "bert.embeddings.position_ids": torch.arange(32)[None],
    }
    wanted = {name for name in new if "pooler" not in name}
    assert {*as_bert(old)} == wanted
    assert {*as_bert(tensors(hub_bert()))} == wanted
    first, second = filled(), filled()
    start_network(first, bert=old)
    start_network(second, bert=new)
    assert all(torch.equal(first.state_dict()[name], each) for name, each in second.state_dict().items())


@pytest.mark.parametrize(
    ("given", "needle"),
    [
        ({"cvt": {"stage0.patch_embed.proj.weight": torch.zeros(8, 3, 7, 7)}}, "CvT do not fit: missing cvt.encoder"),
        ({"cvt": {**original(), "stage0.blocks.0.norm1.bias": torch.zeros(9)}}, r"shape \(9,\) for \(8,\)"),
        (
            {"cvt": {**original(), "stage1.blocks.7.norm1.bias": torch.zeros(12)}},
            "unexpected cvt.encoder.stages.1.layers.7",
        ),
        ({"bert": {"embeddings.LayerNorm.weight": torch.ones(24)}}, "BERT do not fit"),
        ({"cvt": original(), "mixformer": original("backbone.")}, "expected one of them"),
    ],
)
def test_what_does_not_fit_fills_nothing(given: dict[str, Any], needle: str) -> None:
    network = filled()
    before = {name: each.clone() for name, each in network.state_dict().items()}
    with pytest.raises(SettingsError, match=needle) as caught:
        start_network(network, **given)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(before[name], each) for name, each in network.state_dict().items())


@pytest.mark.parametrize("whole", [False, True], ids=["encoder", "with heads"])
def test_folders_of_the_hub(whole: bool, tmp_path: Path) -> None:
    """As `save_pretrained` leaves them: the encoder alone, or models with heads around it."""
    cvt, bert = hub_cvt(cls_token=True), hub_bert()
    if whole:
        from transformers import BertForMaskedLM, CvtForImageClassification

        classifier, masked = CvtForImageClassification(cvt.config), BertForMaskedLM(bert.config)
        classifier.cvt.load_state_dict(cvt.state_dict())
        masked.bert.load_state_dict({name: each for name, each in bert.state_dict().items() if "pooler" not in name})
        classifier.save_pretrained(tmp_path / "cvt")
        masked.save_pretrained(tmp_path / "bert")
    else:
        cvt.save_pretrained(tmp_path / "cvt")
        bert.save_pretrained(tmp_path / "bert")
    network, wanted = filled(), filled()
    start_network(network, cvt=tmp_path / "cvt", bert=str(tmp_path / "bert"))
    start_network(wanted, cvt=tensors(cvt), bert=tensors(bert))
    assert all(torch.equal(wanted.state_dict()[name], each) for name, each in network.state_dict().items())


def test_files_that_are_not_there() -> None:
    with pytest.raises(DataError, match="no such file"):
        start_network(filled(), cvt="/nowhere/cvt")
    with pytest.raises(SettingsError, match="trackzoo weights get bert-base-uncased"):
        start_network(filled(), bert="bert-base-uncased")


def test_a_file_of_the_original_release(tmp_path: Path) -> None:
    torch.save(original(), tmp_path / "CvT-21.pth")
    network, wanted = filled(), filled()
    start_network(network, cvt=tmp_path / "CvT-21.pth")
    start_network(wanted, cvt=original())
    assert all(torch.equal(wanted.state_dict()[name], each) for name, each in network.state_dict().items())


def test_bert_has_no_place_in_a_network_without_sam() -> None:
    with pytest.raises(SettingsError, match="no SAM"):
        start_network(filled(sam=False), bert=tensors(hub_bert()))


def test_the_manifests_are_what_the_weights_become() -> None:
    """Both releases of CvT, and BERT, give exactly the tensors that `trackzoo weights add` asks for."""
    from trackzoo.weights.fit import manifest
    from trackzoo.weights.table import weights_specs

    with torch.device("meta"):
        state = SATracker().state_dict()
    specs = weights_specs()
    shapes = {name: tuple(each.shape) for name, each in state.items()}
    assert shapes == {name: each.shape for name, each in manifest(specs["satracker"]).items()}
    stages = {name.removeprefix("backbone."): each for name, each in state.items() if ".stage" in name}
    token = {"stage2.cls_token": torch.empty(1, 1, 384, device="meta")}
    found = as_hub_cvt({**stages, **token, "norm.weight": token["stage2.cls_token"]})
    expected = manifest(specs["cvt-21"])
    assert {name: tuple(each.shape) for name, each in found.items()} == {
        name: each.shape for name, each in expected.items()
    }
    bert = as_bert({name: each for name, each in state.items() if name.startswith("bert.")})
    assert {name: tuple(each.shape) for name, each in bert.items()} == {
        name: each.shape for name, each in manifest(specs["bert-base-uncased"]).items()
    }


def test_a_folder_of_bert_is_taken_in_with_its_vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As transformers saves it; the full sizes are replaced by the tiny ones'."""
    import json
    from dataclasses import replace

    from tinysatracker import vocabulary

    from trackzoo.trackers.satracker import WEIGHTS
    from trackzoo.trackers.satracker.tokenizer import find_vocabulary
    from trackzoo.weights.cache import companion_file, remove
    from trackzoo.weights.convert import add_weights

    model = hub_bert()
    model.save_pretrained(tmp_path / "bert")
    vocabulary(tmp_path / "bert")
    entries = {
        name: {"shape": list(each.shape), "dtype": str(each.dtype).removeprefix("torch.")}
        for name, each in as_bert(tensors(model)).items()
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"bert": entries}))
    [spec] = [each for each in WEIGHTS if each.name == "bert-base-uncased"]
    spec = replace(spec, manifest=tmp_path / "manifest.json")
    added = add_weights(spec, tmp_path / "bert")
    assert added.fresh
    assert added.notes == ()
    assert find_vocabulary() == companion_file("bert-base-uncased", "vocab.txt")
    assert find_vocabulary().read_bytes() == (tmp_path / "bert" / "vocab.txt").read_bytes()
    # The same again, from a folder without: what is kept stays.
    (tmp_path / "bert" / "vocab.txt").unlink()
    assert not add_weights(spec, tmp_path / "bert").fresh
    assert find_vocabulary().is_file()
    remove(spec.name, spec.companions)
    again = add_weights(spec, tmp_path / "bert")
    assert len(again.notes) == 1
    assert "no vocab.txt" in again.notes[0]


def test_the_hub_gives_bert_and_its_vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`trackzoo weights get`, and `--set vocabulary=hub` without the weights."""
    import json
    from dataclasses import replace

    from click.testing import CliRunner
    from tinysatracker import vocabulary

    from trackzoo.cli.weights import weights
    from trackzoo.trackers.satracker import WEIGHTS
    from trackzoo.trackers.satracker.tokenizer import WordPieces, find_vocabulary

    model = hub_bert()
    model.save_pretrained(tmp_path / "bert")
    vocabulary(tmp_path / "bert")
    entries = {name: {"shape": list(each.shape)} for name, each in as_bert(tensors(model)).items()}
    (tmp_path / "manifest.json").write_text(json.dumps({"bert": entries}))
    [spec] = [each for each in WEIGHTS if each.name == "bert-base-uncased"]
    asked: list[tuple[str, str]] = []

    def hub_file(repository: str, file: str, revision: str = "") -> Path:
        asked.append((repository, file))
        return tmp_path / "bert" / file

    monkeypatch.setattr("trackzoo.weights.hub.hub_file", hub_file)
    assert WordPieces(find_vocabulary("hub"), TINY["vocabulary_size"]).cls == 101
    monkeypatch.setattr(
        "trackzoo.weights.table.weights_spec", lambda name: replace(spec, manifest=tmp_path / "manifest.json")
    )
    done = CliRunner().invoke(weights, ["get", "bert-base-uncased", "--yes"], standalone_mode=False)
    assert done.exception is None, done.exception
    assert "note" not in done.output
    hub = "google-bert/bert-base-uncased"
    assert asked == [(hub, "vocab.txt"), (hub, "vocab.txt"), (hub, "model.safetensors")]
    assert find_vocabulary().name == "bert-base-uncased.vocab.txt"
    done = CliRunner().invoke(weights, ["remove", "bert-base-uncased"], standalone_mode=False)
    assert done.exception is None
    monkeypatch.setattr("trackzoo.trackers.satracker.tokenizer._hub_cache", lambda: None)
    with pytest.raises(SettingsError, match="vocabulary"):
        find_vocabulary()
