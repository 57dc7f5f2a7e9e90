"""What a person sees of an API server that moves, and of the records that follow it."""

from functions.dns.target import Trouble
from functions.http.routes import CLUSTER
from functions.policy import Policy, RecordTarget, Tsig
from localazure.aks.maintenance import maintenance, set_approval
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy
from tests.unit.http.desks import TEAM, Caller, call

ZONE = "privatelink.westeurope.azmk8s.io"
TARGET = RecordTarget(
    zone=ZONE, authoritative=True, servers=("10.0.0.4",), tsig=Tsig(name="tether.", secret="@env:TSIG_SECRET")
)


def keeping_records(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub, records=(TARGET,))


def test_a_move_and_what_the_targets_hold_are_shown() -> None:
    async def story(here: Story, caller: Caller) -> None:
        cluster = await here.create()
        await here.passes(1500)
        (address,) = await maintenance(here.azure, cluster)
        await here.passes(120)
        told = await caller.ask(CLUSTER, **TEAM)
        assert told.body["addresses"] == [address]
        assert told.body["addressInDoubt"] == ""
        (target,) = told.body["targets"]
        assert (target["place"], target["addresses"], target["ttl"]) == (TARGET.place, [address], 60)
        assert target["owners"][0].endswith(f"cluster={told.body['id']}")
        assert (told.body["move"]["old"], told.body["move"]["new"]) == ("10.1.0.4", address)

    call(story, keeping_records)


def test_a_target_that_does_not_answer_says_so_and_spoils_nothing_else() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.create()
        await here.passes(1500)
        here.servers[ZONE].trouble = Trouble.UNREACHABLE
        told = await caller.ask(CLUSTER, **TEAM)
        (target,) = told.body["targets"]
        assert "unreachable" in target["trouble"]
        assert target["addresses"] == []
        assert told.body["addresses"] == ["10.1.0.4"]
        assert "record-target-unreachable" in [finding["code"] for finding in told.body["findings"]]

    call(story, keeping_records)


def test_an_endpoint_that_is_not_approved_leaves_the_address_in_doubt() -> None:
    async def story(here: Story, caller: Caller) -> None:
        cluster = await here.create()
        await here.passes(1500)
        set_approval(here.azure, cluster, "Rejected")
        told = await caller.ask(CLUSTER, **TEAM)
        assert told.body["addressInDoubt"].startswith("not-approved: ")

    call(story, keeping_records)
