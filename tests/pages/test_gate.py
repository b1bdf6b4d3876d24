"""The gate: long runs take turns, short ones pass, and nobody who leaves blocks the others."""

import threading
import time

import pytest

from pages.ui.gate import LONG, Gate


def be_patient(before: int) -> None: ...


def be_long(gate: Gate, kind: str) -> None:
    with gate.turn(kind, be_patient):
        time.sleep(LONG)


def test_long_runs_take_turns_in_the_order_of_their_coming():
    gate, inside, most, ended = Gate(1), 0, 0, []
    be_long(gate, "long")

    def run(number: int) -> None:
        nonlocal inside, most
        with gate.turn("long", be_patient):
            inside += 1
            most = max(most, inside)
            time.sleep(LONG)
            inside -= 1
            ended.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert most == 1
    assert ended == [0, 1, 2, 3]


def test_a_short_run_passes_those_that_wait():
    gate = Gate(1)
    be_long(gate, "long")
    with gate.turn("long", be_patient), gate.turn("short", pytest.fail):
        pass


def test_one_who_waits_is_told_his_place_and_may_leave():
    gate, told = Gate(1), []
    be_long(gate, "long")

    def leave(before: int) -> None:
        told.append(before)
        raise KeyboardInterrupt

    first = gate.turn("long", be_patient)
    with first, pytest.raises(KeyboardInterrupt), gate.turn("long", leave):
        pytest.fail("let through")
    assert told == [1]
    with gate.turn("long", pytest.fail):  # the place is free again
        pass


def test_a_run_that_fails_gives_its_place_back():
    gate = Gate(1)
    be_long(gate, "long")
    with pytest.raises(ZeroDivisionError), gate.turn("long", pytest.fail):
        raise ZeroDivisionError
    with gate.turn("long", pytest.fail):
        pass
