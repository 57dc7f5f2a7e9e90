"""The Azure clouds that Tether knows, and what differs between them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    """One Azure cloud.

    `arm` and `scope` are those of the SDK (azure.mgmt.core.tools.get_arm_endpoints; a test compares them).
    `suffixes` are what follows the region in the names of API servers (azure-facts, AKS): several a cloud, since
    AKS's own staging names and the newer names of US Government exist beside the older ones.
    """

    name: str
    arm: str
    scope: str
    suffixes: tuple[str, ...]


PUBLIC = Cloud(
    name="AzureCloud",
    arm="https://management.azure.com",
    scope="https://management.azure.com/.default",
    suffixes=("azmk8s.io", "staging.azmk8s.io"),
)
US_GOVERNMENT = Cloud(
    name="AzureUSGovernment",
    arm="https://management.usgovcloudapi.net",
    scope="https://management.core.usgovcloudapi.net/.default",
    suffixes=("cx.aks.containerservice.azure.us", "azmk8s.us"),
)
CHINA = Cloud(
    name="AzureChinaCloud",
    arm="https://management.chinacloudapi.cn",
    scope="https://management.chinacloudapi.cn/.default",
    suffixes=("cx.prod.service.azk8s.cn",),
)

BY_NAME = {cloud.name: cloud for cloud in (PUBLIC, US_GOVERNMENT, CHINA)}

ALL_SUFFIXES = tuple(suffix for cloud in BY_NAME.values() for suffix in cloud.suffixes)
