"""AVisT: blanks between numbers, flag files under each of their names, attribute groups and scenarios."""

from __future__ import annotations

from pathlib import Path

import miniatures
import numpy as np
import pytest

from trackzoo.errors import DataError
from trackzoo.registry import open_dataset


def test_what_a_sequence_carries(tmp_path: Path) -> None:
    miniatures.avist(tmp_path / "avist", "air_show", 5, occluded={1}, outside={1, 4})
    dataset = open_dataset("avist", tmp_path)
    assert (dataset.id, len(dataset), dataset.profile, dataset.origin) == ("avist", 120, "pytracking", 0)
    assert dataset.toolkit_names["pytracking"] == "avist"
    assert dataset.available() == ("air_show",)
    sequence = dataset["air_show"]
    np.testing.assert_array_equal(sequence.boxes, miniatures.boxes(5))
    assert sequence.visible.tolist() == [True, False, True, True, False]
    assert len(sequence.frames) == 5
    assert not [problem for problem in dataset.check() if problem.sequence == "air_show"]


def test_groups_and_scenarios(tmp_path: Path) -> None:
    dataset = open_dataset("avist", tmp_path)
    counts: dict[str, int] = {}
    for name in dataset.names:
        attributes = dataset[name].attributes
        assert len(set(attributes)) == len(attributes)
        for attribute in attributes:
            counts[attribute] = counts.get(attribute, 0) + 1
    groups = {"WC": 38, "OE": 49, "IE": 18, "TE": 27, "CM": 27}
    written = "R10 SN8 FO14 SS6 H4 T2 FI4 SM10 SG2 SW17 O22 LL15 A4 FM10 SO14 DO9 DF2"
    scenarios = {word.rstrip("0123456789"): int(word.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) for word in written.split()}
    assert counts == {**groups, **scenarios}


@pytest.mark.parametrize("place", ["{label}/{name}.txt", "sequences/{name}/{label}.txt"])
def test_other_places_of_the_flags(tmp_path: Path, place: str) -> None:
    miniatures.avist(tmp_path, "air_show", 3, occluded={2})
    before = open_dataset("avist", tmp_path).fingerprint()
    for label in ("full_occlusion", "out_of_view"):
        old = tmp_path / label / f"air_show_{label}.txt"
        new = tmp_path / place.format(label=label, name="air_show")
        new.parent.mkdir(exist_ok=True)
        new.write_text(old.read_text().replace("\n", ","))
        old.unlink()
    dataset = open_dataset("avist", tmp_path)
    assert dataset.available() == ("air_show",)
    assert dataset.fingerprint() == before


def test_flags_that_do_not_fit(tmp_path: Path) -> None:
    miniatures.avist(tmp_path, "air_show", 4)
    (tmp_path / "out_of_view" / "air_show_out_of_view.txt").write_text("0 0 1")
    with pytest.raises(DataError, match=r"air_show_out_of_view.txt: found 3 values, expected 4, one a frame"):
        _ = open_dataset("avist", tmp_path)["air_show"].visible
