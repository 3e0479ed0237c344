from odoo.exceptions import AccessError
from odoo.http import Controller, content_disposition, request, route


class Tags(Controller):
    """Tags as a file."""

    @route("/mes_gateway/<int:gateway_id>/tags.csv", type="http", auth="user", readonly=True)
    def export(self, gateway_id: int):
        """All tags of a gateway, in the columns that the import takes; for engineers."""
        if not request.env.user.has_group("mes_base.group_mes_engineer"):
            raise AccessError(request.env._("Only MES engineers export tags."))
        gateway = request.env["mes.gateway"].browse(gateway_id).exists()
        gateway.check_access("read")
        headers = [
            ("Content-Type", "text/csv; charset=utf-8"),
            ("Content-Disposition", content_disposition(f"tags-{gateway.name or gateway_id}.csv")),
        ]
        return request.make_response(gateway._tags_as_csv().encode("utf-8-sig"), headers)
