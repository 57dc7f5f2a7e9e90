"""Who may use the removal limit next: max-min fair between subscriptions, longest waiting first. Pure."""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable

from functions.ledger.hour import Claim


def in_turn(taken: Iterable[Claim], waiting: Iterable[Claim]) -> list[Claim]:
    """All waiting claims in the order in which they get the next free places.

    the subscriptions                                the next place goes to
    one has fewer places (taken, or given here)      that one
    several have as few                              the one whose claim waits longest

    Within a subscription the claim that waits longest is first. So a subscription that asks for much gets what the
    others leave, and one that asks for little never waits for another's second place.
    """
    has = Counter(claim.subscription for claim in taken)
    queues = defaultdict[str, deque[Claim]](deque)
    for claim in sorted(waiting, key=_longest_first):
        queues[claim.subscription].append(claim)
    heads = [(has[name], *_longest_first(queue[0]), name) for name, queue in queues.items()]
    heapq.heapify(heads)
    order: list[Claim] = []
    while heads:
        places, _, _, name = heapq.heappop(heads)
        queue = queues[name]
        order.append(queue.popleft())
        if queue:
            heapq.heappush(heads, (places + 1, *_longest_first(queue[0]), name))
    return order


def _longest_first(claim: Claim) -> tuple[float, str]:
    return claim.at, claim.subject
