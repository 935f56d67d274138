"""Which numbers of a file were met already, in memory that a million of them hardly show in."""

from array import array

_FILL = 0.6
_SPREAD = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: neighbouring numbers land far apart
_MASK = (1 << 64) - 1


class SeenPhones:
    """An exact set of E.164 numbers: an open hash table of 64-bit integers.

    16 MiB hold a million numbers, where Python's own set of integers takes 64.
    """

    def __init__(self) -> None:
        self._bits = 12
        self._slots = array("Q", bytes(8 << self._bits))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, phone: str) -> bool:
        """Remember a number; False if it was met before."""
        if self._count >= _FILL * len(self._slots):
            self._grow()
        new = self._put(int(phone))
        self._count += new
        return new

    def _put(self, number: int) -> bool:
        slots, last = self._slots, len(self._slots) - 1
        place = ((number * _SPREAD) & _MASK) >> (64 - self._bits)
        while met := slots[place]:
            if met == number:
                return False
            place = (place + 1) & last
        slots[place] = number
        return True

    def _grow(self) -> None:
        old = self._slots
        self._bits += 1
        self._slots = array("Q", bytes(8 << self._bits))
        for number in old:
            if number:
                self._put(number)
