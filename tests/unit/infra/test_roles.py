"""Who may do what: the actions one by one, and who is given which of them."""

import re

import pytest

from tests.unit.infra.bicep import FILES, INFRA, data, modules, resource, resources, variable

RIGHTS = data("roles/rights.json")
EACH = pytest.mark.parametrize("role", RIGHTS)
GIVING = "roles/of-policies.bicep"
PRIVILEGED = {"put-clusters", "run-commands"}
FOR_AZURE_POLICY = {"onboard-subscriptions", "receive-events"}

# What each role may change. What it may read is held by the stories that run with these roles and no others.
CHANGES = {
    "read-fleet": set(),
    "read-records": set(),
    "link-zones": {
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks/delete",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write",
    },
    "join-hub": {"Microsoft.Network/virtualNetworks/join/action"},
    "write-records": {
        f"Microsoft.Network/privateDnsZones/{kind}/{verb}" for kind in ("A", "AAAA") for verb in ("delete", "write")
    },
    "attach-route-tables": {
        "Microsoft.Network/natGateways/join/action",
        "Microsoft.Network/networkSecurityGroups/join/action",
        "Microsoft.Network/routeTables/join/action",
        "Microsoft.Network/serviceEndpointPolicies/join/action",
        "Microsoft.Network/virtualNetworks/subnets/write",
    },
    "put-clusters": {
        "Microsoft.ContainerService/managedClusters/write",
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
        "Microsoft.Network/publicIPAddresses/join/action",
        "Microsoft.Network/publicIPPrefixes/join/action",
        "Microsoft.Network/virtualNetworks/subnets/join/action",
    },
    "run-commands": {"Microsoft.ContainerService/managedClusters/runCommand/action"},
}


def changes(role: str) -> set[str]:
    return {action for action in RIGHTS[role]["actions"] if not action.endswith("/read")}


@pytest.mark.parametrize("role", CHANGES)
def test_a_role_may_change_exactly_this(role: str):
    assert changes(role) == CHANGES[role]


def test_every_role_is_held_here_or_is_for_azure_policy():
    assert RIGHTS.keys() == CHANGES.keys() | FOR_AZURE_POLICY


@EACH
def test_actions_are_named_one_by_one(role: str):
    actions = RIGHTS[role]["actions"]
    assert actions == sorted(set(actions))
    assert all(re.fullmatch(r"Microsoft\.\w+(/\w+)+/(read|write|delete|action)", action) for action in actions), actions


@EACH
def test_no_role_may_see_keys_or_give_rights(role: str):
    """What hands out more than it says. Keys of a workspace are the exception: AKS asks for them with its add-on."""
    forbidden = re.compile(r"list\w*(key|credential|secret)|roleassignments/|roledefinitions/|/elevate", re.IGNORECASE)
    assert not [action for action in RIGHTS[role]["actions"] if forbidden.search(action)]


@EACH
def test_every_role_says_what_it_is_for(role: str):
    assert RIGHTS[role]["name"].startswith("Tether ")
    assert RIGHTS[role]["description"].endswith(".")
    assert len(RIGHTS[role]["description"]) <= 1024  # the API's limit for a description


@pytest.mark.parametrize("name", ["roles/in-subscription.bicep", "roles/in-management-group.bicep"])
def test_definitions_have_the_listed_actions_and_none_on_data(name: str):
    (definition,) = resources(name, "Microsoft.Authorization/roleDefinitions")
    (permission,) = definition.properties["permissions"]
    assert permission.keys() == {"actions", "notActions", "dataActions", "notDataActions"}
    assert permission["notActions"] == permission["dataActions"] == permission["notDataActions"] == []
    assert "rights[key].actions" in (INFRA / name).read_text()
    assert variable(name, "rights")["function"]["parameters"]["file_path"] == "rights.json"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INFRA)))
def test_whoever_gets_a_right_is_an_identity_and_gets_it_once(path):
    """Another type could be a person's, or be looked for in the directory before the identity is known there."""
    for one in resources(str(path.relative_to(INFRA)), "Microsoft.Authorization/roleAssignments"):
        assert one.properties["principalType"] == "ServicePrincipal", one.symbol
        assert one.body["name"]["function"]["type"] == "guid", one.symbol


def test_roles_of_the_second_app_are_given_to_nobody_else():
    """The plain identity's lists name none of them, and the lists that do are the second identity's."""
    held = modules(GIVING)
    lists = {"spokeRoles", "linkRoles", "routeRoles", "plainRoles"}
    assert not any(role in str(variable(GIVING, name)) for name in lists for role in PRIVILEGED)
    named = {symbol for symbol, one in held.items() if one.params.get("assigned") == "secondRoles"}
    assert named == {"secondRights"}
    assert held["secondRights"].params["principalId"] == "privilegedPrincipalId"


@pytest.mark.parametrize(
    ("variable_of", "role", "when"),
    [
        pytest.param("linkRoles", "link-zones", "enforces", id="links are made in mode enforce"),
        pytest.param("routeRoles", "attach-route-tables", "enforces", id="route tables are attached in mode enforce"),
        pytest.param("putRoles", "put-clusters", "secondEnforces", id="clusters are put in the second app's enforce"),
        pytest.param("commandRoles", "run-commands", "secondEnforces", id="commands are run in the second's enforce"),
        pytest.param("discoveredHubs", "hubSubscriptions", "enforces", id="hubs are joined in mode enforce"),
        pytest.param("namedHubs", "hubs", "enforces", id="named hubs too"),
        pytest.param("linkedCustomZones", "customZones", "enforces", id="custom zones are linked in mode enforce"),
    ],
)
def test_in_mode_observe_no_right_to_write_is_given(variable_of: str, role: str, when: str):
    text = next(line for line in (INFRA / GIVING).read_text().splitlines() if line.startswith(f"var {variable_of} = "))
    assert re.search(rf"= (\[for id in \()?{when}( &&| \?)", text), text
    assert role in text


def test_records_are_only_read_in_mode_observe():
    held = variable(GIVING, "recordRole")["operator"]["operands"]
    assert held == {"condition": "enforces", "true_value": "write-records", "false_value": "read-records"}


def test_the_telemetry_takes_no_keys():
    assert resource("modules/monitoring.bicep", "component").properties["DisableLocalAuth"] is True
    assert resource("modules/monitoring.bicep", "workspace").properties["features"]["disableLocalAuth"] is True


def test_both_ways_of_giving_roles_make_them_the_same_names():
    for scope in ("subscription", "management-group"):
        defined = (INFRA / f"roles/in-{scope}.bicep").read_text()
        given = (INFRA / f"roles/on-{scope}.bicep").read_text()
        name = re.search(r"name: (guid\(.+\))", defined)
        assert name
        assert name[1] in given


def principal(identity: str) -> dict[str, object]:
    """`<identity>.outputs.principalId`, as the parser has it."""
    outputs = {"type": "property_accessor", "operands": {"operand_1": "outputs", "operand_2": "principalId"}}
    operands = {"operand_1": identity, "operand_2": {"operator": outputs}}
    return {"operator": {"type": "property_accessor", "operands": operands}}


def test_each_identity_is_handed_over_as_what_it_is():
    params = modules("main.bicep")["rights"].params
    assert params["principalId"] == principal("identity")
    assert params["privilegedPrincipalId"]["operator"]["operands"] == {
        "condition": "privilegedApp",
        "true_value": principal("second"),
        "false_value": "",
    }


def test_every_right_in_a_spoke_is_one_of_the_two_identities():
    held = {str(one.params["principalId"]) for one in modules(GIVING).values() if "principalId" in one.params}
    assert held == {"principalId", "privilegedPrincipalId"}
