from odoo import http
from odoo.exceptions import AccessError, UserError
from odoo.http import content_disposition, request


class ShiftReport(http.Controller):
    """A shift's report as a file: the address can be bookmarked and shared among those who may see the line."""

    @http.route(
        "/mes/shift-report/<int:place_id>/<int:at>.pdf", type="http", auth="user", methods=["GET"], readonly=True
    )
    def pdf(self, place_id: int, at: int):
        """The report of the shift that ran at ``at`` (ms) on a line or machine, with the user's own rights."""
        try:
            name, content = request.env["mes.shift.sheet"].pdf(place_id, at)
        except AccessError as error:
            return request.make_response(str(error), status=403)
        except UserError as error:
            return request.make_response(str(error), status=404)
        headers = [
            ("Content-Type", "application/pdf"),
            ("Content-Length", str(len(content))),
            ("Content-Disposition", content_disposition(name, "inline")),
            ("Cache-Control", "no-store"),
        ]
        return request.make_response(content, headers)
