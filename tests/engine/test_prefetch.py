"""Decoding ahead: bounded memory, one decoding for all who visit a picture, nothing kept."""

from __future__ import annotations

import threading
import time
from functools import partial

import numpy as np
import pytest
from toys import SIZE, picture

from trackzoo.engine.prefetch import FramePool, Reel
from trackzoo.errors import DataError
from trackzoo.frames import ArrayFrames, Frame

BYTES = SIZE[0] * SIZE[1] * 3


class Live:
    """Paints pictures, counts the decodings and the pictures that are in memory."""

    def __init__(self, name: str = "a", count: int = 40, broken: int | None = None, slow: float = 0.0) -> None:
        self.made: list[int] = []
        self.lock = threading.Lock()
        self.broken, self.slow = broken, slow
        self.frames = ArrayFrames(self._paint, count, name)

    def _paint(self, index: int) -> np.ndarray:
        time.sleep(self.slow)
        with self.lock:
            self.made.append(index)
        if index == self.broken:
            raise DataError("a/3.jpg", "data that cannot be decoded", "an image")
        return picture("a", index)


def decoded(pool: FramePool) -> int:
    """Pictures in memory."""
    return sum(entry.frame.decoded for entry in pool._entries.values())


def walk(reel: Reel, indices: range) -> list[Frame]:
    """Visit frames as a lane does; returns the handles."""
    found = []
    for index in indices:
        frame = reel[index]
        reel.arrive(frame)
        assert frame.decoded
        assert np.array_equal(frame.array(), picture("a", index))
        found.append(frame)
        reel.depart()
    return found


def test_every_picture_is_decoded_once_and_forgotten() -> None:
    live = Live()
    with FramePool(2) as pool:
        reel = pool.open(live.frames, range(40))
        frames = walk(reel, range(40))
        assert sorted(live.made) == list(range(40))
        assert decoded(pool) == 0
        assert not any(frame.decoded for frame in frames)


def test_pictures_are_decoded_before_they_are_visited() -> None:
    live = Live()
    with FramePool(1, ahead=4) as pool:
        reel = pool.open(live.frames, range(40))
        walk(reel, range(2))
        deadline = time.monotonic() + 5
        while sorted(live.made) != list(range(6)):
            assert time.monotonic() < deadline, live.made
            time.sleep(0.001)


@pytest.mark.parametrize("pictures", [0, 3, 7])
def test_memory_is_bounded(pictures: int) -> None:
    lives = [Live(name) for name in "abc"]
    most = 0
    with FramePool(3, memory=pictures * BYTES, ahead=50) as pool:
        reels = [pool.open(live.frames, range(40)) for live in lives]
        for index in range(40):
            frames = [reel[index] for reel in reels]
            for reel, frame in zip(reels, frames, strict=True):
                reel.arrive(frame)
                most = max(most, decoded(pool))
            time.sleep(0.001)
            most = max(most, decoded(pool))
            for reel in reels:
                reel.depart()
    # What each trial looks at, and what is ahead of it.
    assert most <= max(3, pictures)
    assert most >= min(3, pictures)


def test_trials_on_the_same_picture_share_its_decoding() -> None:
    live = Live()
    with FramePool(2) as pool:
        first, second = (pool.open(live.frames, range(40)) for _ in range(2))
        for index in range(40):
            frames = [first[index], second[index]]
            assert frames[0] is frames[1]
            first.arrive(frames[0])
            second.arrive(frames[1])
            first.depart()
            assert frames[0].decoded, "the second trial still looks at it"
            second.depart()
            assert not frames[0].decoded
    assert sorted(live.made) == list(range(40))


def test_visits_that_were_not_foreseen_are_decoded_all_the_same() -> None:
    live = Live()
    with FramePool(2, ahead=4) as pool:
        reel = pool.open(live.frames, range(40))
        for index in (0, 1, 9, 10, 3, 39, 11, 12, 12, 2):
            frame = reel[index]
            reel.arrive(frame)
            assert np.array_equal(frame.array(), picture("a", index))
            reel.depart()
        reel.close()
        assert decoded(pool) == 0


def test_backwards_is_decoded_ahead_too() -> None:
    live = Live(count=10)
    with FramePool(1) as pool:
        walk(pool.open(live.frames, range(9, -1, -1)), range(9, -1, -1))  # type: ignore[arg-type]
    assert sorted(live.made) == list(range(10))


def test_broken_picture_is_met_when_it_is_visited() -> None:
    live = Live(broken=3)
    with FramePool(2) as pool:
        reel = pool.open(live.frames, range(40))
        walk(reel, range(3))
        with pytest.raises(DataError, match=r"a/3\.jpg"):
            reel.arrive(reel[3])


def test_nothing_is_decoded_for_a_tracker_that_does_not_look() -> None:
    live = Live()
    with FramePool(2) as pool:
        reel = pool.open(live.frames, range(40), looks=False)
        for index in range(40):
            _ = reel[index]
            reel.depart()
        time.sleep(0.01)
    assert live.made == []


def test_closing_while_threads_decode_leaves_nothing_behind() -> None:
    live = Live(slow=0.005)
    pool = FramePool(2)
    reel = pool.open(live.frames, range(40))
    walk(reel, range(2))
    entries = dict(pool._entries)
    reel.close()
    pool.close()
    assert not pool._entries
    assert pool._taken == 0
    assert not any(entry.frame.decoded for entry in entries.values())


def test_without_threads_pictures_are_decoded_on_demand() -> None:
    live = Live()
    with FramePool(0) as pool:
        walk(pool.open(live.frames, range(40)), range(5))
    assert live.made == list(range(5))


def test_negative_index_and_wrong_index() -> None:
    with FramePool(0) as pool:
        reel = pool.open(ArrayFrames(partial(picture, "a"), 3, "a"), range(3))
        assert reel[-1].index == 2
        with pytest.raises(IndexError):
            _ = reel[3]
