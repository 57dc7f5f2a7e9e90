"""A null in any optional field that Tether reads means the same as a field that is absent.

ARM's specifications allow both. The reads are Tether's own: what stands between ARM and the struct is tried too.
"""

from collections.abc import Awaitable, Callable, Iterator
from copy import deepcopy
from typing import Any

import msgspec
import pytest

from functions.arm import reads, subnets
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.arm.understood import one
from functions.fleet.model import decode_hook
from functions.fleet.subnet_model import Subnet
from tests.fidelity.recorded_arm import RecordedArm, ask, shows
from tests.fidelity.recorded_resources import printed
from tests.fidelity.test_models import TYPES, structs_in

type Json = dict[str, Any]
type Read = Callable[[Session, ResourceId], Awaitable[object]]

_subnet = msgspec.json.Decoder(Subnet, dec_hook=decode_hook)


async def subnet(session: Session, subnet_id: ResourceId) -> Subnet:
    """As fleet/observe_subnets.py reads it: the body is kept whole beside the struct."""
    return one(_subnet, await subnets.read(session, subnet_id))


READS: dict[str, Read] = {
    "subnets": subnet,
    "managedClusters": reads.managed_cluster,
    "virtualNetworks": reads.virtual_network,
    "virtualNetworkLinks": reads.link,
    "routeTables": reads.route_table,
    "privateEndpoints": reads.private_endpoint,
    "networkInterfaces": reads.network_interface,
    "loadBalancers": reads.load_balancer,
    "A": reads.record_set,
}


def read(kind: str, body: Json) -> object:
    resource = ResourceId(body["id"])
    return ask(RecordedArm({"GET": [shows(body)]}), lambda session: READS[kind](session, resource))


def optional_fields(struct: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of each field that a struct reads and does not need."""
    for field in msgspec.structs.fields(struct):
        path = (*above, field.encode_name)
        if not field.required:
            yield path
        for inner in structs_in(field.type):
            yield from optional_fields(inner, path)


def holders(body: Any, path: tuple[str, ...]) -> Iterator[Json]:
    """The objects that hold the last field of a path, each item of a list being one."""
    if isinstance(body, list):
        for item in body:
            yield from holders(item, path)
    elif isinstance(body, dict) and path[0] in body:
        if len(path) == 1:
            yield body
        else:
            yield from holders(body[path[0]], path[1:])


def cases() -> Iterator[Any]:
    """Each optional field that some recorded body prints, with the first body that prints it."""
    for kind in READS:
        for path in optional_fields(TYPES[kind][0]):
            name = next((name for name, body in printed(kind).items() if any(holders(body, path))), None)
            if name is not None:
                yield pytest.param(kind, name, path, id=f"{kind} {'.'.join(path)}")


@pytest.mark.parametrize(("kind", "name", "path"), list(cases()))
def test_a_null_means_the_same_as_an_absent_field(kind: str, name: str, path: tuple[str, ...]) -> None:
    body = printed(kind)[name]
    null, absent = deepcopy(body), deepcopy(body)
    for holder in list(holders(null, path)):
        holder[path[-1]] = None
    for holder in list(holders(absent, path)):
        del holder[path[-1]]
    assert null != body
    assert read(kind, null) == read(kind, absent)


@pytest.mark.parametrize("kind", ["managedClusters", "virtualNetworkLinks"])
def test_a_null_as_the_value_of_a_tag_hides_nothing_else(kind: str) -> None:
    body = deepcopy(next(body for body in printed(kind).values()))
    tagged, plain = {**body, "tags": {"odd": None, "team": "a"}}, {**body, "tags": {"team": "a"}}
    assert read(kind, tagged) == read(kind, plain)
