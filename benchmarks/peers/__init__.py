"""Job queues that do one step a job, each in its best practice on two processes."""

from benchmarks.peers.celery_peer import CELERY
from benchmarks.peers.dramatiq_peer import DRAMATIQ
from benchmarks.peers.huey_peer import HUEY
from benchmarks.peers.peer import Peer
from benchmarks.peers.pgqueuer_peer import PGQUEUER

PEERS: tuple[Peer, ...] = (DRAMATIQ, HUEY, PGQUEUER, CELERY)

__all__ = ["PEERS", "Peer"]
