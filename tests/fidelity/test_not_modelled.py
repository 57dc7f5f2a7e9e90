"""The list of recordings that are not modelled yet is true and complete: see not_modelled.py."""

import pytest

from localazure.virtual_time import run
from tests.fidelity import test_aks, test_arm
from tests.fidelity.not_modelled import NOT_MODELLED, NOT_REPLAYED, UNSUPPORTED
from tests.fidelity.recorded_traffic import ROOT, recordings, skip_if_absent

# Folders whose recordings are held against Tether's reading alone, each file in a table of its own test module.
READ_ONLY = ("errors/", "events/", "spec-examples/")


def is_modelled(name: str) -> bool:
    """Whether the local Azure has every type of a recording and answers all of it as recorded."""
    if name.startswith("aks/"):
        try:
            return not run(test_aks.differences(name.removeprefix("aks/")))
        except (AssertionError, LookupError):  # a state that is never reached, or a resource that is not there
            return False
    return not test_arm.types_in(name).keys() & UNSUPPORTED.keys() and not replay_differs(name)


def replay_differs(name: str) -> bool:
    """Whether what the local Azure has of a recording is answered otherwise."""
    return bool(run(test_arm.differences(name)))


@pytest.mark.parametrize(("name", "reason"), NOT_MODELLED.items())
def test_a_recording_that_is_not_modelled_yet(name: str, reason: str) -> None:
    skip_if_absent()
    assert (ROOT / f"{name}.json").is_file(), f"there is no recording {name}: take it out of NOT_MODELLED"
    assert not is_modelled(name), f"{name} is modelled: take it out of NOT_MODELLED"
    pytest.skip(f"{name}: {reason}")


@pytest.mark.parametrize("name", sorted(NOT_REPLAYED))
def test_a_recording_that_is_not_replayed_is_listed_and_differs(name: str) -> None:
    skip_if_absent()
    assert name in NOT_MODELLED
    assert replay_differs(name), f"{name} is answered as recorded: take it out of NOT_REPLAYED"


def test_every_recording_is_modelled_or_listed() -> None:
    skip_if_absent()
    every = {found.name for found in recordings() if not found.name.startswith(READ_ONLY)}
    of_aks = {f"aks/{name}" for name in test_aks.FLOWS}
    replayed = {name for name in test_arm.names() if not name.startswith(READ_ONLY)}
    whole = {name for name in replayed if not test_arm.types_in(name).keys() & UNSUPPORTED.keys()}
    assert every == of_aks | whole | NOT_MODELLED.keys()
    assert not of_aks & NOT_MODELLED.keys()


def test_a_recording_that_is_modelled_is_told_from_one_that_is_not() -> None:
    """Else the list could keep anything."""
    skip_if_absent()
    assert is_modelled("aks/private-zone-none-create")
    assert is_modelled("network/vnet-put-resends-subnets-2025-03-01")
    assert not is_modelled("aks/nodepool-stopped")
    assert not is_modelled("network/ip-group-crud")
