"""Rule 9: what others keep undoing is not done for ever, and not everything is taken away in one hour."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from functions.arm.errors import ArmError
from functions.dns.record import Owner, Record
from functions.dns.target import TargetError, Trouble
from functions.fleet.seen import NOT_ASKED, Links, RecordSeen, Seen
from functions.fleet.subnet_model import SubnetSeen
from functions.handlers.verdict import Action, Change, Linking, Recording, Routing
from functions.ledger.hour import Claim, Hour
from functions.ledger.routed import Routed
from functions.ledger.state import UNTOLD, Entry, Observed
from functions.plan import Approval, key, plan_id
from functions.restraint import left_untold, made_and_undone, remade_too_often, tug_of_war, within_limit
from tests.unit.subnets import SUBNET, TABLE, a_subnet
from tests.unit.test_api_server_records import TARGET
from tests.unit.worlds import AT, CLUSTER_ID, HUB, OTHER_HUB, ZONE, seen

HOUR = 3600.0


def a_change(action: Action = Action.CREATE, name: str = "hub") -> Change:
    return Change("zone_links", ZONE.child("virtualNetworkLinks", name), action, Linking(HUB), "")


def after(remembered: Observed, at: float = AT, *, complete: bool = True) -> Seen:
    """A zone whose links are all listed, with what the ledger remembers of it."""
    return replace(seen(links=Links((), complete=complete), remembered=remembered), at=at)


@pytest.mark.parametrize(
    ("linked", "reversals", "made"),
    [
        pytest.param((), (), True, id="never linked before"),
        pytest.param((str(OTHER_HUB),), (), True, id="another hub was linked"),
        pytest.param((str(HUB),), (), True, id="undone for the first time"),
        pytest.param((str(HUB).upper(),), (AT - HOUR,), True, id="undone for the second"),
        pytest.param((str(HUB),), (AT - 2 * HOUR, AT - HOUR), False, id="undone for the third within a day"),
        pytest.param((str(HUB),), (AT - 30 * HOUR, AT - 25 * HOUR), True, id="the earlier ones are older than a day"),
    ],
)
def test_a_link_that_others_keep_removing(linked: tuple[str, ...], reversals: tuple[float, ...], made: bool) -> None:
    verdict = tug_of_war([a_change()], after(Observed(hubs=linked, reversals=reversals)))
    assert bool(verdict.changes) is made
    assert [finding.code for finding in verdict.findings] == ([] if made else ["tug-of-war"])


def test_what_is_given_up_stays_given_up_for_the_day_and_no_longer() -> None:
    given_up = Observed(hubs=(str(HUB),), reversals=(AT - 3 * HOUR, AT - 2 * HOUR, AT - HOUR))
    again = tug_of_war([a_change()], after(given_up))
    assert (again.changes, again.given_up, again.reversals) == ((), (a_change(),), given_up.reversals)
    assert tug_of_war([a_change()], after(given_up, AT + 24 * HOUR)).changes


PLACE, ADDRESSES = "privatelink.westeurope.azmk8s.io", frozenset({ip_address("10.1.0.4")})
RECORDED = Change(
    "api_server_records", ZONE, Action.CREATE,
    Recording(PLACE, "api.contoso.example", Record(), ADDRESSES, 60, Owner("platform-test", CLUSTER_ID)), "",
)  # fmt: skip
ROUTED = Change("route_tables", SUBNET, Action.UPDATE, Routing(SUBNET, TABLE, b""), "")


def a_record(held: Record | TargetError, place: str = PLACE) -> RecordSeen:
    return RecordSeen(TARGET, place, held)


@pytest.mark.parametrize(
    ("change", "world", "counts"),
    [
        pytest.param(a_change(), seen(links=Links((), complete=True)), True, id="all links were listed"),
        pytest.param(a_change(), seen(links=Links()), False, id="not all links were listed"),
        pytest.param(a_change(), seen(links=NOT_ASKED), False, id="no link was asked for"),
        pytest.param(RECORDED, seen(records=(a_record(Record()),)), True, id="the record was read"),
        pytest.param(
            RECORDED,
            seen(records=(a_record(TargetError(Trouble.UNREACHABLE, "no")),)),
            False,
            id="the record could not be read",
        ),
        pytest.param(RECORDED, seen(records=(a_record(Record(), "another place"),)), False, id="another was read"),
        pytest.param(RECORDED, seen(), False, id="no record was asked for"),
        pytest.param(ROUTED, seen(subnets=(a_subnet(),)), True, id="the subnet was read"),
        pytest.param(
            ROUTED,
            seen(subnets=(SubnetSeen(SUBNET, ArmError(403, "AuthorizationFailed", "no")),)),
            False,
            id="the subnet could not be read",
        ),
        pytest.param(ROUTED, seen(), False, id="no subnet was asked for"),
    ],
)
def test_only_what_was_read_and_is_not_there_counts_as_undone(change: Change, world: Seen, counts: bool) -> None:
    kept = {"hubs": (str(HUB),), "records": (RECORDED.kept,), "routed": Routed(kept=(ROUTED.kept,))}
    for before in ((), (AT - 2 * HOUR, AT - HOUR)):
        verdict = tug_of_war([change], replace(world, remembered=Observed(**kept, reversals=before)))
        assert verdict.reversals == ((*before, AT) if counts else before)
        assert bool(verdict.changes) is not (counts and bool(before))


def test_each_undoing_is_remembered_once_a_pass() -> None:
    assert tug_of_war([a_change(), a_change()], after(Observed(hubs=(str(HUB),)))).reversals == (AT,)
    assert tug_of_war([], after(Observed(hubs=(str(HUB),), reversals=(AT - HOUR,)))).reversals == (AT - HOUR,)


def an_intent(
    ago: float,
    result: str = "",
    error: str = "",
    handler: str = "zone_links",
    name: str = "hub",
    *,
    again: bool = False,
    place: str = str(HUB),
) -> Entry:
    target = str(a_change(name=name).target).upper()
    return Entry(
        subject=ZONE, id=str(ago), at=AT - ago, cause="c", handler=handler, action="create", target=target,
        reason="r", result=result, error=error, again=again, place=place,
    )  # fmt: skip


HOURS = (HOUR, 2 * HOUR, 3 * HOUR)


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        pytest.param([], False, id="none"),
        pytest.param([an_intent(HOUR), an_intent(2 * HOUR)], False, id="two that say nothing"),
        pytest.param([an_intent(ago) for ago in HOURS], True, id="three"),
        pytest.param([an_intent(ago, "unknown", UNTOLD) for ago in HOURS], True, id="three that were closed since"),
        pytest.param([an_intent(ago, "unknown", "no answer") for ago in HOURS], False, id="three without an answer"),
        pytest.param([an_intent(ago, "started") for ago in HOURS], False, id="three that the row knows of"),
        pytest.param([an_intent(ago * 8) for ago in HOURS], False, id="two of them a day old"),
        pytest.param([an_intent(ago, handler="api_server_records") for ago in HOURS], False, id="of another concern"),
        pytest.param([an_intent(ago, name="other") for ago in HOURS], False, id="of another target"),
    ],
)
def test_a_change_over_which_workers_keep_dying(entries: list[Entry], left: bool) -> None:
    finding = left_untold(entries, a_change(), AT)
    assert (finding.code if finding else None) == ("tug-of-war" if left else None)


CLAIM = Claim("mine", "s", AT)


def an_hour(taken: int, fleet: int) -> Hour:
    return Hour(fleet, tuple(Claim(f"other-{nth}", "s", AT - nth) for nth in range(taken)))


@pytest.mark.parametrize(
    ("entries", "stopped"),
    [
        pytest.param([], False, id="none"),
        pytest.param([an_intent(ago, "started") for ago in HOURS[:2]], False, id="two that Azure took"),
        pytest.param([an_intent(ago, "started") for ago in HOURS], True, id="three that Azure took"),
        pytest.param([an_intent(ago, "applied") for ago in HOURS], True, id="three that are done"),
        pytest.param([an_intent(ago, "refused") for ago in HOURS], False, id="three that failed"),
        pytest.param([an_intent(ago, "retry") for ago in HOURS], False, id="three that Azure turned down for now"),
        pytest.param([an_intent(ago, "unknown") for ago in HOURS], False, id="three without an answer"),
        pytest.param([an_intent(ago * 3, "started") for ago in HOURS], False, id="two from before the cluster"),
        pytest.param([an_intent(ago, "started", name="other") for ago in HOURS], False, id="of another target"),
    ],
)
def test_a_change_that_azure_took_three_times_and_that_is_not_there(entries: list[Entry], stopped: bool) -> None:
    finding = made_and_undone(entries, a_change(), AT - 5 * HOUR)
    assert (finding.code if finding else None) == ("tug-of-war" if stopped else None)


@pytest.mark.parametrize(
    ("entries", "stopped"),
    [
        pytest.param([], False, id="none"),
        pytest.param([an_intent(HOUR, "started", again=True)], False, id="made again once"),
        pytest.param([an_intent(ago, "started", again=True) for ago in HOURS[:2]], True, id="made again twice"),
        pytest.param([an_intent(ago, again=True) for ago in HOURS[:2]], True, id="twice, and workers died over it"),
        pytest.param([an_intent(ago, "retry", again=True) for ago in HOURS], False, id="turned down for now"),
        pytest.param([an_intent(ago, "started") for ago in HOURS], False, id="made anew, and not again"),
        pytest.param([an_intent(ago * 12, "started", again=True) for ago in HOURS], False, id="two of them a day old"),
        pytest.param([an_intent(ago, "started", name="b", again=True) for ago in HOURS], False, id="another target"),
        pytest.param(
            [an_intent(ago, "started", again=True, place="elsewhere") for ago in HOURS], False, id="another place"
        ),
    ],
)
def test_what_the_row_lost_of_its_reversals_is_counted_in_the_journal(entries: list[Entry], stopped: bool) -> None:
    warred = tug_of_war([a_change()], after(Observed(hubs=(str(HUB),))))
    assert warred.remade == (a_change(),)
    counted = remade_too_often(warred, entries, AT)
    assert bool(counted.changes) is not stopped
    assert bool(counted.given_up) is stopped
    assert [finding.code for finding in counted.findings] == (["tug-of-war"] if stopped else [])


@pytest.mark.parametrize(
    ("taken", "fleet", "stopped"),
    [
        pytest.param(0, 1, False, id="three are always allowed"),
        pytest.param(2, 1, False, id="the third"),
        pytest.param(3, 1, True, id="the fourth"),
        pytest.param(29, 100, False, id="within the share"),
        pytest.param(30, 100, True, id="beyond it"),
    ],
)
def test_removals_of_an_hour(taken: int, fleet: int, stopped: bool) -> None:
    changes = [a_change(Action.DELETE), a_change(Action.CREATE, "other")]
    verdict = within_limit(changes, ZONE, CLAIM, hour=an_hour(taken, fleet), share=0.3, at=AT)
    assert [change.action for change in verdict.changes] == (
        [Action.CREATE] if stopped else [Action.DELETE, Action.CREATE]
    )
    assert [finding.code for finding in verdict.findings] == (["change-limit"] if stopped else [])
    assert verdict.stopped == (tuple(changes[:1]) if stopped else ())
    assert (verdict.again is not None) is stopped


def test_what_is_stopped_names_its_plan_and_how_to_approve_it() -> None:
    verdict = within_limit([a_change(Action.DELETE)], ZONE, CLAIM, hour=an_hour(3, 1), share=0.3, at=AT)
    (finding,) = verdict.findings
    assert verdict.plan == plan_id([key(a_change(Action.DELETE))])
    assert f"plan {verdict.plan}" in finding.seen
    assert f"POST /api/sweep?approve={verdict.plan}" in finding.advice


def test_what_is_approved_is_made_beyond_the_limit_and_what_is_not_waits() -> None:
    changes = [a_change(Action.DELETE, "approved"), a_change(Action.DELETE, "other")]
    given = Approval(plan="p", changes=frozenset({key(changes[0])}), at=AT, by="ann")
    verdict = within_limit(changes, ZONE, CLAIM, hour=an_hour(3, 1), share=0.3, at=AT, approvals=[given])
    assert (verdict.changes, verdict.stopped) == ((changes[0],), (changes[1],))
