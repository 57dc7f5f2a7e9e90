"""What handlers write with."""

from dataclasses import dataclass

from functions.arm.session import Session
from functions.fleet.observe_records import Targets


@dataclass(frozen=True, slots=True)
class Means:
    """The ways out of a pass: ARM, and the policy's DNS targets."""

    session: Session
    targets: Targets
