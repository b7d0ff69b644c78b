"""What a toolkit calls a data set, where its rules depend on the name."""

from __future__ import annotations

#: Beginnings (letters and digits alone, lower case) of the spellings in use -> the name that the rules know. Longest first.
_SPELLINGS = {
    "lasotext": "lasot_extension_subset",
    "trackingnet": "trackingnet",
    "templecolor": "tc128",
    "lasot": "lasot",
    "tnl2k": "tnl2k",
    "tc128": "tc128",
    "avist": "avist",
    "dtb70": "dtb70",
    "got10": "got10k",
    "uav": "uav",
    "otb": "otb",
    "nfs": "nfs",
}


def rule_name(dataset: str) -> str:
    """The name that the profiles' rules know, for any usual spelling (`LaSOT`, `lasot-test`, `UAV123`); empty for others."""
    plain = "".join(character for character in dataset.lower() if character.isalnum())
    return next((name for spelling, name in _SPELLINGS.items() if plain.startswith(spelling)), "")
