"""What an architecture file's prices hold at: its technology table, its clock and its supply."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dse.architecture.technology import Technology, load_technology
from dse.errors import DseError
from dse.formats.architecture.model import ArchitectureModel, TechnologyModel
from dse.formats.text import quantity as q


class BuildError(DseError):
    """Something that only shows when the parts of a file meet; `path` says where it stands."""

    def __init__(self, path: tuple[str, ...], message: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


@dataclass(frozen=True, slots=True)
class Context:
    """What quantities that are relative to the architecture are relative to.

    Parameters
    ----------
    technology : Technology
        At the node and supply asked for.
    stated_mac_pj : float
        A MAC's energy at the file's own supply.
    clock_hz : float
    word_bits : int
    supply_ratio, clock_ratio : float
        Supply (over the nominal one) and clock over those of the rating.
    """

    technology: Technology
    stated_mac_pj: float
    clock_hz: float
    word_bits: int
    supply_ratio: float
    clock_ratio: float

    def energy_pj(self, given: q.Quantity, word_bits: int, is_on_chip: bool = True) -> float:
        """A stated energy: it holds at the file's own supply, and on the chip goes with the square of the supply."""
        stated_pj = q.picojoules(given, self.stated_mac_pj, word_bits)
        return stated_pj * self.supply_ratio**2 if is_on_chip else stated_pj

    def static_mw(self, given: q.Quantity) -> float:
        """A stated static power, which goes with the supply."""
        return q.milliwatts(given) * self.supply_ratio

    def clock_mw(self, given: q.Quantity) -> float:
        """A stated clock power, which goes with the clock and the square of the supply."""
        return q.milliwatts(given) * self.clock_ratio * self.supply_ratio**2

    def clock_mw_of(self, energy_pj: float) -> float:
        """The power of an energy a cycle."""
        return energy_pj * self.clock_hz * 1e-9


@dataclass(frozen=True, slots=True)
class Rating:
    """What the powers and energies that a file states hold at.

    Parameters
    ----------
    clock_hz : float
        The file's own clock, taken as the most that its own supply allows.
    supply_share : float
        Its own supply over the nominal one.
    speed : float
        `Technology.speed` at that supply.
    """

    clock_hz: float
    supply_share: float
    speed: float


def rating_of(model: ArchitectureModel) -> Rating:
    """The rating of a file at its own values.

    Raises
    ------
    BuildError
        If its clock is `max`: of what, only the file's own clock can say.
    """
    technology = technology_of(model.technology)
    clock = model.clock or model.technology.clock
    if not isinstance(clock, q.Quantity):
        message = "clock: max is relative to the clock that the file states at its own supply"
        path = ("clock",) if model.clock else ("technology", "clock")
        raise BuildError(path, message, "state it, e.g. clock: 200 MHz; a sweep or --set may then say max")
    return Rating(q.hertz(clock), technology.supply_v / technology.nominal_v, technology.speed())


def clock_of(model: ArchitectureModel, technology: Technology, rating: Rating) -> float:
    """Clock in Hz; one that is stated beside another supply must be within what that allows."""
    clock = model.clock or model.technology.clock
    most = rating.clock_hz * technology.speed() / rating.speed
    if not isinstance(clock, q.Quantity):
        return most
    path = ("clock",) if model.clock else ("technology", "clock")
    if model.technology.voltage and q.hertz(clock) > most * (1 + 1e-9):
        raise BuildError(
            path, f"a clock of {clock} is more than {technology.supply_v:g} V allows: {most / 1e6:.4g} MHz",
            f"{'.'.join(path)}: max, or a higher technology.voltage",
        )  # fmt: skip
    return q.hertz(clock)


def technology_of(model: TechnologyModel) -> Technology:
    """The table that a file names, at its node and supply."""
    try:
        technology = load_technology(model.table)
    except DseError as error:
        raise BuildError(("technology", "table"), error.message, error.hint) from None
    technology = replace(technology, flavour=model.flavour, temperature_k=q.kelvin(model.temperature))
    try:
        technology = technology.at_node(q.nanometres(model.node)) if model.node else technology
    except DseError as error:
        raise BuildError(("technology", "node"), error.message, error.hint) from None
    try:
        return technology.at_voltage(q.volts(model.voltage)) if model.voltage else technology
    except DseError as error:
        raise BuildError(("technology", "voltage"), error.message, error.hint) from None


def left_to_technology(path: str, model: ArchitectureModel) -> str | None:
    """The supply and the node of a technology table, where a file leaves them to it."""
    if path == "technology.voltage":
        return f"{technology_of(model.technology).supply_v:g} V"
    return f"{technology_of(model.technology).node_nm:g} nm" if path == "technology.node" else None
