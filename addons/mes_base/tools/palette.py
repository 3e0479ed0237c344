"""The palette of states for everything that is not a stylesheet: reports, spreadsheets.

The same colours stand in ``static/src/palette/palette.scss`` (a test compares them): Okabe and Ito, safe for
colour-blind eyes. A state colour is a fill under dark text with an outline, never text on white.
"""

STATE_COLORS: dict[str, str] = {
    "running": "#009E73",
    "idle": "#E69F00",
    "down": "#D55E00",
    "minor": "#F0E442",
    "setup": "#56B4E9",
    "maintenance": "#CC79A7",
}
PLANNED = "#aeb6be"
NO_DATA_PAPER = "#c9cdd1"
NO_DATA_LINE = "#8d949b"
STATE_INK = "#101418"
