"""Resource Graph, as far as it is asked: which management groups stand above a subscription."""

import re
from typing import override

from localazure.answers import Answer, arm_error
from localazure.resources.provider import ArmRequest, ResourceType
from localazure.store import Json

# The one question that is asked so far. A query of another form is refused, never answered with something near it.
_ANCESTORS = re.compile(
    r"resourcecontainers\s*\|\s*where type =~ 'microsoft\.resources/subscriptions'\s*"
    r"\|\s*where subscriptionId =~ '(?P<subscription>[0-9a-f-]{36})'\s*"
    r"\|\s*project id, (?P<column>\w+) = properties\.managementGroupAncestorsChain\s*",
    re.IGNORECASE,
)


class ResourceGraph(ResourceType):
    """`POST /providers/Microsoft.ResourceGraph/resources`, answering in the form `objectArray`.

    Source: REST reference, Azure Resource Graph, Resources - Resources, 2024-04-01; quota headers as in "Guidance for
    throttled requests".
    """

    type = "Microsoft.ResourceGraph/resources"

    @override
    async def post(self, request: ArmRequest) -> Answer:
        question = _ANCESTORS.fullmatch(str(request.sent.get("query", "")))
        if question is None:
            raise arm_error(400, "BadRequest", "The local Resource Graph does not know this form of query.")
        subscription = question["subscription"]
        known = {held.casefold(): chain for held, chain in self.azure.management_groups.items()}
        chain = known.get(subscription.casefold())
        asked = [str(one).casefold() for one in request.sent.get("subscriptions") or [subscription]]
        rows: list[Json] = []
        if chain is not None and subscription.casefold() in asked:
            groups = [{"displayName": name, "name": name} for name in chain]
            rows.append({"id": f"/subscriptions/{subscription}", question["column"]: groups})
        body = {"totalRecords": len(rows), "count": len(rows), "data": rows, "facets": [], "resultTruncated": "false"}
        return Answer(200, body, {"x-ms-user-quota-remaining": "14", "x-ms-user-quota-resets-after": "00:00:05"})
