"""Rules of Tether's own for checkov, which knows few of the resource types here: who may do what, and whose it is.

checkov -d infra --framework bicep --skip-download --external-checks-dir infra/checks
"""

from typing import Any

from checkov.bicep.checks.resource.base_resource_check import BaseResourceCheck
from checkov.common.models.enums import CheckCategories, CheckResult

_TAGGED = (
    "Microsoft.EventGrid/systemTopics",
    "Microsoft.Insights/actionGroups",
    "Microsoft.Insights/components",
    "Microsoft.Insights/scheduledQueryRules",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Web/serverfarms",
    "Microsoft.Web/sites",
)


def _body(config: dict[str, Any]) -> dict[str, Any]:
    """The resource itself, where it stands in a loop or behind a condition."""
    return config["config"] if set(config) <= {"loop_type", "condition", "config"} else config


def _judged(*, well: bool) -> CheckResult:
    return CheckResult.PASSED if well else CheckResult.FAILED


class Tagged(BaseResourceCheck):
    """Whoever finds a resource can tell whose it is."""

    def __init__(self) -> None:
        name = "Resources have the deployment's tags"
        super().__init__(name, "CKV_TETHER_1", (CheckCategories.CONVENTION,), _TAGGED)

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        return _judged(well=bool(_body(conf).get("tags")))


class AssignedOnce(BaseResourceCheck):
    """A right is an identity's, and giving it again gives the same one.

    Without the principal's type Azure looks it up in the directory, where a new identity may not be known yet.
    """

    def __init__(self) -> None:
        name = "Role assignments are of identities, and named after scope, principal and role"
        kinds = ("Microsoft.Authorization/roleAssignments",)
        super().__init__(name, "CKV_TETHER_2", (CheckCategories.IAM,), kinds)

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        body = _body(conf)
        named = str(body.get("name"))
        return _judged(well=body["properties"].get("principalType") == "ServicePrincipal" and "'guid'" in named)


class Delivered(BaseResourceCheck):
    """Events are tried as long as can be, and what is not delivered is kept where that can be."""

    def __init__(self) -> None:
        name = "Event subscriptions have the longest retries and dead-letters by identity"
        kinds = ("Microsoft.EventGrid/systemTopics/eventSubscriptions",)
        super().__init__(name, "CKV_TETHER_3", (CheckCategories.BACKUP_AND_RECOVERY,), kinds)

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        properties = _body(conf)["properties"]
        tries = properties.get("retryPolicy") == {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
        return _judged(well=tries and "deadLetterWithResourceIdentity" in properties)


class WithoutKeys(BaseResourceCheck):
    """Telemetry is taken from identities alone."""

    def __init__(self) -> None:
        name = "Workspaces and components take no key"
        kinds = ("Microsoft.Insights/components", "Microsoft.OperationalInsights/workspaces")
        super().__init__(name, "CKV_TETHER_4", (CheckCategories.IAM,), kinds)

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        properties = _body(conf)["properties"]
        off = properties.get("DisableLocalAuth", properties.get("features", {}).get("disableLocalAuth"))
        return _judged(well=off is True)


CHECKS = (Tagged(), AssignedOnce(), Delivered(), WithoutKeys())
