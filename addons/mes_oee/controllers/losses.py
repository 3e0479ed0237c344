import json

from odoo import http
from odoo.exceptions import UserError
from odoo.http import content_disposition, request

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Losses(http.Controller):
    """The loss analysis as a file, with the rights of whoever asks."""

    @http.route("/mes_oee/losses.xlsx", type="http", auth="user", methods=["POST"], readonly=True)
    def spreadsheet(self, choice: str = "{}", **_more: str):
        """The workbook of the choice (JSON) that the screen shows.

        :raises UserError: the choice is none, or the place is gone
        :raises AccessError: the user is no operator, or may not see the place
        """
        try:
            chosen = json.loads(choice)
        except ValueError as error:
            raise UserError(request.env._("The choice is not readable: download from the page again.")) from error
        name, content = request.env["mes.loss.book"].made(chosen)
        headers = [("Content-Type", XLSX), ("Content-Disposition", content_disposition(name))]
        return request.make_response(content, headers)
