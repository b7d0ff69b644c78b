"""The published figures: read strictly, true to the papers' own sums and prose, flagged where they disagree."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from trackzoo.errors import DataError, UnknownName
from trackzoo.report import published_page
from trackzoo.report.published import (
    COLUMNS,
    METRICS,
    PAPERS,
    STATUSES,
    Figure,
    deviation,
    load,
    lookup,
    own,
    read,
    rows_for,
)

REPOSITORY = Path(__file__).resolve().parents[2]
FIGURES = load()


def value(tracker: str, dataset: str, metric: str, *, paper: str, table: str, variant: str = "") -> float:
    """The one value that a table prints for it."""
    found = {
        figure.value
        for figure in lookup(tracker, dataset, metric, paper=paper, variant=variant)
        if figure.table == f"Table {table}"
    }
    assert len(found) == 1, (tracker, dataset, metric, table, found)
    (number,) = found
    assert number is not None
    return number


# ---------------------------------------------------------------- every table is there


def test_every_table_of_every_paper_has_figures() -> None:
    for paper in PAPERS.values():
        assert {figure.table for figure in FIGURES if figure.paper == paper.key} >= set(paper.tables)


def test_csv_files_are_the_papers_and_nothing_else() -> None:
    folder = REPOSITORY / "results" / "published"
    assert {path.stem for path in folder.glob("*.csv")} == set(PAPERS)


@pytest.mark.parametrize(
    ("paper", "table", "trackers"),
    [
        ("rts", "Table 3", 18),
        ("rts", "Table 4", 6),
        ("rts", "Table 5", 17),
        ("rts", "Table 6", 17),
        ("rts", "Table 7", 12),
        ("pivot", "Table I", 21),
        ("pivot", "Table II", 35),
        ("pivot", "Table III", 14),
        ("pivot", "Table IV", 9),
        ("pivot", "Table V", 6),
        ("procontext", "Table 1", 9),
        ("jn", "Table 1", 15),
        ("jn", "Table 3", 11),
        ("jn", "Table 4", 11),
        ("satracker", "Table 2", 17),
        ("satracker", "Table 3", 5),
    ],
)
def test_all_competitors_of_a_table_are_there(paper: str, table: str, trackers: int) -> None:
    found = {figure.tracker for figure in FIGURES if (figure.paper, figure.table) == (paper, table)}
    assert len(found) == trackers


# ---------------------------------------------------------------- against the text itself

#: Paper, table, where its numbers begin and end in the text, numbers with a decimal point that are no figures.
REGIONS = [
    ("rts", "Table 1", "Method\tSeg. Branch", "Table 2. Ablation", ()),
    ("rts", "Table 2", "Inst. Branch Fallback\t", "Table 3. Comparison", ("0.30", "0.30", "0.20", "0.30", "0.40")),
    ("rts", "Table 3", "\tRTS\tToMP 101 [34]", "Furthermore, Tab. 2", ()),
    ("rts", "Table 4", "\tRTS\tSTA\tLWL", "Table 5. Comparison", ("0.50", "0.75")),
    ("rts", "Table 5", "\tRTS\tToMP 101\tToMP 50", "GOT-10k [24] The large", ()),
    ("rts", "Table 6", "\t\tToMP\tToMP\tKeep", "Table 7. Results", ()),
    ("rts", "Table 7", "\t\tSTARK\tSTARK-", "UAV123 [36] The UAV", ()),
    ("rts", "Table 8", "Method\tYouTube-VOS 2019", "our method can generate", ()),
    ("pivot", "Table I", ". ; NIS [40", "evaluations and comparisons are", ()),
    ("pivot", "Table II", "Tracker Venue Backbone  Suc NPr Pr", "Weather Conditions", ()),
    ("pivot", "Table III", "Tracker Venue Backbone  Suc  OP50", "TABLE IV", ()),
    ("pivot", "Table IV", "Tracker Venue GOT-10k", "TABLE V\n", ("0.50", "0.75")),
    ("pivot", "Table V", "Tracker PivVOT", "GOT-10k [45]): This", ()),
    ("pivot", "Table VI", "Tracker Initial Refined", "B. Ablation", ()),
    ("pivot", "Table VII", "Tracker AVisT LaSOT NfS", "[ERRVWS", ()),
    ("pivot", "Table VIII", "Backbone  Adapter PGN", "E. Limitations", ()),
    ("procontext", "Table 1", "Method\tDT\tEB", "**Table 2**", ("0.5", "0.75")),
    (
        "procontext",
        "Table 2",
        "Method\tscale",
        "at a keeping ratio",
        ("0.5", "2.0", "2.0", "4.0", "2.0", "3.0", "4.0", "2.0", "2.7", "3.3", "4.0"),
    ),
    ("procontext", "Table 3", "**Table 3**", "**Table 4**", ("0.5", "2.0", "2.0", "2.0", "4.0")),
    (
        "procontext",
        "Table 4",
        "Method\tρ",
        "of static and dynamic templates. For",
        ("0.5", "0.6", "0.7", "0.8", "0.9", "1.0"),
    ),
    ("jn", "Table 1", "Method\tBackbone", "Table 1: Results", ("0.50", "0.75")),
    ("jn", "Table 2", "Heads\tJ.L.", "Table 2: Performance", ("0.50", "0.75")),
    ("jn", "Table 3", "\tTrack\tingNet", "Table 3: Comparison", ()),
    ("jn", "Table 4", "\tOcean\tAtom", "Table 4: Comparison", ()),
    ("jn", "Table 5", "Inception\tEncoding", "Table 5: Different", ()),
    ("jn", "Table A1", "Inception\tSource", "Table A1: Different", ()),
    ("jn", "Table A2", "Model\t#Epochs", "Table A2: Performance", ()),
    ("satracker", "Table 2", "Algorithms\tPublished", "Table 2. Success", ()),
    ("satracker", "Table 3", "\tFLOPs (G)", "Table 3. For fair", ()),
    ("satracker", "Table 4", "Experiment Setup\tTEM", "Table 4. Ablation", ()),
    ("satracker", "Table 5", "Setting\tModule", "Table 5. The influence", ()),
]


def scanned(figure: Figure) -> str:
    """The figure's digits as they stand in the scan."""
    match = re.search(r"scan: '(\d+)%?'", figure.note)
    return match[1] if match else figure.text


@pytest.mark.parametrize(("paper", "table", "begin", "end", "others"), REGIONS, ids=lambda part: str(part)[:12])
def test_numbers_of_a_table_are_those_of_the_text(
    shared: Path, paper: str, table: str, begin: str, end: str, others: tuple[str, ...]
) -> None:
    text = (shared / "papers" / f"{paper}.txt").read_text(encoding="utf-8")
    start = text.index(begin)
    printed = Counter(re.findall(r"\d+(?:\.\d+)?", text[start : text.index(end, start + len(begin))]))
    figures = [
        figure for figure in FIGURES if (figure.paper, figure.table) == (paper, table) and figure.value is not None
    ]
    ours = Counter(scanned(figure) for figure in figures)
    ours.update(figure.delta.strip("+-%") for figure in figures if figure.delta)
    assert not ours - printed, "in the CSV, not in the text"
    left = Counter({number: count for number, count in (printed - ours).items() if "." in number})
    assert left == Counter(others), "in the text, neither in the CSV nor known to be no figure"


# ---------------------------------------------------------------- what the papers' prose and sums say


@pytest.mark.parametrize(
    ("tracker", "dataset", "metric", "printed"),
    [
        ("rts50", "lasot-test", "auc", 69.7),  # RTS, abstract
        ("jn-256", "got10k-test", "ao", 75.8),  # JN, abstract
        ("jn-256", "trackingnet-test", "auc", 84.1),  # JN, abstract
        ("jn-384", "got10k-test", "ao", 76.3),  # JN, Sec. 4.2
        ("jn-384", "trackingnet-test", "auc", 84.9),  # JN, Sec. 4.2
    ],
)
def test_figures_quoted_in_prose(tracker: str, dataset: str, metric: str, printed: float) -> None:
    found = [figure for figure in own(tracker) if (figure.dataset, figure.metric) == (dataset, metric)]
    assert {figure.value for figure in found if figure.kind == "result"} == {printed}


#: Paper, table, data set, metric, the one tracker (and variant) above the other, by how much the prose says.
PROSE = """
rts        | 1  | lasot-test          | auc            | rts50/no instance branch            | lwl                                   | 5.6
rts        | 1  | lasot-test          | auc            | rts50                               | rts50/no instance branch              | 4.4
rts        | 2  | uav123              | auc            | rts50                               | rts50/no instance branch fallback     | 1.3
rts        | 3  | lasot-test          | auc            | rts50                               | tomp-101                              | 1.2
rts        | 3  | lasot-test          | auc            | rts50                               | tomp-50                               | 2.1
rts        | 4  | got10k-val          | ao             | rts50                               | lwl                                   | 0.6
rts        | 4  | got10k-val          | ao             | sta                                 | rts50                                 | 1.5
rts        | 6  | nfs-30              | auc            | keeptrack                           | rts50                                 | 1.0
rts        | 6  | nfs-30              | auc            | rts50                               | stark-st50                            | 0.2
rts        | 6  | nfs-30              | auc            | rts50                               | superdimp                             | 0.6
rts        | 6  | nfs-30              | auc            | rts50                               | prdimp                                | 1.9
rts        | 8  | youtube-vos2019-valid | g              | lwl                                 | rts50                                 | 1.3
rts        | 8  | youtube-vos2019-valid | g              | sta                                 | rts50                                 | 0.9
rts        | 8  | youtube-vos2019-valid | g              | rts50                               | stm                                   | 0.5
rts        | 8  | davis2017-val       | j_and_f        | rts50/initialised with boxes        | siammask/initialised with boxes       | 16.2
rts        | 8  | davis2017-val       | j_and_f        | rts50/initialised with boxes        | d3s/initialised with boxes            | 11.8
pivot      | I  | nfs-30              | precision      | pivot-50                            | tomp-50                               | 2.0
pivot      | I  | otb100              | precision      | pivot-50                            | tomp-50                               | 1.5
procontext | 1  | got10k-test         | ao             | procontext                          | ostrack-384                           | 0.9
procontext | 1  | got10k-test         | sr50           | procontext                          | ostrack-384                           | 1.5
procontext | 1  | got10k-test         | sr75           | procontext                          | ostrack-384                           | 2.1
jn         | A2 | lasot-test          | auc            | jn-256/trained on GOT-10k alone     | ostrack-256/trained on GOT-10k alone  | 1.0
satracker  | 2  | tnl2k-test          | auc            | satracker                           | mmtrack                               | 3.0
satracker  | 2  | tnl2k-test          | norm_precision | satracker                           | mmtrack                               | 3.2
satracker  | 2  | tnl2k-test          | precision      | satracker                           | mmtrack                               | 5.0
satracker  | 2  | lasot-test          | auc            | satracker                           | all-in-one                            | 0.7
satracker  | 2  | lasot-test          | precision      | satracker                           | all-in-one                            | 1.1
"""  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("line", PROSE.strip().splitlines(), ids=lambda line: re.sub(r"\W+", "-", line))
def test_differences_quoted_in_prose(line: str) -> None:
    paper, table, dataset, metric, above, below, printed = (part.strip() for part in line.split("|"))
    high, low = (
        value(tracker, dataset, metric, paper=paper, table=table, variant=variant)
        for tracker, _, variant in (name.partition("/") for name in (above, below))
    )
    assert high - low == pytest.approx(float(printed), abs=1e-6)


def test_ranks_quoted_in_prose() -> None:
    assert rows_for("vot2022-stb", ["robustness"]).rows[0].tracker == "pivot-l-22"  # "the highest robustness score"
    assert rows_for("avist", ["auc"]).rows[0].tracker == "pivot-l-27"
    best = [row.tracker for row in rows_for("otb99-lang-test", ["auc"]).rows]
    assert best[:2] == ["vlt-tt", "satracker"]  # "falls behind VLTTT … ranks as the second"
    tracking_net = [row for row in rows_for("trackingnet-test", ["auc"]).rows if row.figures["auc"].paper == "rts"]
    assert [row.tracker for row in tracking_net][:2] == ["stark-st101", "rts50"]  # "ranks second in terms of AUC"
    robust = [row for row in rows_for("vot2020", ["robustness"]).rows if row.figures["robustness"].paper == "rts"]
    assert [row.tracker for row in robust][:2] == ["rpt", "rts50"]  # "ranks 2nd in Robustness"


def test_the_lasot_table_of_rts_is_ordered_by_auc() -> None:
    order = [figure.value for figure in FIGURES if (figure.source, figure.metric) == ("RTS, Table 3", "auc")]
    assert len(order) == 18
    assert all(first is not None and second is not None and first >= second for first, second in pairwise(order))


def reference(figure: Figure) -> tuple[float, float] | None:
    """Value of the row that a printed difference refers to, and the difference that follows from the two values."""
    same = [other for other in FIGURES if other.source == figure.source and other.metric == figure.metric]

    def base(test: Callable[[Figure], bool]) -> float:
        (number,) = {other.value for other in same if test(other) and other.dataset == figure.dataset}
        assert number is not None
        return number

    assert figure.value is not None
    if figure.paper == "rts":
        start = base(lambda other: other.tracker == "rts50")
        return start, start - figure.value
    if figure.source == "ProContEXT, Table 1":
        start = base(lambda other: other.tracker == "ostrack-384")
    elif figure.source in ("ProContEXT, Table 2", "ProContEXT, Table 3"):
        start = base(lambda other: not other.delta)
    elif figure.source == "ProContEXT, Table 4":
        start = base(lambda other: other.setting == "rho 1.0")
        if figure.metric == "flops_g":
            return start, 100 * (figure.value - start) / start
    elif figure.source == "JN, Table 2":
        start = base(lambda other: other.printed == figure.printed and not other.delta)
    else:
        start = base(lambda other: other.setting.startswith("none"))
    return start, figure.value - start


def test_printed_differences_fit_the_values_or_the_figure_is_flagged() -> None:
    with_delta = [figure for figure in FIGURES if figure.delta]
    assert len(with_delta) == 17 + 16 + 11 + 6 + 6 + 4 + 12 + 9 + 4 + 2
    odd = []
    for figure in with_delta:
        found = reference(figure)
        assert found is not None
        if abs(found[1] - float(figure.delta.rstrip("%"))) > (0.05 if "%" in figure.delta else 1e-6):
            odd.append((figure.source, figure.metric, figure.text))
            assert figure.status == "ambiguous"
            assert figure.delta in figure.note
    assert odd == [("ProContEXT, Table 4", "ao", "86.3"), ("JN, Table 2", "sr50", "76.3")]


def test_segmentation_means_follow_from_their_parts() -> None:
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for figure in FIGURES:
        if figure.source == "RTS, Table 8" and figure.value is not None:
            rows.setdefault((figure.tracker, figure.variant), {})[figure.metric] = figure.value
    assert len(rows) == 9
    for found in rows.values():
        if "j" in found:
            assert found["j_and_f"] == pytest.approx((found["j"] + found["f"]) / 2, abs=0.1)
        if "j_seen" in found:
            parts = [found[name] for name in ("j_seen", "j_unseen", "f_seen", "f_unseen")]
            assert found["g"] == pytest.approx(sum(parts) / 4, abs=0.1)


def test_parts_of_pivots_time_add_up() -> None:
    for metric in ("time_ms", "time_share"):
        parts = {figure.setting: figure.value or 0.0 for figure in lookup("pivot-l-27", metric=metric)}
        total = parts.pop("Total")
        assert len(parts) == 6
        assert sum(parts.values()) == pytest.approx(total, abs=0.005)


def test_rows_of_the_final_model_are_alike_in_all_tables_of_a_paper() -> None:
    """Ablations end in the model of the comparison; differences are conflicts, and there are those of PiVOT and JN alone."""
    apart = {
        (first.tracker, first.dataset, first.metric)
        for first, second in published_page.disagreements(FIGURES)
        if first.paper == second.paper
    }
    assert apart == {
        ("pivot-l-27", "lasot-test", "precision"),
        ("pivot-l-27", "lasot-test", "norm_precision"),
        ("jn-256", "lasot-test", "auc"),
        ("jn-384", "lasot-test", "auc"),
    }


# ---------------------------------------------------------------- plausibility


def by_row(dataset: str) -> dict[tuple[str, ...], dict[str, float]]:
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for figure in FIGURES:
        if figure.dataset == dataset and figure.value is not None:
            key = (figure.paper, figure.table, figure.tracker, figure.variant, figure.setting)
            rows.setdefault(key, {})[figure.metric] = figure.value
    return rows


@pytest.mark.parametrize(
    ("dataset", "higher", "lower", "exceptions"),
    [
        ("avist", "op50", "auc", set()),
        ("avist", "auc", "op75", set()),
        ("got10k-test", "sr50", "ao", set()),
        ("got10k-test", "ao", "sr75", set()),
        ("got10k-val", "sr50", "ao", set()),
        ("trackingnet-test", "norm_precision", "auc", set()),
        ("lasot-test", "norm_precision", "precision", {"gdatft"}),
        ("tnl2k-test", "norm_precision", "precision", set()),
        ("davis2017-val", "f", "j", set()),
    ],
)
def test_metrics_stand_in_their_usual_order(dataset: str, higher: str, lower: str, exceptions: set[str]) -> None:
    compared = 0
    for key, found in by_row(dataset).items():
        if higher in found and lower in found and key[2] not in exceptions:
            compared += 1
            assert found[higher] > found[lower], key
    assert compared > 3


@pytest.mark.parametrize(
    ("dataset", "metric", "low", "high"),
    [
        ("lasot-test", "auc", 30, 75),
        ("trackingnet-test", "auc", 50, 90),
        ("got10k-test", "ao", 30, 80),
        ("otb100", "auc", 60, 75),
        ("uav123", "auc", 50, 75),
        ("nfs-30", "auc", 60, 70),
        ("avist", "auc", 45, 65),
        ("vot2020", "eao", 0.2, 0.6),
        ("vot2022-stb", "eao", 0.5, 0.65),
    ],
)
def test_values_lie_where_such_trackers_lie(dataset: str, metric: str, low: float, high: float) -> None:
    found = [figure for figure in lookup(dataset=dataset, metric=metric) if figure.value is not None]
    assert found
    assert all(low <= (figure.value or 0) <= high for figure in found)


# ---------------------------------------------------------------- disagreements, losses, the page


def test_disagreements_are_flagged_on_both_sides_and_name_each_other() -> None:
    pairs = published_page.disagreements(FIGURES)
    assert len(pairs) == 10
    for first, second in pairs:
        for here, there in ((first, second), (second, first)):
            assert here.status == "conflict", (here, there)
            assert there.text in here.note, (here, there)
            assert there.table in here.note or PAPERS[there.paper].short in here.note
    involved = {(figure.paper, figure.line) for pair in pairs for figure in pair}
    assert involved == {(figure.paper, figure.line) for figure in FIGURES if figure.status == "conflict"}


def test_a_disagreement_needs_the_same_training_data() -> None:
    base = next(figure for figure in FIGURES if figure.training_data == "GOT-10k" and figure.value is not None)
    fields = {name: getattr(base, name) for name in base.__dataclass_fields__}
    other = Figure(**{**fields, "value": (base.value or 0.0) + 1})
    assert published_page.disagreements([base, other]) == [(base, other)]
    apart = Figure(**{**fields, "value": (base.value or 0.0) + 1, "training_data": "GOT-10k + COCO"})
    assert published_page.disagreements([base, apart]) == []
    silent = Figure(**{**fields, "value": (base.value or 0.0) + 1, "training_data": ""})
    assert published_page.disagreements([base, silent]) == [(base, silent)]


def test_lost_figures_keep_their_place() -> None:
    lost = [figure for figure in FIGURES if figure.status == "lost"]
    assert sorted((figure.tracker, figure.metric) for figure in lost) == [
        ("datranst", "precision"),
        ("f-bdmtrack", "precision"),
        ("mixformer-l", "fps"),
        ("pivot-l-22", "fps"),
        ("pivot-l-27", "fps"),
        ("seqtrack-l", "fps"),
        ("seqtrack-l", "norm_precision"),
    ]
    assert all(figure.text == "lost" and figure.percent is None for figure in lost)


def test_restored_figures_are_the_scans_digits_with_a_decimal_point() -> None:
    restored = [figure for figure in FIGURES if figure.status == "restored"]
    assert len(restored) > 100
    for figure in restored:
        assert scanned(figure) == figure.text.replace(".", "")


def test_the_page_is_current() -> None:
    path = REPOSITORY / "docs" / "published.md"
    text = path.read_text(encoding="utf-8")
    assert published_page.renewed(text, path) == text, "run: python -m trackzoo.report.published_page docs/published.md"
    for paper in PAPERS.values():
        assert paper.title.split(":")[0] in text
    for status, meaning in STATUSES.items():
        assert f"| `{status}` | {meaning} |" in text


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(DataError, match=r"page\.md: found a page without its two marks"):
        published_page.renewed("# nothing here", "page.md")


# ---------------------------------------------------------------- ids


def test_datasets_are_the_registrys() -> None:
    from trackzoo.registry import dataset_names, dataset_specs

    specs, names = dataset_specs(), dataset_names()
    for dataset, split in {(figure.dataset, figure.split) for figure in FIGURES if figure.dataset}:
        assert dataset in names, dataset
        family, meant = names[dataset]
        assert specs[family].id(meant) == dataset, "an alias, not the id that results are filed under"
        assert split == meant, dataset


def test_ids_of_our_own_trackers_are_used() -> None:
    ids = {figure.tracker for figure in FIGURES}
    assert ids >= {"rts50", "pivot-l-27", "pivot-l-22", "pivot-50", "procontext", "jn-256", "jn-384", "satracker"}
    assert ids >= {"ostrack-256", "ostrack-384", "tomp-50", "tomp-101", "lwl", "sta", "stark-st50", "stark-st101"}
    for tracker in ("rts50", "pivot-l-27", "pivot-l-22", "pivot-50", "procontext", "jn-256", "jn-384", "satracker"):
        assert own(tracker)
        assert {figure.tracker for figure in own(tracker)} == {tracker}
    assert own("tomp-50") == []


# ---------------------------------------------------------------- looking up and listing


def test_lookup_prefers_the_trackers_own_paper() -> None:
    first = lookup("rts50", "lasot-test", "auc")[0]
    assert (first.source, first.own, first.profile, first.text) == ("RTS, Table 3", True, "pytracking", "69.7")
    assert lookup("ostrack-384", "got10k-test", "ao", paper="jn")[0].source == "JN, Table 1"
    clean = lookup("jn-384", "trackingnet-test", "auc")[0]
    assert clean.clean
    assert clean.kind == "result"


def test_lookup_of_variants() -> None:
    assert all(figure.variant == "" for figure in lookup("rts50"))
    assert {figure.variant for figure in lookup("rts50", variant=None)} >= {"", "t_sc 0.20", "initialised with boxes"}
    assert {figure.table for figure in lookup("rts50", variant="t_sc 0.20")} == {"Table 2"}
    assert {figure.profile for figure in lookup("rts50", profile="vot")} == {"vot"}


def test_lookup_of_nothing_and_of_nonsense() -> None:
    assert lookup("no-such-tracker") == []
    assert lookup(dataset="synth") == []
    with pytest.raises(UnknownName, match="unknown metric 'acu'; did you mean auc"):
        lookup(metric="acu")
    with pytest.raises(UnknownName, match="unknown paper"):
        lookup(paper="dimp")
    with pytest.raises(UnknownName, match="unknown metric"):
        rows_for("lasot-test", ["acu"])


def test_load_gives_a_list_of_ones_own() -> None:
    mine = load()
    mine.clear()
    assert load()


@pytest.mark.parametrize("dataset", sorted({figure.dataset for figure in FIGURES if figure.dataset}))
def test_listings_are_ranked_sourced_and_free_of_variants(dataset: str) -> None:
    listing = rows_for(dataset)
    assert listing.rows
    assert [metric for metric in METRICS if metric in listing.metrics] == list(listing.metrics)
    first = listing.metrics[0]
    ranked = [row.figures[first].percent or 0.0 for row in listing.rows if first in row.figures]
    assert ranked == sorted(ranked, reverse=True)
    assert len({row.tracker for row in listing.rows}) == len(listing.rows)
    used = set()
    for row in listing.rows:
        assert row.figures.keys() == row.marks.keys()
        for metric, figure in row.figures.items():
            assert (figure.tracker, figure.metric, figure.variant) == (row.tracker, metric, "")
            assert figure.value is not None
            texts = [listing.notes[mark - 1] for mark in row.marks[metric]]
            assert texts[0].startswith(figure.source)
            assert (len(texts) == 2) == (not figure.clean)
            used.update(row.marks[metric])
    assert used == set(range(1, len(listing.notes) + 1))


def test_listing_takes_the_own_paper_first_and_what_is_asked_for() -> None:
    row = {row.tracker: row for row in rows_for("got10k-test").rows}
    assert row["jn-384"].figures["ao"].paper == "jn"
    assert row["procontext"].figures["ao"].source == "ProContEXT, Table 1"
    some = rows_for("lasot-test", ["precision", "auc"], ["jn-256", "pivot-l-22", "rts50"])
    assert some.metrics == ("precision", "auc")
    assert [row.tracker for row in some.rows] == ["pivot-l-22", "rts50", "jn-256"]  # JN prints no precision
    assert rows_for("lasot-test", trackers=[]).rows == ()
    assert rows_for("synth").rows == ()


# ---------------------------------------------------------------- ours against theirs


def test_deviation_rounds_ours_as_the_paper_prints() -> None:
    rts = lookup("rts50", "lasot-test", "auc")[0]
    assert deviation(69.66, rts) == 0.0
    assert deviation(69.64, rts) == -0.1
    assert deviation(70.349, rts) == 0.6
    assert deviation(70.349, rts, "pytracking") == 0.6
    assert deviation(70.349, rts, "stark") is None
    eao = lookup("rts50", "vot2020", "eao")[0]
    assert (eao.text, eao.percent, eao.percent_rounding) == ("0.506", pytest.approx(50.6), 1)
    assert deviation(50.9, eao) == 0.3


def test_no_deviation_where_it_would_mean_nothing() -> None:
    rts = lookup("rts50", "lasot-test", "auc")[0]
    assert deviation(math.nan, rts) is None
    assert deviation(math.inf, rts) is None
    for figure in FIGURES:
        shown = deviation(50.0, figure)
        assert (shown is None) == (not figure.profile or figure.status in ("ambiguous", "conflict", "lost"))


@given(st.sampled_from(FIGURES), st.floats(0, 100))
def test_deviation_is_zero_exactly_where_the_paper_would_have_printed_ours(figure: Figure, ours: float) -> None:
    shown = deviation(ours, figure)
    if shown is None:
        return
    assert figure.percent is not None
    half = 0.5 * 10.0**-figure.percent_rounding
    assert abs(shown - (ours - figure.percent)) <= half + 1e-6
    assert deviation(figure.percent, figure) == 0.0
    assert math.copysign(1.0, shown) == (-1.0 if shown < 0 else 1.0), "no minus zero"


# ---------------------------------------------------------------- broken files


def sample(**changes: str) -> dict[str, str]:
    row = dict.fromkeys(COLUMNS, "")
    row.update(
        paper="rts",
        table="Table 3",
        kind="result",
        tracker="rts50",
        printed="RTS",
        dataset="lasot-test",
        split="test",
        metric="auc",
        value="69.7",
        unit="percent",
        rounding="1",
        profile="pytracking",
        status="transcribed",
    )
    return {**row, **changes}


def write(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (figure,) = read(write(tmp_path / "rts.csv", sample()), PAPERS["rts"])
    assert (figure.value, figure.rounding, figure.line, figure.clean, figure.own) == (69.7, 1, 2, True, True)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"paper": "jn"}, "paper 'jn'"),
        ({"table": "Table 9"}, "table 'Table 9'"),
        ({"kind": "resul"}, "kind 'resul'"),
        ({"status": "fine"}, "status 'fine'"),
        ({"metric": "acu"}, "metric 'acu'"),
        ({"unit": "fraction"}, "unit 'fraction'"),
        ({"profile": "toolkit"}, "profile 'toolkit'"),
        ({"tracker": "RTS 50"}, "tracker 'RTS 50'"),
        ({"tracker": ""}, "no tracker"),
        ({"printed": ""}, "no printed name"),
        ({"printed": "RTS "}, "blanks around printed"),
        ({"dataset": "LaSOT", "split": ""}, "dataset 'LaSOT'"),
        ({"dataset": "", "split": ""}, "without a dataset"),
        ({"split": "train"}, "split 'train'"),
        ({"value": "abc"}, "value 'abc'"),
        ({"value": "nan"}, "value 'nan'"),
        ({"value": "-1.0"}, "value '-1.0'"),
        ({"value": "697"}, "value 697 with rounding 1"),
        ({"value": "697", "rounding": "0"}, "auc 697 percent, expected 0 to 100"),
        ({"value": "69.70"}, "as many decimals as the rounding says"),
        ({"rounding": "one"}, "rounding 'one'"),
        ({"value": ""}, "value '' with status transcribed"),
        ({"status": "lost", "note": "gone"}, "with status lost"),
        ({"status": "conflict"}, "status conflict without a note"),
        ({"delta": "1.2"}, "delta '1.2'"),
        ({"kind": "cost"}, "none for costs other than speed"),
    ],
)
def test_a_broken_row_is_refused_by_file_and_line(tmp_path: Path, changes: dict[str, str], text: str) -> None:
    path = write(tmp_path / "rts.csv", sample(metric="precision"), sample(**changes))
    with pytest.raises(DataError) as caught:
        read(path, PAPERS["rts"])
    assert str(caught.value).startswith(f"{path}:3: found ")
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_figure_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rts.csv", sample(), sample(value="69.8"))
    with pytest.raises(DataError, match=r"rts\.csv:3: found the figure of line 2 again"):
        read(path, PAPERS["rts"])


@pytest.mark.parametrize("text", ["", "tracker,value\nrts,1\n", ",".join(COLUMNS) + "\nrts,Table 3\n"])
def test_a_file_with_other_columns_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rts.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=r"rts\.csv:[12]: found"):
        read(path, PAPERS["rts"])


def test_a_missing_or_undecodable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: found .*No such file"):
        read(tmp_path / "none.csv", PAPERS["rts"])
    (tmp_path / "rts.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        read(tmp_path / "rts.csv", PAPERS["rts"])
