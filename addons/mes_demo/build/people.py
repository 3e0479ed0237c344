"""Users of each role, the people of the crews, and the equipment that maintenance keeps."""

from typing import TYPE_CHECKING, Any

from ..demoplant import layout
from ..demoplant.people import CREWS, OFFICE, USERS
from .records import ensure

if TYPE_CHECKING:
    from .master import Plant


def ensure_users(env: Any, plant: "Plant") -> list[dict[str, str]]:
    """One person a role; the password is the login: a demo on this machine, nothing else."""
    people = []
    for person in USERS if plant.whole else USERS[:3]:
        group = env.ref(person["group"])
        more = env.ref(person["more"]) if person.get("more") else group
        ensure(
            env, "res.users", {"login": person["login"]},
            {
                "name": person["name"], "password": person["login"], "tz": layout.SITE["tz"],
                "company_id": env.company.id, "company_ids": [(6, 0, env.company.ids)],
                "group_ids": [(6, 0, (group | more).ids)],
            },
        )  # fmt: skip
        people.append({"login": person["login"], "password": person["login"], "role": group.name})
    return people


def ensure_employees(env: Any) -> None:
    """Everybody who works in the plant, and who is in which crew. Call it once the users are there."""
    users = {user.login: user.id for user in env["res.users"].search([("login", "in", [u["login"] for u in USERS])])}
    titles = {name: (title, login) for name, login, title in OFFICE}
    titles |= {name: ("Machine operator", login) for members in CREWS.values() for name, login in members}
    employees = env["hr.employee"]
    known = employees.search([("company_id", "=", env.company.id), ("name", "in", list(titles))])
    known |= employees.create(
        [
            {"name": name, "company_id": env.company.id, "job_title": title, "user_id": users.get(login, False)}
            for name, (title, login) in titles.items()
            if name not in known.mapped("name")
        ]
    )
    ids = {employee.name: employee.id for employee in known}
    crews = env["mes.crew"].search([("company_id", "=", env.company.id), ("code", "in", list(CREWS))])
    for crew in crews.filtered(lambda crew: not crew.member_ids):
        crew.member_ids = [(6, 0, [ids[name] for name, _login in CREWS[crew.code]])]


def ensure_equipment(env: Any, plant: "Plant") -> None:
    """Each machine as equipment that maintenance keeps, with who cares for it."""
    technician = env["res.users"].search([("login", "=", "maintenance")], limit=1)
    category = ensure(env, "maintenance.equipment.category", {"name": "Production machines"})
    known = env["maintenance.equipment"].search([("mes_workcenter_id", "in", [w.id for w in plant.machines.values()])])
    env["maintenance.equipment"].create(
        [
            {
                "name": workcenter.name, "category_id": category.id, "company_id": plant.site.company_id.id,
                "mes_workcenter_id": workcenter.id, "technician_user_id": technician.id,
                "serial_no": code.rsplit("/", 1)[-1],
            }
            for code, workcenter in plant.machines.items()
            if workcenter not in known.mes_workcenter_id
        ]
    )  # fmt: skip
