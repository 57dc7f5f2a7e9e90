import pytest

from functions.arm.clouds import ALL_SUFFIXES, PUBLIC
from functions.fleet.zone_name import custom_zone, system_zone

GUID = "0a1b2c3d-0000-4000-8000-00000000000a"


@pytest.mark.parametrize(
    ("name", "region"),
    [
        (f"{GUID}.privatelink.westeurope.azmk8s.io", "westeurope"),
        (f"{GUID}.private.westeurope.azmk8s.io", "westeurope"),
        (f"{GUID.upper()}.PrivateLink.WestEurope.azmk8s.io", "westeurope"),
        (f"{GUID}.privatelink.westeurope.azmk8s.io.", "westeurope"),
        (f"{GUID}.privatelink.westus2.staging.azmk8s.io", "westus2"),
        (f"{GUID}.privatelink.usgovvirginia.cx.aks.containerservice.azure.us", "usgovvirginia"),
        (f"{GUID}.privatelink.chinaeast2.cx.prod.service.azk8s.cn", "chinaeast2"),
    ],
)
def test_a_system_zones_name_gives_its_region(name: str, region: str) -> None:
    zone = system_zone(name, ALL_SUFFIXES)
    assert zone is not None
    assert zone.region == region


@pytest.mark.parametrize(
    "name",
    [
        "evil.privatelink.westeurope.azmk8s.io.example",
        f"{GUID}.privatelink.westeurope.azmk8s.io.example",
        f"{GUID}.privatelink.westeurope.evilazmk8s.io",
        f"{GUID}.privatelink.azurecr.io",
        f"{GUID}.privatelink.azmk8s.io",
        f"{GUID}.hcp.westeurope.azmk8s.io",
        f"sub.{GUID}.privatelink.westeurope.azmk8s.io",
        f"{GUID}.privatelink..azmk8s.io",
        f"{GUID}.privatelink.west europe.azmk8s.io",
        "privatelink.azurecr.io",
        "azmk8s.io",
        "",
        ".",
    ],
)
def test_what_only_looks_like_a_zone_of_akss_is_none(name: str) -> None:
    assert system_zone(name, ALL_SUFFIXES) is None
    assert custom_zone(name, ALL_SUFFIXES) is None


@pytest.mark.parametrize(
    ("name", "is_custom"),
    [
        ("privatelink.westeurope.azmk8s.io", True),
        ("private.westeurope.azmk8s.io", True),
        ("team.privatelink.westeurope.azmk8s.io", True),
        (f"{GUID}x.privatelink.westeurope.azmk8s.io", True),
        ("a.b.privatelink.westeurope.azmk8s.io", False),
        ("westeurope.azmk8s.io", False),
        ("hcp.westeurope.azmk8s.io", False),
        (f"{GUID}.privatelink.westeurope.azmk8s.io", False),
    ],
)
def test_a_custom_zone_has_at_most_one_label_before_privatelink(name: str, is_custom: bool) -> None:
    assert (custom_zone(name, PUBLIC.suffixes) is not None) is is_custom


def test_a_zone_of_another_cloud_is_none_of_this_clouds() -> None:
    assert system_zone(f"{GUID}.privatelink.chinaeast2.cx.prod.service.azk8s.cn", PUBLIC.suffixes) is None
