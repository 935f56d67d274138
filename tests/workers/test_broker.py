from dramatiq.brokers.rabbitmq import RabbitmqBroker
from pydantic import SecretStr

from workers.broker import close_broker, make_broker
from workers.queues import QUEUES
from workers.redis_broker import WokenBroker


def test_the_url_says_which_broker_and_nothing_connects(settings):
    for url, kind in (
        ("amqp://guest:guest@127.0.0.1:1/", RabbitmqBroker),
        ("redis://127.0.0.1:1/0", WokenBroker),
    ):
        broker = make_broker(settings.model_copy(update={"broker_url": SecretStr(url)}))

        assert isinstance(broker, kind)
        assert broker.get_declared_queues() == set(QUEUES)
        assert broker.middleware == []
        close_broker(broker)


def test_a_redis_that_drops_a_connection_is_asked_again(settings):
    broker = make_broker(settings.model_copy(update={"redis_url": SecretStr("redis://h:1/0")}))

    retry = broker.client.get_retry()

    assert retry is not None
    assert retry.get_retries() > 0
    close_broker(broker)
