"""What is wrong with a policy, in words that say what to write instead of the pattern that did not match."""

import re

_EXPECTED = {
    "subscriptions": "a subscription's GUID",
    "hubSubscriptions": "a subscription's GUID",
    "managementGroups": "a management group's id (not its display name)",
    "excludeTag": "name=value, or a name alone",
    "locations": "a region's name in lower case and without spaces, such as westeurope",
    "secret": "@env:NAME, which names the app setting that holds the secret",
    "namespaces": "the name of a Kubernetes namespace",
    "owner": "1 to 64 letters, digits, dots, hyphens and underscores, the first and the last a letter or a digit",
}
"""By the name of the field. A field that is not here keeps its pattern."""

_PLACE = re.compile(r" - at `(key in )?\$\.?([^`]*)`")
_PATTERN = re.compile(r"`str` matching regex .*(?= \(at )")


def plain(message: str) -> str:
    """A message of msgspec with the place as `hubs[0].vnet`, not `$.hubs[0].vnet`, and words in place of a pattern."""
    text = _PLACE.sub(r" (at \1\2)", message).replace(" (at )", "")
    place = text.rpartition(" (at ")[2].removesuffix(")")
    field = re.sub(r"\[.*?\]", "", place.rpartition(".")[2])
    words = _EXPECTED.get(field)
    return text if words is None else _PATTERN.sub(lambda _: words, text)
