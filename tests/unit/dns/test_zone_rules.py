import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.arm.clouds import ALL_SUFFIXES
from functions.dns.zone_rules import server_address, tsig_name, tsig_secret, zone_refused

GUID = "0a1b2c3d-0000-4000-8000-00000000000a"

NEVER = [
    ("io", "shadow"),
    ("us", "shadow"),
    (".", "root"),
    ("azmk8s.io", "shadow"),
    ("AZMK8S.IO", "shadow"),
    ("staging.azmk8s.io", "shadow"),
    ("containerservice.azure.us", "shadow"),
    ("azure.us", "shadow"),
    ("service.azk8s.cn", "shadow"),
    ("westeurope.azmk8s.io", "all clusters in westeurope"),
    ("westus2.staging.azmk8s.io", "all clusters in westus2"),
    ("hcp.westeurope.azmk8s.io", "public names of all other clusters in westeurope"),
    ("hcp.chinaeast2.cx.prod.service.azk8s.cn", "public names"),
    ("corp.example", "no cluster's name"),
    ("badazmk8s.io", "no cluster's name"),
    ("privatelink.azurecr.io", "no cluster's name"),
    ("privatelink.westeurope.azmk8s.io.example", "no cluster's name"),
    ("apps.westeurope.azmk8s.io", "no cluster's name"),
    ("a.b.c.privatelink.westeurope.azmk8s.io", "no cluster's name"),
    ("a.b.hcp.westeurope.azmk8s.io", "no cluster's name"),
    ("", "not the name"),
    ("a..azmk8s.io", "not the name"),
    ("a b.privatelink.westeurope.azmk8s.io", "not the name"),
    ("-a.privatelink.westeurope.azmk8s.io", "not the name"),
    (f"{'a' * 64}.privatelink.westeurope.azmk8s.io", "not the name"),
    ("*.privatelink.westeurope.azmk8s.io", "not the name"),
    ("ä.privatelink.westeurope.azmk8s.io", "not the name"),
    ("a\\046b.privatelink.westeurope.azmk8s.io", "not the name"),
]

WHEN_AUTHORITATIVE = [
    "privatelink.westeurope.azmk8s.io",
    "PrivateLink.WestEurope.azmk8s.io",
    "private.westeurope.azmk8s.io",
    "privatelink.westus2.staging.azmk8s.io",
    "privatelink.usgovvirginia.cx.aks.containerservice.azure.us",
    "privatelink.usgovvirginia.azmk8s.us",
    "private.chinaeast2.cx.prod.service.azk8s.cn",
]

ALWAYS = [
    f"{GUID}.privatelink.westeurope.azmk8s.io",
    f"{GUID}.private.westeurope.azmk8s.io",
    f"aks-1.{GUID}.privatelink.westeurope.azmk8s.io",
    "aks-1.privatelink.westeurope.azmk8s.io",
    "aks-1.team.privatelink.westeurope.azmk8s.io",
    "aks-1.hcp.westeurope.azmk8s.io",
    f"aks-1.{GUID}.private.chinaeast2.cx.prod.service.azk8s.cn",
]


@pytest.mark.parametrize("dot", ["", "."])
@pytest.mark.parametrize("authoritative", [False, True])
@pytest.mark.parametrize(("zone", "why"), NEVER)
def test_a_zone_that_shadows_others_or_holds_no_cluster_is_never_a_target(
    zone: str, why: str, authoritative: bool, dot: str
) -> None:
    refused = zone_refused(zone + dot if zone not in {"", "."} else zone, authoritative=authoritative)
    assert refused is not None
    assert why in refused


@pytest.mark.parametrize("dot", ["", "."])
@pytest.mark.parametrize("zone", WHEN_AUTHORITATIVE)
def test_the_zone_of_all_private_clusters_of_a_region_must_be_meant(zone: str, dot: str) -> None:
    refused = zone_refused(zone + dot, authoritative=False)
    assert refused is not None
    assert "authoritative" in refused
    assert zone_refused(zone + dot, authoritative=True) is None


@pytest.mark.parametrize("dot", ["", "."])
@pytest.mark.parametrize("authoritative", [False, True])
@pytest.mark.parametrize("zone", ALWAYS)
def test_a_clusters_own_zone_and_an_exact_name_are_always_targets(zone: str, authoritative: bool, dot: str) -> None:
    assert zone_refused(zone + dot, authoritative=authoritative) is None


def test_only_the_suffixes_of_the_cloud_count() -> None:
    assert zone_refused("privatelink.westeurope.azmk8s.io", authoritative=True, suffixes=("azmk8s.us",)) is not None


words = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
regions = words.filter(lambda word: word not in {"privatelink", "private", "hcp", "staging"})


@given(regions, st.sampled_from(["privatelink", "private", "hcp"]), st.sampled_from(ALL_SUFFIXES), st.integers(0, 9))
def test_nothing_above_a_clusters_kind_of_zone_is_ever_a_target(region: str, kind: str, suffix: str, cut: int) -> None:
    above = f"{kind}.{region}.{suffix}".split(".")[1 + cut :]
    if above:
        assert zone_refused(".".join(above), authoritative=True) is not None


@given(st.lists(words, min_size=1, max_size=5), st.sampled_from(ALL_SUFFIXES), st.booleans())
def test_an_authoritative_zone_is_refused_less_and_never_more(parts: list[str], suffix: str, dot: bool) -> None:
    zone = ".".join([*parts, suffix]) + "." * dot
    if zone_refused(zone, authoritative=True) is not None:
        assert zone_refused(zone, authoritative=False) is not None


@given(st.text(max_size=300), st.booleans())
def test_no_text_is_too_odd_to_be_judged(zone: str, authoritative: bool) -> None:
    refused = zone_refused(zone, authoritative=authoritative)
    assert refused is None or "\n" not in refused


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("10.0.0.4", ("10.0.0.4", 53)),
        ("10.0.0.4:5353", ("10.0.0.4", 5353)),
        ("::1", ("::1", 53)),
        ("fd00:0:0::4", ("fd00::4", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:53", ("::1", 53)),
        ("[fd00::4]:65535", ("fd00::4", 65535)),
    ],
)
def test_a_server_is_an_address_and_perhaps_a_port(text: str, server: tuple[str, int]) -> None:
    assert server_address(text) == server


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("dns1.corp.example", "not an IP address"),
        ("dns1.corp.example:53", "not an IP address"),
        ("localhost", "not an IP address"),
        ("", "not an IP address"),
        ("10.0.0", "not an IP address"),
        ("10.0.0.256", "not an IP address"),
        ("010.0.0.4", "not an IP address"),
        (" 10.0.0.4", "not an IP address"),
        ("10.0.0.4/32", "not an IP address"),
        ("[::1", "not an IP address"),
        ("[::g]:53", "not an IP address"),
        ("[10.0.0.4]:53", "brackets"),
        ("10.0.0.4:", "a port is"),
        ("10.0.0.4:0", "a port is"),
        ("10.0.0.4:65536", "a port is"),
        ("10.0.0.4:dns", "a port is"),
        ("10.0.0.4:+53", "a port is"),
        ("10.0.0.4:٥٣", "a port is"),
        ("[::1]:", "a port is"),
        ("[::1]53", "not an IP address"),
        ("fe80::1%eth0", "scope"),
        ("0.0.0.0", "one server"),
        ("224.0.0.251:5353", "one server"),
    ],
)
def test_what_is_no_server_is_refused_with_the_text(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        server_address(text)
    assert ascii(text) in str(refused.value)


@given(st.text(max_size=40))
def test_every_text_is_a_server_or_a_value_error(text: str) -> None:
    try:
        host, port = server_address(text)
    except ValueError:
        return
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    assert server_address(shown) == (host, port)


@pytest.mark.parametrize(("text", "name"), [("tether", "tether."), ("Tether.Keys.example.", "tether.keys.example.")])
def test_a_keys_name_is_a_dns_name(text: str, name: str) -> None:
    assert tsig_name(text) == name


@pytest.mark.parametrize("text", ["", ".", "a b", "a..b", "x" * 64, "ä", 'a"; };', "a\n"])
def test_what_is_no_keys_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="TSIG key"):
        tsig_name(text)


@given(st.binary(min_size=1, max_size=64))
def test_a_secret_is_read_from_base64_with_the_white_space_of_a_file_around_it(secret: bytes) -> None:
    assert tsig_secret(f" {base64.b64encode(secret).decode()}\n") == secret


@pytest.mark.parametrize("text", ["hunter2", "aGVsbG8", "aGVs bG8=", "a?==", "", "  ", "äöü="])
def test_a_secret_that_is_not_base64_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ValueError, match="base64") as refused:
        tsig_secret(text)
    assert not text.strip() or text not in str(refused.value)
