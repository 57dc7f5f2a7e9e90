"""When our links go: with the cluster whose zone they are on, and never sooner (rule 9)."""

from functions.arm.operations import LOST, Operation, Progress
from functions.fleet.network_model import Link
from functions.fleet.seen import Seen
from functions.handlers import zone_link_findings as findings
from functions.handlers.link_names import HANDLER, link_id
from functions.handlers.verdict import Action, Change, Linking, Verdict, soonest
from functions.policy import OWNER_TAG, Policy

# A cluster is gone when ARM does not know it in two passes so far apart (rule 9).
GONE_AFTER = 600.0  # seconds

# How long a removal may take before it is looked at again; Azure names 30 s.
_WAIT = 30.0


def decide(seen: Seen, policy: Policy) -> Verdict:
    """What becomes of our links on a zone whose cluster ends. Needs all links; looks again at once without them.

    the cluster                             our links
    Deleting                                removed, so that AKS can delete the zone (azure-cli#15010)
    Failed, and was seen Deleting           removed
    unknown to ARM, for the first time      stay, and are looked at again after ten minutes
    unknown to ARM, ten minutes later       removed
    unknown to ARM, and no link of ours     finding: nobody's zone under a name of AKS's
    any, and its zone is gone               are gone with it
    """
    if not seen.links.complete:
        return Verdict(look_again=0.0)
    if not seen.links.zone_is_there:
        return Verdict()
    ours = [link for link in seen.links.known if is_ours(link, seen, policy)]
    if seen.cluster_is_gone and not ours:
        reason = "the cluster that its resource group names does not exist"
        return Verdict(findings=(findings.ownership_not_proven(seen.place, reason),))
    if seen.cluster_is_gone and not gone_for_long(seen):
        since = seen.remembered.gone_since or seen.at
        return Verdict(look_again=max(1.0, since + GONE_AFTER - seen.at))
    running = [link for link in ours if _is_going(link, seen)]
    why = f"the cluster of the zone {seen.place.name} {'is gone' if seen.cluster_is_gone else 'is being deleted'}"
    changes = tuple(remove(link, seen, why) for link in ours if link not in running)
    awaited = tuple(_awaited(link, seen) for link in running)
    return Verdict(changes, (), soonest(*(operation.due - seen.at for operation in awaited)), awaited)


def is_ours(link: Link, seen: Seen, policy: Policy) -> bool:
    """Ours means the tag carries our owner, and the name is the one that we would give (rule 9)."""
    network = link.properties.virtual_network
    return (
        network is not None
        and (link.tags or {}).get(OWNER_TAG) == policy.owner
        and link.id == link_id(seen.place, network.id, policy.owner)
    )


def gone_for_long(seen: Seen) -> bool:
    """Whether a cluster was found missing ten minutes ago, and not found since (rule 9)."""
    since = seen.remembered.gone_since
    return 0.0 < since <= seen.at - GONE_AFTER


def _is_going(link: Link, seen: Seen) -> bool:
    looked = seen.operation_on(link.id)
    return looked is not None and looked.progress is Progress.RUNNING


def _awaited(link: Link, seen: Seen) -> Operation:
    looked = seen.operation_on(link.id)
    pause = _WAIT if looked is None or looked.pause is None else looked.pause
    address, since = (LOST, seen.at) if looked is None else (looked.operation.address, looked.operation.since)
    return Operation(link.id, address, since, seen.at + pause)


def remove(link: Link, seen: Seen, why: str) -> Change:
    """The removal of a link of ours, as it was read."""
    network = link.properties.virtual_network
    assert network is not None  # is_ours has seen it
    return Change(
        handler=HANDLER,
        target=link.id,
        action=Action.DELETE,
        wants=Linking(network.id, etag=link.etag),
        reason=why,
        before=f"link to {network.id}",
    )
