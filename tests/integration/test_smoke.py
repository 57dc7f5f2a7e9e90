"""The live smoke test, against a local Azure: what it looks at, what it writes, and that it always cleans up."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from azure.core.credentials import AccessTokenInfo
from rich.console import Console

from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.dns.ask import Asker
from functions.policy import FailedClusters, Hub, Mode, Policy, Resolution, Scope
from localazure import fault_effects as effects
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.azurite import PROGRAM
from localazure.fault_refusals import denied_by_policy, not_found
from localazure.faults import Faults
from localazure.in_process import InProcessTransport
from localazure.operations import OperationFailed
from localazure.rights import Role
from localazure.running import Running, running
from localazure.store import Resource
from localazure.up import policy_for
from localazure.virtual_time import run
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, HubAndSpoke, hub_and_spoke
from smoke.ground import Ground
from smoke.network_questions import UNASKED
from smoke.report import Mark, Report
from smoke.rights import GROUND, needs
from smoke.run import Wanted, smoke
from smoke.scrubbed import scrubbed
from smoke.wire import Wire
from tests.integration.test_end_to_end import create, until

ROOT = Path(__file__).parents[2]
APP = "55555555-5555-4555-8555-555555555555"
SECOND = "66666666-6666-4666-8666-666666666666"
SECRET = "eyJhbGciOiJub25lIn0." + "c2VjcmV0" * 12 + ".sig"
LINKS = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
GROUPS = "Microsoft.Resources/resourceGroups"


class SignedIn:
    """In place of the sign-in of az."""

    async def get_token_info(self, *scopes: str, options: Any = None) -> AccessTokenInfo:
        return AccessTokenInfo(SECRET, 4_102_444_800)

    async def close(self) -> None:
        """Nothing to close."""


class Here:
    """A local Azure in virtual time, and a report of what a smoke test said there."""

    def __init__(self) -> None:
        self.azure = LocalAzure(seed=5)
        self.faults = Faults(self.azure)
        self.world = hub_and_spoke(self.azure)
        self.report = Report(Console(quiet=True), 1_800_000_000.0)
        self.transport = InProcessTransport(arm_app(self.azure, self.faults))
        session = Session(PUBLIC, TokenSource(SignedIn()), self.transport)  # type: ignore[arg-type]
        self.wire = Wire(session, self.azure.clock.now, self.azure.clock.sleep)
        self.asked_for: list[str] = []

    async def smoke(self, *, agrees: bool = True, asker: Asker | None = None, **wanted: Any) -> Report:
        async def consent(ground: Ground) -> bool:
            self.asked_for.append(ground.name)
            return agrees

        await smoke(Wanted(SUBSCRIPTION, "westeurope", **wanted), self.wire, self.report, consent, asker)
        return self.report

    def groups(self) -> list[str]:
        return [group.name for group in self.azure.store.of_type(GROUPS) if group.name.startswith("tether-smoke-")]

    def said(self, name: str) -> list[tuple[Mark, str]]:
        return [(step.mark, step.said) for step in self.report.steps if step.name == name]

    def answer(self, name: str) -> Any:
        return next(answer for answer in self.report.answers if answer.name == name)


def in_azure(story: Callable[[Here], Awaitable[None]]) -> None:
    async def told() -> None:
        here = Here()
        await story(here)
        await here.azure.close()
        assert here.azure.failures == []

    run(told())


def a_policy(world: HubAndSpoke, **more: Any) -> Policy:
    scope = Scope(subscriptions=(SUBSCRIPTION,), hub_subscriptions=(HUB_SUBSCRIPTION,))
    hubs = (Hub(vnet=ResourceId(world.hub)),)
    return Policy(**{"owner": "smoke-test", "mode": Mode.ENFORCE, "scope": scope, "hubs": hubs, **more})


def test_with_consent_a_link_is_made_left_alone_and_removed_and_everything_is_asked() -> None:
    async def story(here: Here) -> None:
        report = await here.smoke(writes=True)
        assert report.wrong == []
        assert [step.name for step in report.steps if step.mark is Mark.WELL][-5:] == [
            "ground",
            "link made",
            "second pass",
            "link removed",
            "removed",
        ]
        assert here.said("link made") == [(Mark.WELL, "asked for after 0 s, Completed after 60 s")]
        assert {answer.name: answer.as_assumed for answer in report.answers} == {
            "link form": True,
            "link exists": True,
            "link twice": True,
            "record and link": True,
            "zone and link": True,
            "link deleted": True,
            "subnet ETag": None,
            "subnet failed": True,
            "subnets at once": True,
            "graph lag": None,
            "group and link": None,
        }
        assert here.groups() == []
        assert report.left == []

    in_azure(story)


@pytest.mark.parametrize(("judges", "words"), [(True, "it is enforced"), (False, "it is not enforced")])
def test_it_tells_whether_subnets_keep_to_if_match(judges: bool, words: str) -> None:
    async def story(here: Here) -> None:
        here.azure.network = replace(here.azure.network, judges_subnet_etags=judges)
        await here.smoke(writes=True)
        assert here.answer("subnet ETag").said.endswith(words)

    in_azure(story)


def test_without_write_nothing_but_reads_goes_out() -> None:
    async def story(here: Here) -> None:
        methods: list[str] = []
        send = here.transport.send

        async def noted(request: Any, **more: Any) -> Any:
            methods.append(request.method)
            return await send(request, **more)

        here.transport.send = noted  # type: ignore[method-assign]
        await here.smoke(policy=a_policy(here.world), principal=APP)
        assert set(methods) == {"GET"}
        assert here.asked_for == []

    in_azure(story)


def test_without_consent_nothing_is_written() -> None:
    async def story(here: Here) -> None:
        before = len(here.azure.store.of_type(GROUPS))
        report = await here.smoke(writes=True, agrees=False)
        assert here.said("consent") == [(Mark.NOTE, "not given: nothing was written")]
        assert (len(here.azure.store.of_type(GROUPS)), report.answers) == (before, [])

    in_azure(story)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/virtualNetworks/asked"), ("PUT", "/privateDnsZones/"), ("PUT", "/virtualNetworkLinks/tether-")],
)
def test_what_was_made_goes_also_when_a_write_is_refused(method: str, path: str) -> None:
    async def story(here: Here) -> None:
        here.faults.add(denied_by_policy(), method=method, path=path)
        report = await here.smoke(writes=True)
        assert report.wrong[0].name in {"ground", "link made"}
        assert here.groups() == []
        assert here.said("removed")[-1][0] is Mark.WELL

    in_azure(story)


def test_what_was_made_goes_also_when_arm_answers_no_more() -> None:
    async def story(here: Here) -> None:
        here.faults.add(effects.dropped_after(), method="PUT", path="/virtualNetworks/hub", times=5)
        report = await here.smoke(writes=True)
        assert [step.name for step in report.wrong] == ["writing"]
        assert here.groups() == []

    in_azure(story)


@pytest.mark.parametrize("after", [0.5, 3.0, 20.0, 70.0, 150.0])
def test_ctrl_c_removes_the_group_first(after: float) -> None:
    async def story(here: Here) -> None:
        running = asyncio.ensure_future(here.smoke(writes=True))
        await asyncio.sleep(after)
        assert here.groups()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert here.groups() == []
        assert here.report.left == []

    in_azure(story)


def test_a_group_that_cannot_be_removed_is_named_with_the_command() -> None:
    async def story(here: Here) -> None:
        here.azure.access.deny("Microsoft.Resources/subscriptions/resourceGroups/delete")
        here.faults.add(not_found(), path="/providers/Microsoft.Authorization/permissions")
        report = await here.smoke(writes=True)
        assert report.left == here.groups() != []
        assert report.wrong[-1].name == "removed"
        assert report.wrong[-1].advice.startswith(f"az group delete --yes --name {report.left[0]}")

    in_azure(story)


def test_a_link_that_keeps_the_group_from_going_is_taken_off() -> None:
    async def story(here: Here) -> None:
        links = here.azure.store

        async def refuse(zone: Resource) -> None:
            if links.of_type(LINKS, zone.id):
                raise OperationFailed("CannotDeleteResource", "a link is on it")

        here.azure.removers["microsoft.network/privatednszones"] = refuse
        report = await here.smoke(writes=True)
        assert here.answer("group and link").said.startswith("it stays: Azure gave its removal up")
        assert (report.wrong, here.groups()) == ([], [])

    in_azure(story)


def test_a_group_that_somebody_took_over_is_not_removed() -> None:
    async def story(here: Here) -> None:
        running = asyncio.ensure_future(here.smoke(writes=True))
        await asyncio.sleep(20)
        (group,) = [held for held in here.azure.store.of_type(GROUPS) if held.name in here.groups()]
        group.body["tags"] = {"owner": "somebody"}
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert here.report.left == here.groups() != []

    in_azure(story)


def test_the_group_of_another_run_is_named_and_left_alone() -> None:
    async def story(here: Here) -> None:
        path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/tether-smoke-older"
        await here.wire.send("PUT", path, "2024-03-01", {"location": "westeurope", "tags": {"tether-smoke": "older"}})
        await here.smoke(writes=True)
        assert here.said("left over") == [(Mark.NOTE, "tether-smoke-older was made by another run")]
        assert here.groups() == ["tether-smoke-older"]

    in_azure(story)


def test_without_the_rights_to_write_nothing_is_asked_or_written() -> None:
    async def story(here: Here) -> None:
        here.azure.access.deny("Microsoft.Network/virtualNetworks/write")
        report = await here.smoke(writes=True)
        assert report.wrong[0].said == "the writing part lacks Microsoft.Network/virtualNetworks/write"
        assert (here.asked_for, here.groups()) == ([], [])

    in_azure(story)


def test_the_rights_of_writing_are_enough_for_all_that_is_written() -> None:
    async def story(here: Here) -> None:
        actions = (*GROUND, "Microsoft.Authorization/permissions/read", "Microsoft.Resources/subscriptions/read")
        here.azure.access.rights.assign(SECRET, Role("writer", actions), f"/subscriptions/{SUBSCRIPTION}")
        report = await here.smoke(writes=True)
        assert report.wrong == []
        assert all(answer.as_assumed is not False for answer in report.answers)
        assert not any("Authorization" in json.dumps(answer.calls) for answer in report.answers)

    in_azure(story)


def test_what_the_apps_identity_lacks_is_named_scope_by_scope() -> None:
    async def story(here: Here) -> None:
        policy = a_policy(here.world, discover_resolvers=False)
        for need in needs(policy, [SUBSCRIPTION]):
            actions = tuple(action for action in need.actions if not action.endswith("virtualNetworks/join/action"))
            here.azure.access.rights.assign(APP, Role(need.role, actions), need.scope)
        await here.smoke(policy=policy, principal=APP)
        found = here.said("the app's rights")
        assert [said for mark, said in found if mark is Mark.WRONG] == [
            "join-hub at hub-westeurope in hub-westeurope lacks Microsoft.Network/virtualNetworks/join/action"
        ]
        assert sum(mark is Mark.WELL for mark, _ in found) == len(needs(policy, [SUBSCRIPTION])) - 1

    in_azure(story)


def test_in_mode_observe_only_rights_to_read_are_missed() -> None:
    async def story(here: Here) -> None:
        await here.smoke(policy=a_policy(here.world, mode=Mode.OBSERVE), principal=APP)
        found = here.said("the app's rights")
        assert {said.partition(" ")[0] for mark, said in found if mark is Mark.WRONG} == {"read-fleet"}
        assert {said.partition(" ")[0] for mark, said in found if mark is Mark.NOTE} == {
            "link-zones",
            "attach-route-tables",
            "join-hub",
        }
        assert (Mark.NOTE, "mode is observe: Tether will only tell what it would do. With enforce it does it.") in (
            here.said("policy")
        )

    here_nothing_is_assigned(story)


def here_nothing_is_assigned(story: Callable[[Here], Awaitable[None]]) -> None:
    async def limited(here: Here) -> None:
        here.azure.access.rights.limit(APP)
        await story(here)

    in_azure(limited)


def test_the_second_apps_rights_are_its_own() -> None:
    async def story(here: Here) -> None:
        policy = a_policy(here.world, failed_clusters=FailedClusters(reconcile=True))
        for need in needs(policy, [SUBSCRIPTION]):
            if not need.second:
                here.azure.access.rights.assign(APP, Role(need.role, need.actions), need.scope)
            if need.role == "put-clusters":
                here.azure.access.rights.assign(SECOND, Role(need.role, need.actions), need.scope)
        await here.smoke(policy=policy, principal=APP, second=SECOND)
        assert {mark for mark, _ in here.said("the app's rights")} == {Mark.WELL}
        (lacks,) = [said for mark, said in here.said("the second app's") if mark is Mark.WRONG]
        assert lacks.startswith(f"read-fleet at subscription {SUBSCRIPTION} lacks ")
        assert (Mark.WELL, f"put-clusters at subscription {SUBSCRIPTION}") in here.said("the second app's")

    in_azure(story)


def test_rights_are_looked_at_below_management_groups() -> None:
    async def story(here: Here) -> None:
        here.azure.management_groups[SUBSCRIPTION] = ("landing-zones",)
        policy = msgspec.structs.replace(a_policy(here.world), scope=Scope(management_groups=("landing-zones",)))
        await here.smoke(policy=policy)
        assert (Mark.WELL, f"read-fleet at subscription {SUBSCRIPTION}") in here.said("your rights")

    in_azure(story)


def test_what_the_caller_lacks_is_only_something_to_know() -> None:
    async def story(here: Here) -> None:
        here.azure.access.deny(f"{LINKS}/write")
        report = await here.smoke(policy=a_policy(here.world))
        lacks = f"link-zones at subscription {SUBSCRIPTION} lacks {LINKS}/write"
        assert (Mark.NOTE, lacks) in here.said("your rights")
        assert report.wrong == []

    in_azure(story)


@pytest.mark.parametrize(
    ("behind", "mark"), [(0.0, Mark.WELL), (60.0, Mark.NOTE), (-60.0, Mark.NOTE), (900.0, Mark.WRONG)]
)
def test_the_clock_is_compared_with_arms(behind: float, mark: Mark) -> None:
    async def story(here: Here) -> None:
        here.wire.now = lambda: here.azure.clock.now() - behind
        await here.smoke()
        assert here.said("clock")[0][0] is mark

    in_azure(story)


def test_a_sign_in_that_fails_is_told_and_ends_what_needs_one() -> None:
    async def story(here: Here) -> None:
        here.azure.access.unreadable.add(SUBSCRIPTION)
        report = await here.smoke(writes=True, policy=a_policy(here.world))
        assert report.wrong[0].name == "sign-in"
        assert here.said("your rights") == []

    in_azure(story)


async def test_dns_servers_are_asked_over_both_transports() -> None:
    async def silent(server: Any, question: Any, over: str, within: float) -> bytes:
        from functions.dns.target import TargetError, Trouble

        raise TargetError(Trouble.UNREACHABLE, "nobody answers" if over == "udp" else "refused")

    from smoke.preflight import reach

    world = hub_and_spoke(LocalAzure())
    found = await reach(a_policy(world, resolution=Resolution(servers=("10.0.0.4",))), Asker(silent))
    assert [(each.over, each.reached, each.said) for each in found] == [
        ("udp", False, "nobody answers"),
        ("tcp", False, "refused"),
    ]


def test_what_is_written_down_holds_no_ids_people_or_tokens(tmp_path: Path) -> None:
    async def story(here: Here) -> None:
        await here.smoke(writes=True, policy=a_policy(here.world), principal=APP)
        path = here.report.write(tmp_path)
        text = path.read_text()
        assert path.name == "smoke-20270115T080000Z.json"
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}", text)
        assert SECRET not in text
        assert "someone@" not in text
        document = json.loads(text)
        assert document["left"] == []
        assert {answer["name"] for answer in document["answers"]} >= {"subnet ETag", "zone and link"}
        (form,) = [answer for answer in document["answers"] if answer["name"] == "link form"]
        assert form["calls"][0]["status"] == 202
        assert form["calls"][0]["headers"]["azure-asyncoperation"].endswith("?…")
        assert all(each["needs"] for each in document["unasked"])

    in_azure(story)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('W/"0b1c2d3e-0000-4000-8000-000000000000"', 'W/"<guid>"'),
        ("https://management.azure.com:443/a/b?t=1&c=MII", "https://management.azure.com:443/a/b?…"),
        (f"Bearer {SECRET}", "Bearer <long>.<long>.sig"),
        ("The client 'ann' with object id 'x'", "The client '<name>' with object id 'x'"),
        ("ann.b@example.org wrote", "<name> wrote"),
        ("tether-hub-0123456789abcdef", "tether-hub-0123456789abcdef"),
    ],
)
def test_the_form_stays_and_whose_it_is_goes(text: str, written: str) -> None:
    assert scrubbed(text).replace(SECRET.partition(".")[0], "<long>") == written


@pytest.mark.skipif(not PROGRAM.exists(), reason="Azurite is not installed: run `make test` or `npm ci`")
async def test_a_deployed_app_is_asked_for_its_health_a_plan_and_its_last_sweep() -> None:
    async with running(speed=60) as local:
        world = hub_and_spoke(local.azure)
        observing = {**policy_for(world), "mode": "observe"}
        async with local.app(ROOT, policy=observing) as host:
            cluster = await create(local, world)
            zones = "Microsoft.Network/privateDnsZones"
            assert await until(lambda: bool(local.azure.store.of_type(zones)))
            session = Session(PUBLIC, TokenSource(SignedIn()), InProcessTransport(arm_app(local.azure)))  # type: ignore[arg-type]
            report = Report(Console(quiet=True), 0.0)
            wire = Wire(session, local.azure.clock.now, local.azure.clock.sleep)

            async def never(ground: Ground) -> bool:
                raise AssertionError("nothing is written")

            wanted = Wanted(SUBSCRIPTION, "westeurope", url=host.url, key=host.keys.function, cluster=cluster)
            await smoke(wanted, wire, report, never)
            said = {step.name: step for step in report.steps}
            assert said["dry run"].mark is Mark.WELL, said
            assert said["it would"].said.startswith("create link to ")
            assert said["last sweep"].mark is Mark.NOTE
            assert said["health"].said.startswith("healthy, mode observe")
            assert report.wrong == []
            await smoke(replace(wanted, key="wrong"), wire, report, never)
            assert [step.said for step in report.wrong] == ["the function key is missing or wrong"]
            assert host.keys.function not in json.dumps([step.said for step in report.steps])


async def test_a_key_goes_to_no_address_without_tls() -> None:
    report = Report(Console(quiet=True), 0.0)
    from smoke.run import _app

    await _app(Wanted(SUBSCRIPTION, "westeurope", url="http://example.org", key="k"), report)
    assert report.wrong[0].said == "the app's address must be https:// and a host: a key is sent there"


def signed_in_with_az(local: Running, folder: Path) -> dict[str, str]:
    """An environment in which `az` is signed in to a local Azure."""
    token = {"accessToken": "a.b.c", "expires_on": 4_070_908_800, "expiresOn": "2099-01-01 00:00:00.000000"}
    (folder / "az").write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(token)}\nEND\n")
    (folder / "az").chmod(0o755)
    settings = {name: text for name, text in local.app_settings().items() if not name.startswith("IDENTITY_")}
    return {**os.environ, **settings, "PATH": f"{folder}:{os.environ['PATH']}", "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION}


async def started(local: Running, folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    program = (sys.executable, "-m", "smoke", *arguments)
    environment = {**signed_in_with_az(local, folder), "PYTHONPATH": str(ROOT)}
    streams = {
        "stdout": asyncio.subprocess.PIPE,
        "stderr": asyncio.subprocess.STDOUT,
        "stdin": asyncio.subprocess.DEVNULL,
    }
    return await asyncio.create_subprocess_exec(*program, env=environment, cwd=folder, **streams)


async def test_the_command_takes_the_sign_in_of_az_and_asks_nobody_without_a_terminal(tmp_path: Path) -> None:
    async with running(storage=False) as local:
        hub_and_spoke(local.azure)
        before = len(local.azure.store.of_type(GROUPS))
        process = await started(local, tmp_path, "--write")
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        assert "not given: nothing was written" in said.decode()
        assert len(local.azure.store.of_type(GROUPS)) == before
        (written,) = (tmp_path / "build").glob("smoke-*.json")
        assert "a.b.c" not in written.read_text()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_cleans_up_when_it_is_stopped(tmp_path: Path, sign: signal.Signals) -> None:
    async with running(storage=False, speed=20) as local:
        hub_and_spoke(local.azure)
        process = await started(local, tmp_path, "--write", "--yes")

        def groups() -> list[str]:
            return [group.name for group in local.azure.store.of_type(GROUPS) if "smoke" in group.name]

        assert await until(lambda: bool(groups()), 20)
        process.send_signal(sign)
        said, _ = await process.communicate()
        assert process.returncode == 130, said.decode()
        assert groups() == []
        assert "is gone, after" in said.decode()


def test_the_page_has_every_question_that_cannot_be_asked() -> None:
    page = (ROOT / "docs" / "smoke.md").read_text()
    assert [each for each in UNASKED if f"| {each['question']} | {each['needs']} |" not in page] == []


async def test_without_a_sign_in_the_command_says_how_to_get_one(tmp_path: Path) -> None:
    async with running(storage=False) as local:
        hub_and_spoke(local.azure)
        environment = signed_in_with_az(local, tmp_path)
        (tmp_path / "az").write_text("#!/bin/sh\necho 'ERROR: Please run az login' >&2\nexit 1\n")
        program = (sys.executable, "-m", "smoke")
        environment["PYTHONPATH"] = str(ROOT)
        out = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*program, env=environment, cwd=tmp_path, stdout=out)
        said, _ = await process.communicate()
        assert process.returncode == 1
        assert "az login" in said.decode()
