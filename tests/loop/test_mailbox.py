"""The one-item mailbox: newest wins or nothing is lost, and nobody waits for ever."""

import threading
import time

import pytest

from realtime.mailbox import Finished, Mailbox

SOON = 2.0  # seconds; far more than any of this takes


def in_thread(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def test_gives_back_what_was_put():
    box = Mailbox(lossless=True)
    assert box.put("a")
    assert box.get(SOON) == "a"


def test_a_newer_item_replaces_the_one_nobody_took():
    box = Mailbox(lossless=False)
    for item in range(5):
        box.put(item)
    assert box.get(SOON) == 4
    assert box.dropped == 4


def test_with_more_room_the_oldest_goes_and_the_order_stays():
    box = Mailbox(lossless=False, capacity=3)
    for item in range(5):
        box.put(item)
    assert [box.get(SOON) for _ in range(3)] == [2, 3, 4]
    assert box.dropped == 2


def test_lossless_makes_the_writer_wait():
    box = Mailbox(lossless=True)
    box.put(1)
    writer = in_thread(lambda: box.put(2))
    writer.join(0.05)
    assert writer.is_alive()
    assert box.get(SOON) == 1
    writer.join(SOON)
    assert box.get(SOON) == 2
    assert box.dropped == 0


def test_get_gives_up_after_its_time():
    with pytest.raises(TimeoutError):
        Mailbox(lossless=True).get(0)


def test_what_lies_there_can_be_taken_after_the_end():
    box = Mailbox(lossless=True)
    box.put(1)
    box.close()
    assert box.get(SOON) == 1
    with pytest.raises(Finished):
        box.get(SOON)
    with pytest.raises(Finished):  # and stays ended
        box.get(SOON)


def test_the_writers_error_comes_after_its_items():
    box = Mailbox(lossless=True)
    box.put(1)
    box.close(ValueError("broken"))
    assert box.get(SOON) == 1
    with pytest.raises(ValueError, match="broken"):
        box.get(SOON)


def test_the_first_reason_for_the_end_counts():
    box = Mailbox(lossless=True)
    box.close(ValueError("first"))
    box.close()
    with pytest.raises(ValueError, match="first"):
        box.get(SOON)


def test_closing_wakes_a_waiting_reader():
    box = Mailbox(lossless=True)
    ended = threading.Event()

    def read():
        with pytest.raises(Finished):
            box.get()
        ended.set()

    in_thread(read)
    box.close()
    assert ended.wait(SOON)


def test_aborting_sends_a_waiting_writer_home():
    box = Mailbox(lossless=True)
    box.put(1)
    answers = []
    writer = in_thread(lambda: answers.append(box.put(2)))
    time.sleep(0.02)
    box.abort()
    writer.join(SOON)
    assert answers == [False]
    with pytest.raises(Finished):  # what lay there is gone
        box.get(SOON)


def test_nothing_is_taken_after_the_end():
    box = Mailbox(lossless=False)
    box.close()
    assert not box.put(1)


@pytest.mark.parametrize("capacity", [1, 3])
def test_lossless_keeps_everything_in_order_between_two_threads(capacity):
    box = Mailbox(lossless=True, capacity=capacity)

    def write():
        for item in range(500):
            box.put(item)
        box.close()

    in_thread(write)
    assert [box.get(SOON) for _ in range(500)] == list(range(500))
    with pytest.raises(Finished):
        box.get(SOON)
