import subprocess
import sys
from typing import Any, cast

import pytest

from functions.arm.session import Session
from functions.dns.private_zone import PrivateZoneTarget
from functions.dns.rfc2136 import Rfc2136Target
from functions.dns.targets import TargetSettingError, target_of
from functions.policy import RecordTarget, Tsig
from tests.unit.worlds import CUSTOM_ZONE

SESSION = cast("Session", None)
SECRET = "bm90IGEgcmVhbCBzZWNyZXQ="
ZONE = "privatelink.westeurope.azmk8s.io"


def an_entry(**more: Any) -> RecordTarget:
    tsig = Tsig(name="tether.", secret="@env:TSIG_SECRET")
    return RecordTarget(
        **{"zone": f"{ZONE}.", "authoritative": True, "servers": ("10.0.0.4", "[fd00::4]:5353"), "tsig": tsig, **more}
    )


def test_a_zone_on_servers_is_called_by_the_zone_and_the_servers_and_not_by_its_secret() -> None:
    target = target_of(an_entry(), SESSION, {"TSIG_SECRET": SECRET})
    assert isinstance(target, Rfc2136Target)
    assert target.name == f"{ZONE} on 10.0.0.4:53, [fd00::4]:5353"
    assert target.covers(f"aks.{ZONE}")
    assert "not a real" not in repr(vars(target))
    assert SECRET not in repr(vars(target))


def test_a_private_zone_is_called_by_its_name_and_group() -> None:
    target = target_of(RecordTarget(private_zone=CUSTOM_ZONE, authoritative=True), SESSION, {})
    assert isinstance(target, PrivateZoneTarget)
    assert target.name == f"{ZONE} in {CUSTOM_ZONE.group_id}"


@pytest.mark.parametrize("secret", [None, " ", "hunter2-hunter2"])
def test_a_secret_that_cannot_be_had_names_the_setting_and_never_its_value(secret: str | None) -> None:
    environment = {} if secret is None else {"TSIG_SECRET": secret}
    with pytest.raises(TargetSettingError, match="TSIG_SECRET") as refused:
        target_of(an_entry(), SESSION, environment)
    assert "hunter2" not in str(refused.value)


def test_dnspython_is_not_loaded_before_a_zone_on_servers_is_asked_for() -> None:
    code = "import sys, functions.dns.targets, functions.dns.zone_rules; sys.exit('dns' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
