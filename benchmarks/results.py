"""What was found out about one server in one scenario."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Result:
    """One server in one scenario.  What was not measured is None."""

    scenario: str
    server: str
    rate: float | None = None
    """Of the scenario's unit, a second."""
    unit: str = ""
    p50: float | None = None
    p99: float | None = None
    """Milliseconds."""
    cores: float | None = None
    """Processor seconds the server used a second, all its processes together."""
    per_cpu: float | None = None
    """Of the unit, for each of those processor seconds: what the server's own work costs, however busy the machine."""
    memory: float | None = None
    """In the scenario's unit of memory."""
    memory_unit: str = ""
    remarks: list[str] = field(default_factory=list)
