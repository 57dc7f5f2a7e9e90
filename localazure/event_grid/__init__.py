"""Event Grid: what the local Azure does, delivered to subscribers at least once and in no order."""

from localazure.event_grid.faults import DeliveryFaults
from localazure.event_grid.subscription import DeadLetter, Delivery, Endpoint, Filter, Schema, Subscription
from localazure.event_grid.topic import EventGrid, SubscriptionRefused

__all__ = [
    "DeadLetter",
    "Delivery",
    "DeliveryFaults",
    "Endpoint",
    "EventGrid",
    "Filter",
    "Schema",
    "Subscription",
    "SubscriptionRefused",
]
