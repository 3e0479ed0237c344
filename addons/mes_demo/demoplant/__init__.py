"""The demo plant as plain data and pure functions: no Odoo here.

``layout`` says what the plant is made of (it agrees with the simulator of the bridge: tested),
``history`` invents a plausible past of it, ``paint`` is the small algebra of spans it uses.
"""

from .history import History, MachineHistory, invent
from .layout import LINE_CODE, MACHINES, PRODUCTS, SHIFTS, Machine

__all__ = ["LINE_CODE", "MACHINES", "PRODUCTS", "SHIFTS", "History", "Machine", "MachineHistory", "invent"]
