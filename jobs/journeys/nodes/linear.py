"""The nodes with one way out."""

from collections.abc import Mapping

from jobs.journeys.nodes.node import Node, NodeKey


class LinearNode(Node):
    """A node that every contact leaves by ``next``."""

    next: NodeKey

    def edges(self) -> Mapping[str, str]:
        return {"next": self.next}
