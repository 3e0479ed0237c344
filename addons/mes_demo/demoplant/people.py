"""Who works in the plant: users of each role (the password is the login), and crews that rotate."""

from __future__ import annotations

USERS = (
    {"login": "operator", "name": "Olga Operator", "group": "mes_base.group_mes_operator"},
    {"login": "supervisor", "name": "Samir Supervisor", "group": "mes_base.group_mes_supervisor"},
    {"login": "engineer", "name": "Enno Engineer", "group": "mes_base.group_mes_engineer",
     "more": "mes_gateway.group_command"},
    {"login": "maintenance", "name": "Mara Maintenance", "group": "mes_base.group_mes_operator",
     "more": "maintenance.group_equipment_manager"},
)  # fmt: skip

# crew -> its people; the first leads it. One with a login is that user.
CREWS = {
    "A": (("Olga Operator", "operator"), ("Anton Albers", None), ("Aylin Aksoy", None)),
    "B": (("Bea Brandt", None), ("Boris Becker-Lang", None), ("Basma Bakri", None)),
    "C": (("Carla Conti", None), ("Cem Celik", None), ("Clara Claussen", None)),
    "D": (("Dario Donati", None), ("Dana Dvorak", None), ("Dirk Dahl", None)),
}
OFFICE = (
    ("Samir Supervisor", "supervisor", "Shift supervisor"),
    ("Enno Engineer", "engineer", "Process engineer"),
    ("Mara Maintenance", "maintenance", "Maintenance technician"),
)
