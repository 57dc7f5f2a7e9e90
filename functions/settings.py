"""The app's settings, read from the environment once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from functions.arm.clouds import BY_NAME, Cloud
from functions.dns.targets import TargetSettingError, secret_of
from functions.policy import Policy, PolicyError, Tsig, load
from functions.role import SECOND_QUEUE, Role, role_of


class SettingsError(Exception):
    """A setting cannot be used. The message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the work queue is: a connection string, or an account reached with the managed identity."""

    connection_string: str | None = None
    queue_service: str | None = None
    table_service: str | None = None
    blob_service: str | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment says. `policy` is the error itself when it is invalid (rule 13)."""

    policy: Policy | PolicyError
    cloud: Cloud
    storage: Storage
    client_id: str | None
    role: Role = Role.ALONE
    second: Storage | None = None
    """Where the second app's queue is, for the app that may write there and nowhere else."""


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError for all but the policy, without which the app still has to run."""
    role = role_of(environment)
    if role is None:
        raise SettingsError(f"TETHER_ROLE is {environment['TETHER_ROLE']}: it must be plain or privileged, or not set")
    return Settings(
        policy=_policy(environment, role),
        cloud=_cloud(environment.get("TETHER_CLOUD", "AzureCloud"), environment.get("TETHER_ARM_ENDPOINT")),
        storage=_storage(environment),
        client_id=environment.get("AZURE_CLIENT_ID") or None,
        role=role,
        second=_second(environment) if role is Role.SHARING else None,
    )


def _policy(environment: Mapping[str, str], role: Role) -> Policy | PolicyError:
    """The policy, and the secrets that it leads to: one that is missing is as bad as a wrong field.

    The second app writes no records, so that it needs none of their keys.
    """
    try:
        policy = load(environment.get("TETHER_POLICY", ""))
        for number, record in enumerate(() if role is Role.PRIVILEGED else policy.records):
            if record.tsig is not None:
                _secret(f"records[{number}].tsig.secret", record.tsig, environment)
    except PolicyError as error:
        return error
    return policy


def _secret(field: str, tsig: Tsig, environment: Mapping[str, str]) -> None:
    try:
        secret_of(tsig, environment)
    except TargetSettingError as error:
        raise PolicyError(f"TETHER_POLICY: {error} (at {field})") from None


def _cloud(name: str, endpoint: str | None) -> Cloud:
    cloud = BY_NAME.get(name)
    if cloud is None:
        raise SettingsError(f"TETHER_CLOUD is {name}: it must be one of {', '.join(BY_NAME)}")
    if not endpoint:
        return cloud
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
        raise SettingsError("TETHER_ARM_ENDPOINT must be https:// and a host: a token is sent there")
    return replace(cloud, arm=endpoint.rstrip("/"))


def _second(environment: Mapping[str, str]) -> Storage:
    address = environment[SECOND_QUEUE].rstrip("/")
    if urlsplit(address).scheme != "https":
        raise SettingsError(f"{SECOND_QUEUE} must be https:// and a host: a token is sent there")
    return Storage(queue_service=address, client_id=environment.get("AZURE_CLIENT_ID") or None)


def _storage(environment: Mapping[str, str]) -> Storage:
    """The host's own storage, in both of its documented forms."""
    name = "AzureWebJobsStorage"
    if connection := environment.get(name):
        return Storage(connection_string=connection)
    client_id = environment.get(f"{name}__clientId") or environment.get("AZURE_CLIENT_ID") or None
    queue = environment.get(f"{name}__queueServiceUri", "").rstrip("/")
    if account := environment.get(f"{name}__accountName"):
        suffix = environment.get("TETHER_STORAGE_SUFFIX", "core.windows.net")
        queue = queue or f"https://{account}.queue.{suffix}"
    if queue:
        return Storage(
            queue_service=queue,
            table_service=environment.get(f"{name}__tableServiceUri") or queue.replace(".queue.", ".table.", 1),
            blob_service=environment.get(f"{name}__blobServiceUri") or queue.replace(".queue.", ".blob.", 1),
            client_id=client_id,
        )
    raise SettingsError(
        f"{name} is not set: give a connection string, or {name}__accountName (or __queueServiceUri) for the identity"
    )
