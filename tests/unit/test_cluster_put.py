"""What is sent when a cluster is put again: all that was read, but for what AKS alone writes."""

import re
from copy import deepcopy
from typing import Any

import pytest
from azure.mgmt.containerservice import models
from hypothesis import given
from hypothesis import strategies as st

from functions.arm.clusters import READ_ONLY, secrets_needed, writable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def fields(model: Any, path: tuple[str, ...] = (), above: tuple[str, ...] = ("ManagedCluster",)) -> Any:
    """Every field of the SDK's model, as its path and whether the service alone writes it."""
    model()  # fills in the fields
    told = {
        name: kind for base in reversed(model.__mro__) for name, kind in getattr(base, "__annotations__", {}).items()
    }
    for name, kind in told.items():
        field = getattr(model, "_attr_to_rest_field", {}).get(name)
        if field is None:
            continue
        here = (*path, field._rest_name)
        read_only = field._visibility == ["read"]
        yield here, read_only
        if read_only:
            continue
        for word in re.findall(r"\b[A-Z]\w+", str(kind)):
            inner = getattr(models, word, None)
            if isinstance(inner, type) and hasattr(inner, "as_dict") and word not in above:
                many = re.search(r"(?i)\b(list|dict)\[", str(kind)) is not None
                yield from fields(inner, (*here, "*") if many else here, (*above, word))


def test_what_is_left_out_is_what_the_sdk_says_that_aks_alone_writes() -> None:
    assert {path for path, read_only in fields(models.ManagedCluster) if read_only} == set(READ_ONLY)


def test_the_secrets_that_are_asked_for_are_those_of_the_sdk() -> None:
    secret = {path[-1] for path, _ in fields(models.ManagedCluster) if re.search(r"(?i)secret$|password$", path[-1])}
    assert secret == {"secret", "adminPassword", "serverAppSecret"}


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4), st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_nothing_else_is_lost_whatever_it_is(top: dict[str, Any], inside: dict[str, Any]) -> None:
    names = {path[-1] for path in READ_ONLY} | {path[0] for path in READ_ONLY}
    top = {f"x{key}": value for key, value in top.items()}
    inside = {f"x{key}": value for key, value in inside.items()}
    assert not names & (set(top) | set(inside))
    read = {
        **top,
        "id": "/a",
        "eTag": "e",
        "properties": {
            **inside,
            "provisioningState": "Failed",
            "agentPoolProfiles": [{**inside, "name": "a", "eTag": "e", "provisioningState": "Failed"}],
        },
    }
    before = deepcopy(read)
    pool = {**inside, "name": "a"}
    assert writable(read) == {**top, "properties": {**inside, "agentPoolProfiles": [pool]}}
    assert read == before


def test_the_sdk_s_models_would_keep_unknown_properties_too() -> None:
    body = {"location": "x", "properties": {"new": {"deep": [1]}, "networkProfile": {"newer": True}}}
    assert models.ManagedCluster(deepcopy(body)).as_dict() == body


MSI: dict[str, Any] = {"servicePrincipalProfile": {"clientId": "msi"}}
PRINCIPAL: dict[str, Any] = {"servicePrincipalProfile": {"clientId": "0a1b"}}
WINDOWS: dict[str, Any] = {"windowsProfile": {"adminUsername": "azureuser", "enableCSIProxy": True}}
HOSTED: dict[str, Any] = {"hostedSystemProfile": {"enabled": True}}
PASSWORD = ("windowsProfile.adminPassword",)


def pools(*systems: str | None) -> dict[str, Any]:
    return {"agentPoolProfiles": [{"name": f"p{nth}", "osType": system} for nth, system in enumerate(systems)]}


@pytest.mark.parametrize(
    ("identity", "properties", "needed"),
    [
        pytest.param({"type": "SystemAssigned"}, MSI, (), id="a managed identity"),
        pytest.param({"type": "SystemAssigned"}, PRINCIPAL, (), id="a managed identity whose client AKS names"),
        pytest.param(None, MSI, (), id="the identity of old"),
        pytest.param(None, PRINCIPAL, ("servicePrincipalProfile.secret",), id="an app"),
        pytest.param({"type": "None"}, PRINCIPAL, ("servicePrincipalProfile.secret",), id="an app, and no identity"),
        pytest.param(None, MSI | WINDOWS, PASSWORD, id="a windowsProfile and no pools that tell"),
        pytest.param(None, MSI | {"windowsProfile": None}, (), id="no Windows"),
        pytest.param(None, MSI | WINDOWS | pools("Linux", "linux"), (), id="a windowsProfile that nobody asked for"),
        pytest.param(None, MSI | WINDOWS | pools("Linux", "Windows"), PASSWORD, id="a Windows pool"),
        pytest.param(None, MSI | WINDOWS | pools("Linux", None), PASSWORD, id="a pool that does not say"),
        pytest.param(None, MSI | WINDOWS | HOSTED, (), id="hosted system pools alone"),
        pytest.param(None, MSI | WINDOWS | HOSTED | pools("Windows"), PASSWORD, id="hosted ones and a Windows pool"),
        pytest.param(None, MSI | {"aadProfile": {"managed": True}}, (), id="Entra integration"),
        pytest.param(None, MSI | {"aadProfile": {"serverAppID": "a"}}, ("aadProfile.serverAppSecret",), id="of old"),
    ],
)
def test_a_body_that_needs_a_secret_is_known(
    identity: Any, properties: dict[str, Any], needed: tuple[str, ...]
) -> None:
    assert secrets_needed({"identity": identity, "properties": properties}) == needed
