"""Mistakes with subnets and failed clusters, put into Tether on purpose, to see that the simulation finds them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import PropertyMock, patch

import msgspec

from functions import passed, permission
from functions.arm import subnets
from functions.fleet import creation
from functions.fleet.model import ManagedCluster
from functions.fleet.seen import Seen
from functions.fleet.subnet_model import Subnet
from functions.handlers import failed_clusters, route_tables
from functions.handlers.failed_cluster_causes import MENDED
from functions.handlers.verdict import Verdict
from functions.ledger.making import Making
from functions.restraint import Restrained
from tests.scenarios.record_bugs import no_intent


@contextmanager
def put_after_it_was_up() -> Iterator[None]:
    """Once a cluster was seen Creating, whatever fails is its creation."""
    real = creation.making

    def making(seen: Seen) -> Making | None:
        return real(seen) or seen.remembered.making

    with ExitStack() as stack:
        for module in (creation, passed, failed_clusters):
            stack.enter_context(patch.object(module, "making", making))
        for module in (failed_clusters, route_tables):
            stack.enter_context(patch.object(module, "creation_failed", _failed))
        yield


def _failed(seen: Seen) -> bool:
    return seen.cluster is not None and seen.cluster.failed


@contextmanager
def scaling_for_creation() -> Iterator[None]:
    """What somebody asked for since the last look is not compared with what the creation asked for."""
    with patch.object(creation, "_asks_for_the_same", lambda *_: True):
        yield


@contextmanager
def known_properties_only() -> Iterator[None]:
    """A subnet is put with the properties that its author knew of."""
    real = subnets.with_table

    def with_table(body: bytes, table: Any) -> bytes:
        sent = msgspec.json.decode(real(body, table))
        sent["properties"].pop("notYetInvented", None)
        return msgspec.json.encode(sent)

    with patch.object(subnets, "with_table", with_table):
        yield


@contextmanager
def no_if_match() -> Iterator[None]:
    """A subnet is put without its ETag."""
    with patch.object(subnets, "etag", lambda _: None):
        yield


@contextmanager
def judged_as_it_was() -> Iterator[None]:
    """A subnet that changed since it was judged is put all the same, as it was then."""
    real = subnets.with_table
    judged: dict[str, bytes] = {}

    def changed_parts(seen: bytes, _: bytes) -> tuple[str, ...]:
        judged["body"] = seen
        return ()

    def with_table(_: bytes, table: Any) -> bytes:
        return real(judged["body"], table)

    with patch.object(subnets, "changed_parts", changed_parts), patch.object(subnets, "with_table", with_table):
        yield


@contextmanager
def nothing_kept_of_before() -> Iterator[None]:
    """The journal does not keep what the subnet was."""
    with patch.object(subnets, "restorable", lambda _: '{"properties": {}}'):
        yield


@contextmanager
def foreign_table_replaced() -> Iterator[None]:
    """A subnet with somebody else's table counts as one without."""
    real: Any = route_tables._of_subnet

    def of_subnet(seen: Seen, cluster: ManagedCluster, policy: Any, one: Any, tables: Any) -> Verdict:
        if one.foreign is not None:
            properties = msgspec.structs.replace(one.held.properties, route_table=None)
            one = replace(one, held=msgspec.structs.replace(one.held, properties=properties), foreign=None)
        return real(seen, cluster, policy, one, tables)

    alone = patch.object(route_tables, "_sibling_with_another", lambda *_: None)
    with patch.object(route_tables, "_of_subnet", of_subnet), alone:
        yield


@contextmanager
def attached_while_busy() -> Iterator[None]:
    """AKS may be at work on the cluster."""
    always = PropertyMock(return_value=True)
    with patch.object(ManagedCluster, "settled", always), patch.object(route_tables, "creation_failed", lambda _: True):
        yield


@contextmanager
def company_overlooked() -> Iterator[None]:
    """Nobody asks who else is in the subnet."""
    with patch.object(route_tables, "doubts_of_company", lambda *_: ()):
        yield


@contextmanager
def absent_list_trusted() -> Iterator[None]:
    """A list of addresses that Azure leaves out counts as an empty one."""
    with patch.object(Subnet, "lists", lambda *_: True):
        yield


@contextmanager
def unread_routes() -> Iterator[None]:
    """A table is taken for AKS's by its name."""
    with patch.object(route_tables, "doubts_of_table", lambda *_: ()):
        yield


@contextmanager
def endless_tug() -> Iterator[None]:
    """What others undo is made again, however often."""
    uncounted = patch.object(permission, "made_and_undone", lambda *_: None)
    with uncounted, patch.object(permission, "tug_of_war", lambda changes, *_: Restrained(tuple(changes))):
        yield


@contextmanager
def cause_taken_for_mended() -> Iterator[None]:
    """A cluster is put again whatever made it fail."""
    with patch.object(failed_clusters, "mending", lambda *_: MENDED):
        yield


@contextmanager
def uncounted_puts() -> Iterator[None]:
    """A cluster is put again until it comes up."""
    with patch.object(failed_clusters, "MOST_PUTS", 99):
        yield


@contextmanager
def left_failed() -> Iterator[None]:
    """Nobody sees to clusters that could not be made."""
    with patch.object(failed_clusters, "decide", lambda *_: Verdict()):
        yield


BUGS: dict[str, Callable[[], Any]] = {
    "put-after-it-was-up": put_after_it_was_up,
    "scaling-for-creation": scaling_for_creation,
    "known-properties-only": known_properties_only,
    "no-if-match": no_if_match,
    "judged-as-it-was": judged_as_it_was,
    "nothing-kept-of-before": nothing_kept_of_before,
    "foreign-table-replaced": foreign_table_replaced,
    "attached-while-busy": attached_while_busy,
    "company-overlooked": company_overlooked,
    "absent-list-trusted": absent_list_trusted,
    "unread-routes": unread_routes,
    "endless-tug": endless_tug,
    "cause-taken-for-mended": cause_taken_for_mended,
    "uncounted-puts": uncounted_puts,
    "left-failed": left_failed,
    "no-intent": no_intent,
}
