import pytest

from workers.bell import BROKER_ERRORS, ring, waiting
from workers.broker import close_broker, make_broker
from workers.queues import QUEUES


@pytest.mark.parametrize("queue", QUEUES.values())
def test_rings_wait_until_taken_up(broker, queue):
    ring(broker, queue, 3)

    assert waiting(broker, queue) == 3
    consumer = broker.consume(queue.name, prefetch=1, timeout=0)
    message = next(consumer)
    assert message.actor_name == queue.actor
    assert waiting(broker, queue) == 2
    consumer.ack(message)


def test_a_process_takes_no_more_than_it_works_on_at_once(broker):
    for queue in QUEUES.values():
        ring(broker, queue, 5)
        consumer = broker.consume(queue.name, prefetch=16, timeout=0)

        taken = [next(consumer) for _ in range(5)]

        assert sum(message is not None for message in taken) == queue.at_once
        consumer.ack(taken[0])
        assert next(consumer) is not None


def test_a_broker_that_is_away_is_one_kind_of_error(settings):
    away = make_broker(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))

    with pytest.raises(BROKER_ERRORS):
        ring(away, QUEUES["journeys"])
    with pytest.raises(BROKER_ERRORS):
        waiting(away, QUEUES["journeys"])
    close_broker(away)
