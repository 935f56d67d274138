from uuid import UUID

from db.cache.floors import _MOST, Floors

ANN, BOB = UUID(int=1), UUID(int=2)


def at(floors, now):
    floors.settle(floors.unsettled(), now)


def test_who_starts_believes_nothing_of_before():
    floors = Floors()
    assert not floors.holds(ANN, 99)
    at(floors, 10)
    assert (floors.holds(ANN, 9), floors.holds(ANN, 10)) == (False, True)


def test_change_is_believed_over_by_what_was_loaded_after_the_next_time_told():
    floors = Floors()
    at(floors, 10)
    floors.mark(ANN)
    assert (floors.holds(ANN, 99), floors.holds(BOB, 10)) == (False, True)
    at(floors, 20)
    assert (floors.holds(ANN, 19), floors.holds(ANN, 20), floors.holds(BOB, 10)) == (
        False,
        True,
        True,
    )
    floors.mark(None)
    at(floors, 30)
    assert [floors.holds(who, 29) for who in (ANN, BOB, None)] == [False] * 3
    assert [floors.holds(who, 30) for who in (ANN, BOB, None)] == [True] * 3


def test_time_asked_for_before_a_change_is_none_of_its():
    floors = Floors()
    at(floors, 10)
    floors.mark(ANN)
    noted = floors.unsettled()
    floors.mark(ANN)  # again, after the time was asked for
    floors.settle(noted, 20)
    assert not floors.holds(ANN, 20)
    at(floors, 30)
    assert floors.holds(ANN, 30)


def test_clock_that_is_set_back_brings_nothing_old_back():
    floors = Floors()
    at(floors, 10)
    at(floors, 100)
    floors.mark(ANN)
    at(floors, 50)
    assert (floors.holds(ANN, 90), floors.holds(ANN, 100)) == (False, True)


def test_many_changes_become_one_of_everything():
    floors = Floors()
    at(floors, 10)
    for n in range(_MOST + 10):
        floors.mark(UUID(int=n))
    assert len(floors.unsettled()) < _MOST
    assert not floors.holds(UUID(int=5), 10)
    at(floors, 20)
    assert not floors.holds(UUID(int=5), 19)
    assert not floors.holds(UUID(int=99_999), 19)
    assert floors.holds(UUID(int=5), 20)
