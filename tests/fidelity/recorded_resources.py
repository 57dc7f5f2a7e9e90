"""Every subnet, route table and cluster that Azure printed in a recorded answer, wherever in the answer it stands."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.fidelity.recorded_traffic import document, names

type Json = dict[str, Any]

EXAMPLES = "33333333-3333-3333-3333-333333333333"
"""The subscription of the specification's examples."""

FOLDERS = ("acr", "aks", "authorization", "dnsresolver", "network", "privatedns", "spec-examples")
"""Those whose answers are resources."""


@cache
def printed(collection: str) -> dict[str, Json]:
    """The resources of a collection (`subnets`), each under its file and place; none when the recordings are absent."""
    found: dict[str, Json] = {}
    for name in [found for folder in FOLDERS for found in names(folder)]:
        for place, answer in _answers(_with_real_subscriptions(document(name))):
            for below, resource in _resources(answer, collection.casefold()):
                found[f"{name}{place}{below}"] = resource
    return found


def _with_real_subscriptions(content: Json) -> Json:
    """Examples name a subscription that is no GUID, and misspell `providers`, which no Azure does."""
    real = re.sub(
        r"(?i)/subscriptions/(subid\d?|\w*subscriptionid)(?=/)", f"/subscriptions/{EXAMPLES}", json.dumps(content)
    )
    return json.loads(real.replace("/provders/", "/providers/"))


def _answers(content: Json) -> Iterator[tuple[str, Any]]:
    for nth, exchange in enumerate(content.get("exchanges", [])):
        yield f"[{nth}]", exchange["response"]["body"]
    for status, answer in content.get("body", {}).get("responses", {}).items() if _is_example(content) else []:
        yield f"[{status}]", answer.get("body")


def _is_example(content: Json) -> bool:
    return isinstance(content.get("body"), dict) and "responses" in content["body"]


def _resources(held: Any, collection: str, place: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(held, list):
        for nth, part in enumerate(held):
            yield from _resources(part, collection, f"{place}.{nth}")
    if isinstance(held, dict):
        if _is_one(held, collection):
            yield place, held
        for key, part in held.items():
            yield from _resources(part, collection, f"{place}.{key}")


def _is_one(held: Json, collection: str) -> bool:
    """Whether it is a whole resource, and no mere reference to one."""
    above = str(held.get("id")).casefold().rpartition("/")[0]
    return above.endswith(f"/{collection}") and isinstance(held.get("properties"), dict)
