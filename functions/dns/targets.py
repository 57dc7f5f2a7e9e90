"""The targets that a policy names, ready to be asked."""

from collections.abc import Mapping

from functions.arm.session import Session
from functions.dns.private_zone import PrivateZoneTarget
from functions.dns.target import Target
from functions.dns.zone_rules import server_address, tsig_name, tsig_secret
from functions.policy import RecordTarget, Tsig


class TargetSettingError(Exception):
    """A target cannot be used as it is set up. The message names the setting and never its value."""


def target_of(record: RecordTarget, session: Session, environment: Mapping[str, str], *, signs: bool = True) -> Target:
    """The target for one entry of the policy's `records`. Raises TargetSettingError; opens no connection yet.

    One that is only read needs no key: `signs` is False then, and no secret is asked for.
    dnspython is imported only here and only for a zone on servers: the path of a zone's birth needs none of it.
    """
    if record.private_zone is not None:
        return PrivateZoneTarget(session, record.private_zone)
    assert record.zone is not None  # one of the two is: the policy judged it
    import dns.name

    from functions.dns.rfc2136 import Rfc2136Target
    from functions.dns.signing import SigningKey

    key = None
    if record.tsig is not None and signs:
        key = SigningKey(tsig_name(record.tsig.name), record.tsig.algorithm, secret_of(record.tsig, environment))
    zone = dns.name.from_text(record.zone.lower())
    return Rfc2136Target(zone, tuple(server_address(server) for server in record.servers), key)


def secret_of(tsig: Tsig, environment: Mapping[str, str]) -> bytes:
    """The secret that the policy leads to. Raises TargetSettingError, which names the setting and not its value."""
    text = environment.get(tsig.setting, "")
    if not text.strip():
        raise TargetSettingError(f"the app setting {tsig.setting}, which tsig.secret names, is not set")
    try:
        return tsig_secret(text)
    except ValueError as error:
        raise TargetSettingError(f"the app setting {tsig.setting}: {error}") from None
