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
        number = int(phone)
        slots, last = self._slots, len(self._slots) - 1
        # As in _place: a call would be a third of it.
        place = ((number * _SPREAD) & _MASK) >> (64 - self._bits)
        while met := slots[place]:
            if met == number:
                return False
            place = (place + 1) & last
        slots[place] = number
        self._count += 1
        return True

    def _place(self, number: int) -> int:
        """Where the number stands, or would."""
        slots, last = self._slots, len(self._slots) - 1
        place = ((number * _SPREAD) & _MASK) >> (64 - self._bits)
        while (met := slots[place]) and met != number:
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        old = self._slots
        self._bits += 1
        self._slots = array("Q", bytes(8 << self._bits))
        for number in old:
            if number:
                self._slots[self._place(number)] = number


class LastPhones(SeenPhones):
    """How often each number is still to come; 8 MiB more for a million."""

    def __init__(self) -> None:
        super().__init__()
        self._coming = array("I", bytes(array("I").itemsize << self._bits))

    def count(self, phone: str) -> None:
        """On the way through the file to its end."""
        self.add(phone)
        self._coming[self._place(int(phone))] += 1

    def meet(self, phone: str) -> bool:
        """On the way through it again: is this the last time the number comes?"""
        place = self._place(int(phone))
        self._coming[place] -= 1
        return self._coming[place] == 0

    def _grow(self) -> None:
        old, coming = self._slots, self._coming
        super()._grow()
        self._coming = array("I", bytes(coming.itemsize << self._bits))
        for number, times in zip(old, coming, strict=True):
            if number:
                self._coming[self._place(number)] = times
