"""Who asks: an Entra principal that App Service vouches for, with the app role that may write.

App Service's authentication ("Easy Auth") puts the caller's claims into `X-MS-CLIENT-PRINCIPAL` and takes that header
off whatever comes from outside (Learn, "Work with user identities in Azure App Service authentication"). Where it is
off anyone can send the header, so that it says nothing.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from functions.http.problem import Problem

ROLE = "Tether.Operator"
KEY_HOLDER = "a function key"
"""Who asks where keys alone may write: nobody knows more."""

_LONGEST_NAME = 128

# Easy Auth maps some claims of the token to the longer names of WS-Federation. The role type that the principal itself
# names (`role_typ`) is not believed: these two are the only ones that Entra's app roles come in.
_ROLE = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
_TENANT = frozenset({"tid", "http://schemas.microsoft.com/identity/claims/tenantid"})
_OBJECT = frozenset({"oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"})
_AUDIENCE = frozenset({"aud"})
_NAME = ("preferred_username", "name", "appid", "azp")


class _Claim(msgspec.Struct):
    typ: str
    val: str


class _Principal(msgspec.Struct):
    auth_typ: str
    claims: tuple[_Claim, ...]

    def values(self, kinds: frozenset[str]) -> frozenset[str]:
        return frozenset(claim.val for claim in self.claims if claim.typ in kinds)


@dataclass(frozen=True, slots=True)
class EasyAuth:
    """Whether the platform checks who asks, and whom Tether expects: the tenant and the app registration."""

    on: bool = False
    tenant: str = ""
    client_id: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "EasyAuth":
        """The platform's own WEBSITE_AUTH_ENABLED, and the settings TETHER_TENANT_ID and TETHER_CLIENT_ID."""
        return cls(
            on=environment.get("WEBSITE_AUTH_ENABLED", "").casefold() == "true",
            tenant=environment.get("TETHER_TENANT_ID", "").strip(),
            client_id=environment.get("TETHER_CLIENT_ID", "").strip(),
        )


def operator(header: str | None, easy_auth: EasyAuth) -> str:
    """The name for the journal of a principal that may write. Raises Problem (403) with the clause that fails."""
    if not easy_auth.on:
        raise Problem(
            403,
            "principal-not-checked",
            "Writing needs an Entra principal, and App Service authentication is off for this app, so that nobody "
            "vouches for one. Turn it on, or set http.keysMayWrite in the policy.",
        )
    if not easy_auth.tenant or not easy_auth.client_id:
        raise Problem(
            403, "principal-not-checked", "Set TETHER_TENANT_ID and TETHER_CLIENT_ID: whom to believe is not known."
        )
    if not header:
        raise Problem(403, "principal-required", f"Writing needs an Entra principal with the app role {ROLE}.")
    principal = _decoded(header)
    if principal.auth_typ.casefold() != "aad":
        raise _refused("it comes from another identity provider than Entra")
    if _folded(principal.values(_TENANT)) != {easy_auth.tenant.casefold()}:
        raise _refused("it is of another tenant")
    client = easy_auth.client_id.casefold()
    audiences = _folded(principal.values(_AUDIENCE))
    if not audiences or not audiences <= {client, f"api://{client}"}:
        raise _refused("its token was made for another app")
    if ROLE not in principal.values(_ROLE):
        raise Problem(403, "role-missing", f"The principal does not have the app role {ROLE}.")
    return _name(principal)


def _decoded(header: str) -> _Principal:
    try:
        return msgspec.json.decode(base64.b64decode(header, validate=True), type=_Principal)
    except (binascii.Error, ValueError, RecursionError):
        raise _refused("X-MS-CLIENT-PRINCIPAL cannot be read") from None


def _refused(reason: str) -> Problem:
    return Problem(403, "principal-refused", f"The principal is not accepted: {reason}.")


def _folded(values: frozenset[str]) -> set[str]:
    return {value.casefold() for value in values}


def _name(principal: _Principal) -> str:
    """`someone@example.com (object id)`, as far as the claims tell. Written to a journal: no odd characters."""
    held = {claim.typ: claim.val for claim in reversed(principal.claims)}
    shown = next((held[kind] for kind in _NAME if held.get(kind)), "an unnamed principal")
    who = next(iter(sorted(principal.values(_OBJECT))), "")
    plain = "".join(character for character in shown if character.isprintable())[:_LONGEST_NAME]
    return f"{plain} ({who[:_LONGEST_NAME]})" if who else plain
