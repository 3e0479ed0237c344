import json

from odoo import http
from odoo.exceptions import UserError
from odoo.http import content_disposition, request
from werkzeug.exceptions import BadRequest

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Losses(http.Controller):
    """The loss analysis as a file, with the rights of whoever asks."""

    @http.route("/mes_oee/losses.xlsx", type="http", auth="user", methods=["POST"], readonly=True)
    def spreadsheet(self, choice: str = "{}", **_more: str):
        """The workbook of the choice (JSON) that the screen shows.

        :raises BadRequest: the choice is none, the place is gone, or not the user's; its text is the error as JSON,
            as the web client's downloads read it
        """
        try:
            name, content = request.env["mes.loss.book"].made(self._choice(choice))
        except UserError as error:  # refused rights are one of them
            told = {"code": 200, "message": "Odoo Server Error", "data": http.serialize_exception(error)}
            raise BadRequest(json.dumps(told)) from error
        headers = [("Content-Type", XLSX), ("Content-Disposition", content_disposition(name))]
        return request.make_response(content, headers)

    def _choice(self, text: str):
        """:raises UserError: it is no JSON."""
        try:
            return json.loads(text)
        except ValueError as error:
            raise UserError(request.env._("The choice is not readable: download from the page again.")) from error
