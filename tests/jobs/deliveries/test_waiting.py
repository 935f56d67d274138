import uuid

from jobs.deliveries.waiting import Outgoing, WaitingSends


def test_each_message_is_taken_once_or_withdrawn():
    messages = [Outgoing(uuid.uuid4(), "+15550000001", None, "Hi") for _ in range(4)]
    first, second, third, fourth = messages
    waiting = WaitingSends(messages)

    assert waiting.take() == (0, first)
    assert waiting.withdraw([first.id, second.id, uuid.uuid4()]) == 1
    assert waiting.ids() == [third.id, fourth.id]
    assert waiting.take() == (2, third)
    assert waiting.take() == (3, fourth)
    assert waiting.take() is None
    assert waiting.ids() == []


def test_what_is_shown_of_a_message_tells_neither_number_nor_text():
    shown = repr(Outgoing(uuid.uuid4(), "+15550000001", None, "Hi Ada"))

    assert "5550000001" not in shown
    assert "Ada" not in shown
