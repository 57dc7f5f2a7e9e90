"""The resource types that the local ARM knows, in one table."""

from collections.abc import Callable

from localazure.azure import LocalAzure
from localazure.resources.groups import ResourceGroups
from localazure.resources.provider import ArmRequest, Provider

__all__ = ["TYPES", "ArmRequest", "Provider", "providers"]

TYPES: tuple[Callable[[LocalAzure], Provider], ...] = (ResourceGroups,)


def providers(azure: LocalAzure) -> dict[str, Provider]:
    """Every type's provider by its name in lower case."""
    made = [make(azure) for make in TYPES]
    return {provider.type.casefold(): provider for provider in made}
