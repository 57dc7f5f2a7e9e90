"""Subscriptions and tenants: what a client lists when it has signed in. There is a subscription where a group is."""

from typing import override

from localazure.answers import Answer, arm_error
from localazure.azure import LocalAzure
from localazure.resource_graph.rows import known_subscriptions
from localazure.resources.provider import ArmRequest, ResourceType, paged
from localazure.store import Json


class Subscriptions(ResourceType):
    """Source: REST reference, Subscriptions - List, 2022-12-01."""

    type = "Microsoft.Resources/subscriptions"

    @override
    async def get(self, request: ArmRequest) -> Answer:
        if request.subscription.casefold() not in known_subscriptions(self.azure):
            message = f"The subscription '{request.subscription}' could not be found."
            raise arm_error(404, "SubscriptionNotFound", message)
        return Answer(200, _subscription(self.azure, request.subscription))

    @override
    async def list(self, request: ArmRequest) -> Answer:
        unreadable = {subscription.casefold() for subscription in self.azure.access.unreadable}
        seen = [subscription for subscription in known_subscriptions(self.azure) if subscription not in unreadable]
        return paged(self.azure, request, [_subscription(self.azure, subscription) for subscription in seen])


class Tenants(ResourceType):
    """`GET /tenants`: the one there is."""

    type = "Microsoft.Resources/tenants"

    @override
    async def list(self, request: ArmRequest) -> Answer:
        tenant = self.azure.tenant
        said: Json = {"id": f"/tenants/{tenant}", "tenantId": tenant, "displayName": "Local", "tenantCategory": "Home"}
        return Answer(200, {"value": [said]})


def _subscription(azure: LocalAzure, subscription: str) -> Json:
    return {
        "id": f"/subscriptions/{subscription}",
        "subscriptionId": subscription,
        "displayName": f"local {subscription[:8]}",
        "state": "Enabled",
        "tenantId": azure.tenant,
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    }
