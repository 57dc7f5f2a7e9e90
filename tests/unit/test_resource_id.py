import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.arm.resource_id import InvalidResourceIdError, ResourceId

SUB = "/subscriptions/22222222-2222-2222-2222-222222222222"
ZONE = f"{SUB}/resourceGroups/MC_a_b_weu/providers/Microsoft.Network/privateDnsZones/x.privatelink.weu.azmk8s.io"


@pytest.mark.parametrize(
    ("text", "kind", "group", "name"),
    [
        pytest.param(SUB, "microsoft.resources/subscriptions", "", SUB[15:], id="a subscription"),
        pytest.param(f"{SUB}/resourceGroups/rg", "microsoft.resources/resourcegroups", "rg", "rg", id="a group"),
        pytest.param(
            ZONE, "microsoft.network/privatednszones", "MC_a_b_weu", "x.privatelink.weu.azmk8s.io", id="a resource"
        ),
        pytest.param(
            f"{ZONE}/virtualNetworkLinks/hub",
            "microsoft.network/privatednszones/virtualnetworklinks",
            "MC_a_b_weu",
            "hub",
            id="a child",
        ),
        pytest.param(
            f"{SUB}/resourcegroups/rg/providers/Microsoft.ContainerService/managedClusters/c",
            "microsoft.containerservice/managedclusters",
            "rg",
            "c",
            id="AKS's lower-case resourcegroups",
        ),
    ],
)
def test_an_id_tells_what_it_names(text: str, kind: str, group: str, name: str) -> None:
    parsed = ResourceId(text)
    assert (parsed.type, parsed.group, parsed.name) == (kind, group, name)
    assert str(parsed) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "nonsense",
        "/subscriptions/not-a-guid/resourceGroups/rg",
        SUB[1:],
        f"{SUB}/resourceGroups",
        f"{SUB}/resourceGroups/rg/providers",
        f"{SUB}/resourceGroups/rg/providers/Microsoft.Network",
        f"{SUB}/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones",
        f"{SUB}/resourceGroups/../providers/Microsoft.Network/privateDnsZones/z",
        f"{SUB}/resourceGroups/./providers/Microsoft.Network/privateDnsZones/z",
        f"{SUB}//resourceGroups/rg",
        f"{SUB}/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/z?api-version=1",
        f"{SUB}/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/z#x",
        f"{SUB}/resourceGroups/rg%2F..%2Fother",
        f"{SUB}/resourceGroups/rg\\other",
        f"{SUB}/resourceGroups/rg\r\nX-Injected: 1",
        f"{SUB}/resourceGroups/rg\x00",
        f"{SUB}/resourceGroups/r g",
        f"{SUB}/resourceGroups/{'x' * 3000}",
        f"{SUB}/providers/Microsoft.Network/privateDnsZones/z",
        "https://evil.example" + SUB,
    ],
)
def test_what_is_no_id_is_refused_and_shown_on_one_line(text: str) -> None:
    with pytest.raises(InvalidResourceIdError) as refused:
        ResourceId(text)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 400


def test_ids_that_differ_only_in_case_are_one_and_print_as_given() -> None:
    shouted = ResourceId(ZONE.upper())
    assert shouted == ResourceId(ZONE)
    assert len({shouted, ResourceId(ZONE)}) == 1
    assert str(shouted) == ZONE.upper()
    assert ResourceId(SUB) != SUB


def test_a_child_knows_its_parent_and_its_group() -> None:
    link = ResourceId(ZONE).child("virtualNetworkLinks", "hub")
    assert link.parent == ResourceId(ZONE)
    assert link.group_id == ResourceId(f"{SUB}/resourceGroups/mc_A_b_weu")


def test_what_has_no_parent_or_group_says_so() -> None:
    with pytest.raises(InvalidResourceIdError):
        _ = ResourceId(ZONE).parent
    with pytest.raises(InvalidResourceIdError):
        _ = ResourceId(SUB).group_id


@given(st.text(max_size=200))
def test_any_text_is_an_id_or_is_refused_and_never_anything_else(text: str) -> None:
    try:
        parsed = ResourceId(f"{SUB}/resourceGroups/{text}")
    except InvalidResourceIdError:
        return
    assert not {"..", "."} & set(str(parsed).split("/"))
    assert str(parsed).startswith(f"{SUB}/resourceGroups/")
    assert not any(character in str(parsed) for character in "?#%\\ \r\n\0")
