"""A look at the address alone leaves what is awaited of links, and what was found of them, as it was."""

from functions.policy import Policy, RecordTarget, Tsig
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy, tell

TARGET = RecordTarget(
    zone="privatelink.westeurope.azmk8s.io",
    authoritative=True,
    servers=("10.0.0.4",),
    tsig=Tsig(name="tether.", secret="@env:TSIG_SECRET"),
)
ENDPOINT = "Microsoft.Network/privateEndpoints"


def keeping_records(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub, records=(TARGET,))


async def endpoint_written(here: Story, cause: str) -> None:
    (endpoint,) = here.azure.store.of_type(ENDPOINT)
    await here.event(endpoint.id, f"{ENDPOINT}/write", cause)


async def linking(here: Story) -> None:
    """Until a link of ours is under way, and the endpoint is there."""
    await here.create()
    for _ in range(600):
        await here.passes(1)
        rows = await here.ledger.rows()
        if rows and rows[0].observed.operations and here.azure.store.of_type(ENDPOINT):
            return
    raise AssertionError("no link was ever under way")


def test_a_link_that_is_awaited_stays_so_even_when_every_message_is_lost() -> None:
    async def story(here: Story) -> None:
        await linking(here)
        await endpoint_written(here, "moved-1")
        (row,) = await here.ledger.rows()
        assert row.observed.operations
        assert row.counters.look_at > 0
        here.queue.lose_all()
        await here.passes(300, watching=True)
        assert here.links()["hub-westeurope"] == "ours"
        (row,) = await here.ledger.rows()
        assert row.observed.operations == ()

    tell(story, keeping_records)


def test_what_was_found_of_links_is_not_told_as_mended() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(1500)
        (row,) = await here.ledger.rows()
        assert "no-hub-found" in row.observed.findings
        await endpoint_written(here, "moved-2")
        (row,) = await here.ledger.rows()
        assert "no-hub-found" in row.observed.findings

    tell(story, lambda world: a_policy(world, world.hub, hubs=(), discover_resolvers=False, records=(TARGET,)))
