"""ARM paths, taken apart: which resource, collection, action or operation a request is about."""

from dataclasses import dataclass

from localazure.answers import arm_error

GROUPS = "Microsoft.Resources/resourceGroups"
SUBSCRIPTIONS = "Microsoft.Resources/subscriptions"
TENANTS = "Microsoft.Resources/tenants"

# The last but one segment of an operation's address, and whether it is the one for the result.
_OPERATIONS = {
    "privatednsoperationstatuses": False,
    "privatednsoperationresults": True,
    "operations": False,
    "operationresults": True,
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a path is about. `name` is empty for a collection; `operation` is set for an operation's address."""

    id: str
    subscription: str = ""
    resource_group: str = ""
    type: str = ""
    name: str = ""
    action: str = ""
    operation: str | None = None
    is_result: bool = False


def parse_path(path: str, method: str) -> Target:
    """Take an ARM path apart, without regard to case. 404 as ARM says it for what is none."""
    path = "/" + path.strip("/")
    parts = path.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise _invalid(path)
    if [part.casefold() for part in parts] == ["tenants"]:
        return Target(path, type=TENANTS)
    subscription, group, rest = _scope(parts)
    if len(parts) >= 3 and parts[-2].casefold() in _OPERATIONS:
        is_result = _OPERATIONS[parts[-2].casefold()]
        namespace = rest[1] if len(rest) > 1 else "Microsoft.Resources"
        kind = f"{namespace}/{parts[-2]}"
        return Target(path, subscription, group, kind, parts[-1], operation=parts[-1], is_result=is_result)
    if not rest:
        return _of_resources(path, parts, subscription, group)
    if rest[0].casefold() != "providers" or len(rest) < 3:
        raise _invalid(path)
    return _of_provider(path, rest[1], rest[2:], subscription, group, method)


def _scope(parts: list[str]) -> tuple[str, str, list[str]]:
    """Subscription, resource group, and the segments that follow them."""
    subscription = group = ""
    if parts[0].casefold() == "subscriptions":
        subscription, parts = (parts[1] if len(parts) > 1 else ""), parts[2:]
        if parts and parts[0].casefold() == "resourcegroups":
            group, parts = (parts[1] if len(parts) > 1 else ""), parts[2:]
    return subscription, group, parts


def _of_resources(path: str, parts: list[str], subscription: str, group: str) -> Target:
    """Subscriptions and resource groups: they belong to ARM itself."""
    if parts[-1].casefold() == "resourcegroups":
        return Target(path, subscription, "", GROUPS)
    if group:
        return Target(path, subscription, group, GROUPS, group)
    return Target(path, subscription, "", SUBSCRIPTIONS, subscription)


def _of_provider(path: str, namespace: str, segments: list[str], subscription: str, group: str, method: str) -> Target:
    """`type/name/type/name…`: an even number names a resource, an odd one a collection or, by POST, an action."""
    last_provider = next((i for i in reversed(range(len(segments))) if segments[i].casefold() == "providers"), None)
    if last_provider is not None and len(segments) > last_provider + 2:  # an extension resource on another resource
        namespace, segments = segments[last_provider + 1], segments[last_provider + 2 :]
    kind = "/".join([namespace, *segments[0::2]])
    if len(segments) % 2 == 0:
        return Target(path, subscription, group, kind, segments[-1])
    if method == "POST" and len(segments) > 1:
        owner = path.rpartition("/")[0]
        return Target(owner, subscription, group, kind.rpartition("/")[0], segments[-2], action=segments[-1])
    return Target(path, subscription, group, kind)


def _invalid(path: str) -> Exception:
    return arm_error(404, "InvalidResourcePath", f"'{path}' is no path that Azure Resource Manager knows.")
