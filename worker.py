"""What ``dramatiq worker`` loads, in each worker process. Nothing connects at import."""

import sys

import dramatiq

from config.logging import configure_logging
from config.settings import ConfigError, load_settings
from workers.actors import declare_actors
from workers.broker import make_broker
from workers.middleware import worker_middleware

try:
    settings = load_settings()
    settings.require("database_url")
    broker = make_broker(settings, middleware=worker_middleware(settings))
except ConfigError as error:
    sys.exit(f"worker: {error}")
configure_logging(settings)
declare_actors(broker)
dramatiq.set_broker(broker)
