"""Every registered dataset: facts, lists and names that agree. One that is added is tested by being there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trackzoo.datasets._common import attribute_table, split_list
from trackzoo.errors import TrackzooError, UnknownName
from trackzoo.registry import dataset_choice, dataset_names, dataset_specs, open_dataset, resolve
from trackzoo.roots import Root, find_root, locate
from trackzoo.sequence import Dataset, DatasetSpec

SPECS = list(dataset_specs().values())
LISTS = Path(__file__).resolve().parent.parent / "datasets" / "splits"
TABLES = LISTS.parent / "attributes"

every = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)


@every
def test_facts(spec: DatasetSpec) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", spec.name), "a name is lower case, it names folders"
    assert spec.title
    assert callable(resolve(spec.factory))
    assert len(set(spec.splits)) == len(spec.splits)
    assert set(spec.parts) <= set(spec.splits)
    assert not set(spec.parts) & set(spec.splits[:1]), "the default split is no part"
    assert set(spec.sequences) <= set(spec.splits or ("",))
    assert all(count > 0 for count in spec.sequences.values())
    assert set(spec.kin) <= set(dataset_specs())
    if spec.needs_root:
        assert spec.folders, "below TRACKZOO_DATA it needs a folder name"
        assert re.match(r"https?://[\w.-]+\.\w+/", spec.page + "/"), "where is it published?"
        assert re.search(r"\b(19|20)\d\d\b|arXiv", spec.paper), "the paper and its year"


@every
def test_names_lead_to_the_family(spec: DatasetSpec) -> None:
    default = spec.splits[0] if spec.splits else ""
    for spelling in (spec.name, *spec.aliases):
        assert dataset_choice(spelling) == (spec, default)
        for split in spec.splits:
            assert dataset_choice(f"{spelling}-{split}") == (spec, split)
    assert dataset_choice(spec.name.upper()) == (spec, default)


@every
def test_opens_on_an_empty_folder_or_says_why_not(spec: DatasetSpec, tmp_path: Path) -> None:
    """A loader with a list of the package opens anywhere; one that lists itself by the folder's files refuses in one line."""
    if not spec.needs_root:
        pytest.skip("needs no folder")
    for split in spec.splits or ("",):
        refusal = ""
        try:
            dataset: Dataset = resolve(spec.factory)(spec, split, Root(tmp_path, "--data-root"))
            names = dataset.names
        except TrackzooError as error:
            refusal = str(error)
        if refusal:
            assert "\n" not in refusal
            assert str(tmp_path) in refusal
            continue
        assert dataset.id == spec.id(split)
        assert dataset.expected_tree().strip(), "a person must be told what the folder should look like"
        assert dataset.protocol
        assert dataset.profile
        assert dataset.origin in (0, 1)
        assert len(set(names)) == len(names)
        assert all(name and "/" not in name and name == name.strip() for name in names)
        assert dataset.available() == ()
        assert all(problem.fatal for problem in dataset.check())
        if names and split in spec.sequences:
            assert len(names) == spec.sequences[split]
        if names:
            with pytest.raises(UnknownName):
                _ = dataset["no such sequence"]


def test_no_name_means_two_families() -> None:
    names = dataset_names()
    assert {family for family, _ in names.values()} == set(dataset_specs())


def test_every_benchmark_of_the_issue_is_there() -> None:
    names = """lasot lasot-train lasot-ext got10k got10k-train got10k-val got10k-test trackingnet trackingnet-train tnl2k
        tnl2k-train avist otb100 otb50 otb99-lang otb99-lang-train uav123 uav123-10fps uav20l nfs nfs-30 nfs-240
        vot2015 vot2016 vot2017 vot2018 vot2019 vot2020 vot2021 vot2022-sts vot2022-stb folder synth"""
    for name in names.split():
        assert name in dataset_names()
    assert dataset_choice("lasot")[1] == "test"
    assert dataset_choice("got10k")[1] == "val"
    assert dataset_choice("trackingnet")[1] == "test"
    assert dataset_choice("tnl2k")[1] == "test"


@pytest.mark.parametrize("name", sorted(path.stem for path in LISTS.glob("*.csv")))
def test_lists(name: str) -> None:
    rows = split_list(name)
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert row.pattern
        assert ".." not in row.pattern
        assert not row.pattern.startswith("/")
        assert "{frame" in row.pattern or row.pattern.endswith("*")
        assert row.count is None or row.count > 0


@pytest.mark.parametrize("name", sorted(path.stem for path in TABLES.glob("*.csv")))
def test_attribute_tables_fit_their_lists(name: str) -> None:
    base = re.sub(r"_(matlab|scenarios)$", "", name)
    assert tuple(attribute_table(name)) == tuple(row.name for row in split_list(base))


def test_attribute_counts() -> None:
    def count(table: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for attributes in attribute_table(table).values():
            for attribute in attributes:
                counts[attribute] = counts.get(attribute, 0) + 1
        return counts

    written = "IV47 POC187 DEF142 MB89 CM86 ROT175 BC100 VC33 SV273 FOC118 FM53 OV104 LR141 ARC249"
    assert {f"{name}{number}" for name, number in count("lasot_test").items()} == set(written.split())
    assert count("tnl2k_test")["MS"] == 21
    assert count("uav123")["SOB"] == 39


def test_a_folder_below_the_data_root_is_found_by_any_of_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = dataset_specs()["lasot"]
    (tmp_path / "lasotbenchmark").mkdir()
    monkeypatch.setenv("TRACKZOO_DATA", str(tmp_path))
    assert find_root(spec).path == tmp_path / "lasotbenchmark"
    assert find_root(spec).source == "TRACKZOO_DATA"
    assert find_root(spec, tmp_path).path == tmp_path / "lasotbenchmark"
    with pytest.raises(TrackzooError, match="where is GOT-10k. Say it once with 'trackzoo datasets add got10k DIR'"):
        find_root(dataset_specs()["got10k"])
    with pytest.raises(TrackzooError, match="found no such folder, expected LaSOT"):
        find_root(spec, tmp_path / "gone")


def test_the_config_file_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trackzoo.config import update_config
    from trackzoo.errors import DataError

    spec = dataset_specs()["lasot"]
    monkeypatch.setenv("TRACKZOO_DATA", str(tmp_path))
    (tmp_path / "LaSOT").mkdir()
    update_config("data", {"lasot": str(tmp_path / "elsewhere")})
    root = locate(spec)
    assert root is not None
    assert root.path == tmp_path / "elsewhere"
    update_config("data", {"lasot": {"path": str(tmp_path), "annotations_only": True}})
    root = locate(spec)
    assert root is not None
    assert root.annotations_only
    for odd in (3, {"folder": "x"}, ""):
        update_config("data", {"lasot": odd})
        with pytest.raises(DataError, match=r"config.toml: found no path for 'lasot' in \[data\]"):
            locate(spec)


def test_open_dataset_by_alias_and_root(tmp_path: Path) -> None:
    assert open_dataset("GOT-10k-test", tmp_path).id == "got10k-test"
