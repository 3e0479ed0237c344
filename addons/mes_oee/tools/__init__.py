from . import hours, rows
