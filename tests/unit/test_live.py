"""What a worker is made of, by its app settings: which of two apps it is, and what it has for that."""

import msgspec
import pytest

from functions import live
from functions.around import Around
from functions.dns.rfc2136 import Rfc2136Target
from functions.live import Live
from functions.policy import PolicyError
from functions.role import Role
from functions.second_app import NoSecondApp, QueuedSecondApp, SecondApp

TSIG = {"name": "k", "secret": "@env:TSIG_SECRET"}
RECORDS = {"zone": "privatelink.westeurope.azmk8s.io", "servers": ["10.0.0.4"], "tsig": TSIG, "authoritative": True}
POLICY = msgspec.json.encode({"owner": "x", "scope": {"managementGroups": ["all"]}, "records": [RECORDS]}).decode()
QUEUE = {"PRIVILEGED_QUEUE__queueServiceUri": "https://second.queue.example"}
SECRET = {"TSIG_SECRET": "c2VjcmV0"}


def made(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Live:
    for name in ("TETHER_ROLE", *QUEUE, *SECRET):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AzureWebJobsStorage__accountName": "x", "TETHER_POLICY": POLICY, **settings}.items():
        monkeypatch.setenv(name, value)
    return live._made()


@pytest.mark.parametrize(
    ("settings", "role", "second"),
    [
        pytest.param(SECRET, Role.ALONE, NoSecondApp, id="one app that does everything"),
        pytest.param({**SECRET, "TETHER_ROLE": "plain"}, Role.PLAIN, NoSecondApp, id="the plain app, and no other"),
        pytest.param({**SECRET, **QUEUE, "TETHER_ROLE": "plain"}, Role.SHARING, QueuedSecondApp, id="of two"),
        pytest.param({**QUEUE, "TETHER_ROLE": "privileged"}, Role.PRIVILEGED, NoSecondApp, id="the second app"),
    ],
)
async def test_a_worker_has_its_apps_role_and_only_the_plain_one_of_two_asks_another(
    settings: dict[str, str], role: Role, second: type[SecondApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    around = made(monkeypatch, **settings).around
    assert isinstance(around, Around)
    assert (around.role, type(around.second)) == (role, second)


async def test_the_second_app_reads_dns_servers_without_their_key(monkeypatch: pytest.MonkeyPatch) -> None:
    around = made(monkeypatch, TETHER_ROLE="privileged").around
    assert isinstance(around, Around)
    (target,) = around.policy.records
    assert isinstance(around.targets.store(target.place), Rfc2136Target)


async def test_with_an_invalid_policy_there_is_a_queue_and_nothing_to_write_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(made(monkeypatch, TETHER_POLICY='{"hubs": 1}').around, PolicyError)
