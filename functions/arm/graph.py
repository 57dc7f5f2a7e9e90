"""Azure Resource Graph: what is asked of all of Azure at once."""

import msgspec

from functions.arm.errors import NoAnswerError
from functions.arm.session import Session

_API = "2024-04-01"
_PATH = "/providers/Microsoft.ResourceGraph/resources"


class _Group(msgspec.Struct):
    name: str


class _Row(msgspec.Struct):
    chain: tuple[_Group, ...] | None = None


class _Answer(msgspec.Struct):
    data: tuple[_Row, ...]


_answer = msgspec.json.Decoder(_Answer)


async def ancestors(session: Session, subscription: str) -> frozenset[str]:
    """The names of the management groups above a subscription, in lower case. None are known of one we cannot read.

    `subscription` is a GUID (ResourceId makes sure), so that it can stand in the query. Column: Resource Graph's
    `resourcecontainers`, `properties.managementGroupAncestorsChain`.
    """
    query = (
        "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' "
        f"| where subscriptionId =~ '{subscription}' "
        "| project id, chain = properties.managementGroupAncestorsChain"
    )
    body = {"query": query, "subscriptions": [subscription], "options": {"resultFormat": "objectArray"}}
    try:
        rows = _answer.decode(await session.post(_PATH, _API, body)).data
    except msgspec.MsgspecError as error:
        raise NoAnswerError(f"Resource Graph's answer is not what its documentation says: {error}") from None
    return frozenset(group.name.casefold() for row in rows for group in row.chain or ())
