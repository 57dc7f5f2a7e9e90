"""Places of the removal limit go to subscriptions in turn, and in each to the cluster that waits longest."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.fair_share import in_turn
from functions.ledger.hour import Claim


def claims(told: str) -> list[Claim]:
    """`a1 b2`: cluster 1 of a since 1, cluster 2 of b since 2."""
    return [Claim(word, word[0], float(word[1:])) for word in told.split()]


@pytest.mark.parametrize(
    ("taken", "waiting", "order"),
    [
        pytest.param("", "", "", id="nobody waits"),
        pytest.param("", "a3 a1 a2", "a1 a2 a3", id="one subscription: longest waiting first"),
        pytest.param("", "a1 a2 a3 b9", "a1 b9 a2 a3", id="the second subscription's first before the first's second"),
        pytest.param("", "a1 a3 b2 b4", "a1 b2 a3 b4", id="two that ask for as much take turns"),
        pytest.param("a0", "a1 b9", "b9 a1", id="who had a place this hour comes after who had none"),
        pytest.param("a0 a1 b0", "a2 a3 b7 b8 c9", "c9 b7 a2 b8 a3", id="fewest places first, then longest waiting"),
        pytest.param("c0 c1 c2", "a5 b4", "b4 a5", id="places of those who want nothing more change nothing"),
    ],
)
def test_the_order(taken: str, waiting: str, order: str) -> None:
    assert [claim.subject for claim in in_turn(claims(taken), claims(waiting))] == order.split()


_CLAIMS = st.lists(
    st.builds(
        Claim, subject=st.uuids().map(str), subscription=st.sampled_from("abcd"), at=st.integers(0, 9).map(float)
    ),
    max_size=25,
    unique_by=lambda claim: claim.subject,
)


@given(_CLAIMS, _CLAIMS)
def test_everybody_who_waits_has_a_turn_and_only_one(taken: list[Claim], waiting: list[Claim]) -> None:
    assert sorted(in_turn(taken, waiting), key=repr) == sorted(waiting, key=repr)


@given(_CLAIMS, _CLAIMS, st.integers(0, 25))
def test_the_places_are_shared_max_min(taken: list[Claim], waiting: list[Claim], free: int) -> None:
    """No subscription that still waits has two places fewer than one that got a place now."""
    given_now = in_turn(taken, waiting)[:free]
    has = Counter(claim.subscription for claim in (*taken, *given_now))
    unserved = {claim.subscription for claim in waiting if claim not in given_now}
    got = {claim.subscription for claim in given_now}
    assert all(has[greedy] <= has[poor] + 1 for greedy in got for poor in unserved)


@given(_CLAIMS, _CLAIMS)
def test_in_a_subscription_the_longest_waiting_goes_first(taken: list[Claim], waiting: list[Claim]) -> None:
    order = in_turn(taken, waiting)
    for name in "abcd":
        mine = [claim.at for claim in order if claim.subscription == name]
        assert all(earlier <= later for earlier, later in pairwise(mine))


@given(_CLAIMS, _CLAIMS, st.integers(1, 30))
def test_what_a_subscription_asks_for_besides_never_puts_others_off(
    taken: list[Claim], waiting: list[Claim], more: int
) -> None:
    """However much one asks for, its claims go before another's first only until it has one place more."""
    greedy = [Claim(f"more-{nth}", "a", 0.0) for nth in range(more)]
    before, after = in_turn(taken, waiting), in_turn(taken, [*waiting, *greedy])
    for name in "bcd":
        first = next((claim for claim in before if claim.subscription == name), None)
        if first is None:
            continue
        has = Counter(claim.subscription for claim in taken)
        ahead = [claim for claim in after[: after.index(first)] if claim.subscription == "a"]
        assert len(ahead) <= max(0, has[name] + 1 - has["a"])
