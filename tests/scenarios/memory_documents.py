"""Documents without storage, for the simulation. Pass the contract of the real ones (contract/test_reports.py)."""

from dataclasses import dataclass, field

from functions.ledger.reports import ReportsError


@dataclass
class MemoryDocuments:
    """Documents in a dict. `down` makes them unreachable."""

    down: bool = False
    held: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def read(self, name: str) -> bytes | None:
        self._check()
        return self.held.get(name)

    async def write(self, name: str, body: bytes) -> None:
        self._check()
        self.held[name] = body

    async def names(self, prefix: str) -> list[str]:
        self._check()
        return [name for name in self.held if name.startswith(prefix)]

    def _check(self) -> None:
        if self.down:
            raise ReportsError("the reports cannot be reached (test)")
