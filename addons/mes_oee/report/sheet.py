"""What a shift report says, as plain values, every text in the reader's language. ``shift_pdf`` draws it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tile:
    """A big figure: ``value`` with its unit, what it is compared with, and (0..1) how far it has come."""

    label: str
    value: str
    compared: str = ""
    share: float | None = None
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A stretch of one state: from and to as shares of the hour (0..1), ``kind`` a key of the palette."""

    start: float
    end: float
    kind: str


@dataclass(frozen=True, slots=True)
class HourLine:
    """One hour of the clock: good pieces (``made``: as written) against the target, what was lost, and mostly why."""

    label: str
    ribbon: tuple[Ribbon, ...]
    good: int | None
    target: int | None
    made: str
    lost: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a list: its length as a share of the longest (may be negative), and what is written beside it."""

    label: str
    share: float
    cells: tuple[str, ...]
    kind: str = "planned"


@dataclass(frozen=True, slots=True)
class Bars:
    """A list of bars under a heading, with the names of its columns; ``empty`` is said when there is none."""

    title: str
    columns: tuple[str, ...]
    bars: tuple[Bar, ...]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The report of one shift."""

    title: str
    subtitle: str
    tiles: tuple[Tile, ...]
    hours_title: str
    hours_columns: tuple[str, ...]
    hours: tuple[HourLine, ...]
    lists: tuple[Bars, ...] = ()
    warnings: tuple[str, ...] = ()
    footer: tuple[str, ...] = field(default=())
