"""Refusals that can be asked for, with bodies of the form that Azure was recorded to give."""

from functools import partial

from localazure.access_refusals import authorization_failed, linked_authorization_failed, scope_locked
from localazure.answers import Answer, Refused, arm_error
from localazure.fault import Effect, Hit
from localazure.linked_access import JOIN_VNET


def throttled(retry_after: int | None = None) -> Effect:
    """429 of Microsoft.Network, with Retry-After (seconds of ours) or without. Recorded: errors/429-retryable-*."""
    return Effect("throttled", answer=lambda _: _throttled(retry_after))


def too_many_requests(retry_after: int = 2) -> Effect:
    """429 of ARM itself, whose code is a number in quotes. Recorded: errors/429-numeric-code-identity-put."""

    def answer(hit: Hit) -> Answer:
        subscription = hit.path.strip("/").split("/")[1]
        message = (
            f"Request is temporarily throttled because subscription {subscription} has issued too many requests. "
            f"Retry after {retry_after} seconds."
        )
        return arm_error(429, "429", message, cause="", headers={"retry-after": str(retry_after)}).answer

    return Effect("too_many_requests", answer=answer)


def another_operation() -> Effect:
    """409 without Retry-After; the address in the message is nobody's. Recorded: errors/409-another-operation-*."""

    def refused(hit: Hit) -> Refused:
        message = (
            "Another operation on this or dependent resource is in progress. To retrieve status of the operation use "
            f"uri: {hit.azure.arm}/subscriptions/{hit.path.strip('/').split('/')[1]}/providers/Microsoft.Network/"
            f"locations/westeurope/operations/{hit.azure.guid()}?api-version=2024-05-01."
        )
        return arm_error(409, "AnotherOperationInProgress", message, cause="", details=[])

    return Effect("another_operation", answer=lambda hit: refused(hit).answer)


def precondition_failed() -> Effect:
    """412 without the `error` wrapper. Recorded: privatedns/a-record-put-if-none-match-412."""
    body = {"code": "PreconditionFailed", "message": "The resource has been modified (etag mismatch)."}
    return Effect("precondition_failed", answer=lambda _: Answer(412, dict(body)))


def internal_error() -> Effect:
    """500. Recorded: errors/500-internal-server-error."""
    refused = partial(
        arm_error,
        500,
        "InternalServerError",
        "Request processing failed due to internal error.",
        cause="service",
        details=None,
    )
    return Effect("internal_error", answer=lambda _: refused().answer)


def server_timeout() -> Effect:
    """503 as JSON. Recorded: errors/503-server-timeout."""
    return Effect("server_timeout", answer=lambda _: arm_error(503, "ServerTimeout", "The request timed out.").answer)


def unavailable_html() -> Effect:
    """503 as a web page, from what stands before ARM. Recorded: errors/503-html-body-operation-poll."""
    head = "<!DOCTYPE html><html><head><title>AzureResourceManager</title></head>"
    return Effect("unavailable_html", answer=lambda _: Answer(503, f"{head}<body><h2>Not available</h2></body></html>"))


def not_authorised() -> Effect:
    """403 AuthorizationFailed."""
    return Effect(
        "not_authorised", answer=lambda hit: authorization_failed(hit.azure.tenant, hit.action, hit.path).answer
    )


def not_authorised_on_linked(scope: str) -> Effect:
    """403: allowed on the resource, not on the VNet `scope` that it joins."""
    return Effect(
        "not_authorised_on_linked",
        answer=lambda hit: (
            linked_authorization_failed(hit.azure.tenant, hit.action, hit.path, [(JOIN_VNET, scope)]).answer
        ),
    )


def denied_by_policy(policy: str = "deny-private-dns-links") -> Effect:
    """403 of Azure Policy's deny effect. Source: Learn, "RequestDisallowedByPolicy error with Azure policy"."""

    def answer(hit: Hit) -> Answer:
        name = hit.path.rpartition("/")[2]
        message = f"Resource '{name}' was disallowed by policy. Policy identifiers: '{policy}'."
        return arm_error(
            403, "RequestDisallowedByPolicy", message, cause="gateway", target=name, additionalInfo=[]
        ).answer

    return Effect("denied_by_policy", answer=answer)


def denied_by_assignment() -> Effect:
    """403 of a deny assignment, as node-resource-group lockdown gives it. Source: Learn, "deny assignments"."""

    def answer(hit: Hit) -> Answer:
        message = (
            f"The client has permission to perform action '{hit.action}' on scope '{hit.path}'; however, the access is "
            "denied because of a deny assignment."
        )
        return arm_error(403, "DenyAssignmentAuthorizationFailed", message).answer

    return Effect("denied_by_assignment", answer=answer)


def locked() -> Effect:
    """409 of a resource lock on what is written."""
    return Effect("locked", answer=lambda hit: scope_locked(hit.path, hit.action.rpartition("/")[2], hit.path).answer)


def not_found() -> Effect:
    """404 of a look-up or a read, though the thing is there."""
    return Effect("not_found", answer=lambda hit: arm_error(404, "NotFound", f"{hit.path} was not found.").answer)


def _throttled(retry_after: int | None) -> Answer:
    if retry_after is None:
        detail = {"code": "ReferencedResourceNotProvisioned", "message": "A referenced resource is not yet Succeeded."}
        cause, headers = "service", {}
    else:
        detail = {"code": "RetryableErrorDueToAnotherOperation", "message": "Another operation holds the resource."}
        cause, headers = "", {"retry-after": str(retry_after)}
    message = "A retryable error occurred."
    return arm_error(429, "RetryableError", message, cause=cause, headers=headers, details=[detail]).answer
