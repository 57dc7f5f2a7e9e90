"""A name that is linked is not yet one that resolves: the real loop, in virtual time, asking the local Azure's DNS."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from functions.around import Around
from functions.dns.ask import Asker, Over, Server
from functions.dns.record import NO_RECORD
from functions.dns.target import TargetError, Trouble
from functions.dns.wire import Question
from functions.fleet.observe import Depth
from functions.ledger.reports import DriftReport
from functions.ledger.state import Observed
from functions.policy import Policy, RecordTarget, Resolution, Tsig
from functions.reconcile import consider
from functions.sweep import sweep
from functions.telemetry import Milestone, Silent
from functions.work import Work
from localazure.aks.maintenance import maintenance
from localazure.dns_answers import DnsFaults, answer
from localazure.resolver import ResolverRules
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy, lines, tell

RESOLVER = "10.0.0.4"


@dataclass
class Ears:
    """What a story's Tether asks, and hears."""

    here: Story
    faults: DnsFaults = field(default_factory=DnsFaults)
    asked: list[tuple[str, Over]] = field(default_factory=list[tuple[str, Over]])
    slow: float = 0.0  # seconds before each reply
    large: frozenset[str] = frozenset()  # servers that reply with far too much

    async def exchange(self, server: Server, asked: Question, over: Over, within: float) -> bytes:
        self.asked.append((server[0], over))
        await asyncio.sleep(self.slow)
        if server[0] in self.large:
            return asked.message(1)[:2] + b"\x84\x00" + asked.message(1)[4:] + b"\xc0\x0c" * 32_000
        reply = answer(self.here.azure, server[0], asked.message(1), over, self.faults)
        if reply is None:
            raise TargetError(Trouble.UNREACHABLE, f"no answer within {within:g} s")
        return reply


def listening(here: Story) -> Ears:
    ears = Ears(here)
    around = cast("Around", here.live.around)
    here.live = replace(here.live, around=replace(around, asker=Asker(ears.exchange)))
    return ears


class Milestones(Silent):
    def __init__(self) -> None:
        self.told: list[tuple[Milestone, float]] = []

    def reached(self, milestone: Milestone, seconds: float) -> None:
        self.told.append((milestone, seconds))


@pytest.fixture
def milestones(monkeypatch: pytest.MonkeyPatch) -> Milestones:
    told = Milestones()
    monkeypatch.setattr("functions.passed.telemetry", lambda: told)
    return told


def asking(world: HubAndSpoke) -> Policy:
    return a_policy(world, resolution=Resolution(enabled=True))


def name_of(here: Story, cluster: str) -> str:
    held = here.azure.store.get(cluster)
    assert held is not None
    return str(held.properties["privateFQDN"])


async def remembered(here: Story) -> Observed:
    (row,) = await here.ledger.rows()
    return row.observed


async def swept(here: Story) -> DriftReport:
    return await sweep(cast("Around", here.live.around), here.queue, here.live.ledger, here.live.reports)


def test_a_no_that_was_cached_too_early_is_told_with_its_end_and_then_the_name_resolves(
    caplog: pytest.LogCaptureFixture, milestones: Milestones
) -> None:
    async def story(here: Story) -> None:
        caplog.set_level("INFO", "tether")
        listening(here)
        cluster = await here.create()
        await here.passes(3)
        too_early = here.azure.resolvers.hub_lookup(RESOLVER, name_of(here, cluster))
        await here.passes(200)
        assert "hub-westeurope" in here.links()
        (told,) = lines(caplog, "finding")
        assert told["code"] == "negative-answer-cached"
        observed = await remembered(here)
        assert observed.findings == ("negative-answer-cached",)
        assert observed.answers_until == pytest.approx(too_early.until, abs=2)
        assert Milestone.RESOLVING not in dict(milestones.told)

        await here.passes(600)
        assert here.state(cluster) == "Succeeded"
        observed = await remembered(here)
        assert (observed.findings, observed.answers_until) == ((), 0.0)
        (seconds,) = [seconds for milestone, seconds in milestones.told if milestone is Milestone.RESOLVING]
        assert too_early.until is not None
        assert 0 <= observed.resolved - too_early.until <= 5  # it looked when the no was over, and not much later
        assert seconds == observed.resolved - observed.born

    tell(story, asking)


def test_tether_never_asks_before_the_name_can_resolve(milestones: Milestones) -> None:
    """Else its own question would be the one that leaves a "no such name" with the resolver."""

    async def story(here: Story) -> None:
        ears = listening(here)
        cluster = await here.create()
        while not ears.asked:
            await here.passes(1)
        assert here.azure.resolvers.hub_lookup(RESOLVER, name_of(here, cluster)).addresses
        assert ears.asked == [(RESOLVER, "udp"), (RESOLVER, "tcp")]
        assert dict(milestones.told)[Milestone.RESOLVING] < 180

    tell(story, asking)


def test_without_a_forwarder_the_name_does_not_resolve_though_all_is_linked(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        caplog.set_level("INFO", "tether")
        here.azure.resolvers.rules = ResolverRules(without_forwarder=frozenset({RESOLVER}))
        listening(here)
        await here.create()
        await here.passes(900)
        told = [line for line in lines(caplog, "finding") if line["handler"] == "resolution"]
        assert list(dict.fromkeys(line["code"] for line in told)) == ["negative-answer-cached", "does-not-resolve"]

        here.azure.resolvers.rules = ResolverRules()
        here.azure.resolvers.flush(RESOLVER)
        await here.passes(1800)
        assert (await remembered(here)).findings == ("cluster-creation-failed",), "the name resolves, and came too late"

    tell(story, asking)


def test_after_a_move_the_old_address_is_waited_for_and_is_no_finding(
    caplog: pytest.LogCaptureFixture, milestones: Milestones
) -> None:
    async def story(here: Story) -> None:
        caplog.set_level("INFO", "tether")
        ears = listening(here)
        cluster = await here.create()
        await here.passes(900)
        before = (await remembered(here)).address
        here.azure.resolvers.flush(RESOLVER)
        here.azure.resolvers.hub_lookup(RESOLVER, name_of(here, cluster))  # some client keeps it for its TTL
        await maintenance(here.azure, cluster)
        ears.asked.clear()
        await here.passes(900)
        observed = await remembered(here)
        assert observed.address != before
        assert len(ears.asked) >= 4, "once when it moved, and once when the TTL was over"
        assert here.azure.resolvers.hub_lookup(RESOLVER, name_of(here, cluster)).addresses == (observed.address,)
        assert not {told["code"] for told in lines(caplog, "finding")} & {"wrong-address", "negative-answer-cached"}
        assert [milestone for milestone, _ in milestones.told].count(Milestone.RESOLVING) == 1

    tell(story, asking)


def test_resolvers_that_nobody_reaches_are_one_finding_of_the_sweep_and_none_of_a_cluster(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(here: Story) -> None:
        caplog.set_level("INFO", "tether")
        listening(here).faults = DnsFaults(drop_udp=True, tcp_blocked=True)
        for name in ("team", "other", "third"):
            await here.create(name)
        await here.passes(900)
        assert lines(caplog, "finding") == []
        report = await swept(here)
        assert report.findings == {"resolvers-unreachable": 1}
        assert report.found[0].target.endswith("/virtualNetworks/spoke-1")
        assert RESOLVER in report.found[0].seen

    tell(story, asking)


@pytest.mark.parametrize(
    ("faults", "found"),
    [
        pytest.param(DnsFaults(), {}, id="all is well"),
        pytest.param(DnsFaults(tcp_blocked=True), {"dns-tcp-blocked": 1}, id="TCP blocked, told once for the server"),
        pytest.param(DnsFaults(drop_udp=True), {"dns-udp-blocked": 1}, id="UDP blocked, told once for the server"),
        pytest.param(DnsFaults(servfail=True), {"resolver-fails": 2}, id="SERVFAIL, told of each name"),
        pytest.param(DnsFaults(truncate=True), {}, id="cut short, and whole over TCP"),
        pytest.param(
            DnsFaults(truncate=True, tcp_blocked=True), {"dns-tcp-blocked": 3}, id="cut short, and nothing over TCP"
        ),
    ],
)
def test_the_sweep_asks_for_every_name_and_queues_nothing_for_the_answers(
    faults: DnsFaults, found: dict[str, int]
) -> None:
    async def story(here: Story) -> None:
        ears = listening(here)
        for name in ("team", "other"):
            await here.create(name)
        await here.passes(900)
        ears.faults, ears.asked = faults, []
        report = await swept(here)
        assert report.findings == found
        assert (report.changes, report.queued) == (0, 0)
        assert ears.asked.count((RESOLVER, "udp")) == 2
        if faults == DnsFaults():
            assert ears.asked.count((RESOLVER, "tcp")) == 1

    tell(story, asking)


def test_slow_servers_leave_names_unasked_and_the_sweep_says_so() -> None:
    async def story(here: Story) -> None:
        ears = listening(here)
        for name in ("team", "other"):
            await here.create(name)
        await here.passes(900)
        began = here.azure.clock.now()
        ears.slow = 150.0
        report = await swept(here)
        assert report.findings == {"resolvers-not-asked": 1}
        assert "the names of 2 clusters" in report.found[0].seen
        assert here.azure.clock.now() - began <= 121

    tell(story, asking)


def test_a_reply_that_is_too_large_is_told_of_its_server_and_the_others_are_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def two_servers(world: HubAndSpoke) -> Policy:
        return a_policy(world, resolution=Resolution(enabled=True, servers=("10.9.9.9",)))

    async def story(here: Story) -> None:
        caplog.set_level("INFO", "tether")
        listening(here).large = frozenset({"10.9.9.9"})
        await here.create()
        await here.passes(900)
        told = {line["code"]: line["seen"] for line in lines(caplog, "finding")}
        assert list(told) == ["resolver-fails"]
        assert "10.9.9.9: a reply that cannot be read: it has" in str(told["resolver-fails"])
        assert RESOLVER not in str(told["resolver-fails"])

    tell(story, two_servers)


def test_what_is_said_over_tcp_alone_counts_as_well() -> None:
    async def story(here: Story) -> None:
        ears = listening(here)
        await here.create()
        await here.passes(3600)
        here.azure.resolvers.rules = ResolverRules(without_forwarder=frozenset({RESOLVER}))
        here.azure.resolvers.flush(RESOLVER)
        ears.faults = DnsFaults(drop_udp=True)
        assert (await swept(here)).findings == {"dns-udp-blocked": 1, "does-not-resolve": 1}

    tell(story, asking)


def test_hubs_that_the_policy_names_do_not_keep_the_spokes_servers_from_being_asked() -> None:
    def named(world: HubAndSpoke) -> Policy:
        return a_policy(world, world.hub, resolution=Resolution(enabled=True))

    async def story(here: Story) -> None:
        ears = listening(here)
        await here.create()
        await here.passes(900)
        assert ears.asked
        ears.asked = []
        await swept(here)
        assert ears.asked

    tell(story, named)


def test_while_nodes_wait_for_a_link_nobody_is_asked_whatever_is_remembered() -> None:
    def named(world: HubAndSpoke) -> Policy:
        return a_policy(world, resolution=Resolution(enabled=True, servers=(RESOLVER,)))

    async def story(here: Story) -> None:
        ears = listening(here)
        await here.create()
        await here.passes(900)
        ears.asked = []
        work = Work(target=here.zone, why="zone-written", cause="test", since=here.azure.clock.now())
        around, before = cast("Around", here.live.around), await remembered(here)
        assert (await consider(work, around, Depth.URGENT, before)).ended == "decided"
        assert ears.asked == []
        await consider(work, around, Depth.MOVED, before)
        assert ears.asked == [(RESOLVER, "udp"), (RESOLVER, "tcp")]

    tell(story, named)


def test_soon_after_a_record_was_written_its_servers_are_asked_for_it() -> None:
    served = "privatelink.westeurope.azmk8s.io"
    tsig = Tsig(name="tether.", secret="@env:TSIG_SECRET")
    target = RecordTarget(zone=served, servers=("10.0.0.4:53",), tsig=tsig, authoritative=True)

    def keeping(world: HubAndSpoke) -> Policy:
        return a_policy(world, world.hub, records=(target,), resolution=Resolution(enabled=True))

    async def story(here: Story) -> None:
        ears = listening(here)
        here.azure.resolvers.zones[RESOLVER] = lambda name: tuple(
            str(address) for address in here.servers[served].held.get(name, NO_RECORD).addresses
        )
        cluster = await here.create()
        await here.passes(900)
        here.servers[served].held.clear()  # somebody removes it
        ears.asked = []
        await here.event(cluster, "Microsoft.ContainerService/managedClusters/write")
        await here.passes(15)
        assert here.servers[served].held
        assert ears.asked == [(RESOLVER, "udp"), (RESOLVER, "tcp")]
        assert (await remembered(here)).answers_until == 0.0

    tell(story, keeping)


def test_one_dead_server_among_others_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    def two(world: HubAndSpoke) -> Policy:
        return a_policy(world, resolution=Resolution(enabled=True, servers=("10.9.9.9",)))

    async def story(here: Story) -> None:
        listening(here)
        for name in ("team", "other"):
            await here.create(name)
        await here.passes(900)
        report = await swept(here)
        assert report.findings == {"resolver-unreachable": 1}
        assert "10.9.9.9" in report.found[0].seen

    tell(story, two)


def test_where_it_is_off_nobody_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        ears = listening(here)
        await here.create()
        await here.passes(900)
        await swept(here)
        assert ears.asked == []

    tell(story)
