from collections import Counter
from fractions import Fraction
from hashlib import sha256
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from jobs.journeys.lots import draw


@given(st.uuids(), st.text(max_size=20), st.integers(1, 10**30))
def test_lot_is_the_hash_as_a_part_of_one(contact_id, seed, count):
    digits = sha256(f"{contact_id}:{seed}".encode()).hexdigest()
    part = Fraction(int(digits, 16), 16**64)
    assert Fraction(draw(contact_id, seed, count), count) <= part
    assert part < Fraction(draw(contact_id, seed, count) + 1, count)


def test_lots_are_as_likely_for_ids_that_differ_in_one_bit_or_by_chance():
    chance = [uuid5(UUID(int=0), str(n)) for n in range(10_000)]
    for ids in (list(map(UUID, map("{:032x}".format, range(10_000)))), chance):
        counts = Counter(draw(contact_id, "s", 10) for contact_id in ids)
        assert set(counts) == set(range(10))
        assert all(abs(count - 1000) < 120 for count in counts.values()), counts


def test_another_seed_is_another_lot():
    ids = [UUID(int=n) for n in range(1000)]
    same = sum(draw(one, "a", 10) == draw(one, "b", 10) for one in ids)
    assert 60 < same < 140
