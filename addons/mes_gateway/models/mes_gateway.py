import time
from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_base.tools.fields import BigInteger, Timestamp
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..contract.limits import DAY_MS, FUTURE_TOLERANCE_MS, PAST_LIMIT_MS

KEY_LIFE_DAYS = 365
KEY_ALERT_DAYS = 30
VALID_KEYS = 2
SILENT_MS = 10_000
SKEW_MS = 2_000


class MesGateway(models.Model):
    """A bridge on the plant network as Odoo sees it: its user, streams, tags and health.

    Health is judged on read, from the last contact: no job has to run for a silent bridge to show.
    """

    _name = "mes.gateway"
    _description = "Gateway"
    _order = "company_id, name"
    _check_company_auto = True

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    site_id = fields.Many2one("mes.site", required=True, ondelete="restrict", check_company=True)
    user_id = fields.Many2one(
        "res.users", string="User", readonly=True, copy=False, ondelete="restrict",
        help="The technical user whose key the bridge holds. The button New key makes it.",
    )  # fmt: skip
    priority = fields.Integer(
        help="Rank of this gateway's facts: of two for the same instant the higher one is taken."
    )
    future_tolerance_ms = fields.Integer(
        string="Future Tolerance (ms)",
        default=FUTURE_TOLERANCE_MS,
        required=True,
        help="Events further ahead of the server's clock are set aside.",
    )
    past_limit_days = fields.Integer(
        string="Past Limit (days)",
        default=PAST_LIMIT_MS // DAY_MS,
        required=True,
        help="Events longer ago are set aside: they come from a clock that is wrong.",
    )
    tag_revision = fields.Integer(readonly=True, copy=False, default=0)
    stream_ids = fields.One2many("mes.gateway.stream", "gateway_id", string="Streams")
    tag_ids = fields.One2many("mes.gateway.tag", "gateway_id", string="Tags")
    heartbeat_ids = fields.One2many("mes.gateway.heartbeat", "gateway_id", string="Heartbeats")

    health = fields.Selection(
        [
            ("new", "Not connected yet"),
            ("silent", "Silent"),
            ("warning", "Needs a look"),
            ("ok", "Healthy"),
        ],
        compute="_compute_health",
        help="Can I trust what I see? Judged now, from the last contact.",
    )
    health_reason = fields.Char(compute="_compute_health", string="Why")
    last_seen = Timestamp(compute="_compute_health", string="Last Contact")
    seen_ago_s = fields.Integer(compute="_compute_health", string="Seconds Since")
    seen_ago = fields.Char(compute="_compute_health", string="Last Seen")
    skew_ms = BigInteger(compute="_compute_health", string="Clock Skew (ms)")
    bridge = fields.Char(compute="_compute_health", string="Bridge Version")
    command_count = fields.Integer(compute="_compute_command_count", string="Commands")
    open_rejections = fields.Integer(compute="_compute_open", string="Rejected")
    open_findings = fields.Integer(compute="_compute_open", string="Findings")
    valid_keys = fields.Integer(compute="_compute_keys", string="Valid Keys")
    key_expires = fields.Datetime(compute="_compute_keys", string="Newest Key Expires")

    _user_unique = models.Constraint("UNIQUE(user_id)", "A user belongs to one gateway.")
    _tolerance_positive = models.Constraint(
        "CHECK(future_tolerance_ms >= 0)", "The future tolerance can't be negative."
    )
    _past_limit_positive = models.Constraint("CHECK(past_limit_days > 0)", "The past limit is at least one day.")

    # -- health ------------------------------------------------------------------------------------

    def _compute_health(self):
        """From the youngest heartbeat of the gateway's streams."""
        now = int(time.time() * 1000)
        for gateway in self:
            # Who may see the gateway may see its state of health.
            beats = gateway.sudo().heartbeat_ids.filtered(
                lambda beat: beat.seen_at and beat.stream_id.active and not beat.stream_id.is_history
            )
            # A stream beside the main one (telemetry) sends no live values: only those that do can fall silent.
            beats = (beats.filtered("health") or beats).sorted("seen_at")
            beat = beats[-1:]
            gateway.last_seen = beat.seen_at
            gateway.seen_ago_s = max(0, (now - clock.to_ms(beat.seen_at)) // 1000) if beat else 0
            gateway.seen_ago = gateway._ago(gateway.seen_ago_s) if beat else self.env._("never")
            gateway.skew_ms, gateway.bridge = beat.skew_ms, beat.bridge
            gateway.health, gateway.health_reason = gateway._judge(beats, now)

    def _ago(self, seconds: int) -> str:
        """How long ago something was, in one unit."""
        if seconds < 120:
            return self.env._("%s s ago", seconds)
        if seconds < 7200:
            return self.env._("%s min ago", seconds // 60)
        if seconds < 172_800:
            return self.env._("%s h ago", seconds // 3600)
        return self.env._("%s d ago", seconds // 86_400)

    def _judge(self, beats, now_ms: int) -> tuple[str, str]:
        """The health of a gateway with these heartbeats (oldest first), and its reason."""
        if not beats:
            return "new", self.env._("Make a key, put it into the bridge's file and start the bridge.")
        silent = [beat for beat in beats if now_ms - clock.to_ms(beat.seen_at) > SILENT_MS]
        if silent:
            return "silent", self.env._(
                "No word from stream %s: look whether the bridge runs and reaches this server.",
                ", ".join(beat.stream_id.code for beat in silent),
            )
        reasons = [reason for beat in beats for reason in self._complaints(beat)] + self._own_complaints()
        return ("warning", " ".join(reasons)) if reasons else ("ok", "")

    def _complaints(self, beat) -> list[str]:
        """What is not as it should be with a stream that is in touch."""
        said = beat.health or {}
        found = []
        anchor = clock.anchor()
        if abs(beat.skew_ms) > SKEW_MS * (anchor.speed if anchor else 1):
            found.append(
                self.env._("The bridge's clock is off by %s ms: check its time service.", beat.skew_ms)
            )
        connections = said.get("connections")
        if isinstance(connections, dict):
            down = sorted(name for name, state in connections.items() if state != "up")
            if down:
                found.append(self.env._("No link to: %s.", ", ".join(down)))
        if said.get("tag_revision", self.tag_revision) != self.tag_revision:
            found.append(self.env._("The bridge has not taken the latest tags yet."))
        return found

    def _own_complaints(self) -> list[str]:
        """What waits for a person."""
        found = []
        if self.open_findings:
            found.append(self.env._("Open findings: %s.", self.open_findings))
        if self.open_rejections:
            found.append(self.env._("Rejected events: %s.", self.open_rejections))
        if self.key_expires and self.key_expires < fields.Datetime.now() + timedelta(days=KEY_ALERT_DAYS):
            found.append(self.env._("The key expires on %s: make a new one.", self.key_expires.date()))
        return found

    def _compute_open(self):
        """What waits for a person."""
        # Counting tells nothing of the records' contents; the lists themselves are behind rights.
        findings = self.sudo().env["mes.gateway.finding"]._read_group(
            [("gateway_id", "in", self.ids), ("state", "=", "open")], ["gateway_id"], ["__count"]
        )
        rejections = self.sudo().env["mes.event.rejection"]._read_group(
            [("stream_id.gateway_id", "in", self.ids), ("state", "=", "open")], ["stream_id"], ["__count"]
        )
        found = {gateway.id: count for gateway, count in findings}
        for gateway in self:
            gateway.open_findings = found.get(gateway.id, 0)
            gateway.open_rejections = sum(n for stream, n in rejections if stream.gateway_id.id == gateway.id)

    # -- keys --------------------------------------------------------------------------------------

    def _compute_keys(self):
        """How many keys would open the gateway's door now, and until when the newest does."""
        # The keys of the technical user, whose records only the user itself may see.
        keys = self.sudo().env["res.users.apikeys"]
        for gateway in self:
            valid = keys.search([("user_id", "=", gateway.sudo().user_id.id)]).filtered(
                lambda key: not key.expiration_date or key.expiration_date > fields.Datetime.now()
            )
            gateway.valid_keys = len(valid)
            gateway.key_expires = max(valid.filtered("expiration_date").mapped("expiration_date"), default=False)

    def action_new_key(self):
        """Make a key and show it once. The key before stays valid, so that the bridge can change over
        without a break; older ones are revoked."""
        self.ensure_one()
        self.check_access("write")
        user = self._ensure_user()
        self._revoke_keys(keep=VALID_KEYS - 1)
        expires = fields.Datetime.now() + timedelta(days=KEY_LIFE_DAYS)
        # Making a key for another user needs superuser mode; write access to the gateway was checked.
        keys = self.env["res.users.apikeys"].with_user(user).sudo()
        key = keys._generate("rpc", self.env._("Gateway %s", self.name), expires)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Key of gateway %s", self.name),
            "res_model": "mes.gateway.key.show",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_key": key,
                "default_login": user.login,
                "default_user": user.id,
                "default_database": self.env.cr.dbname,
                "default_url": self.get_base_url(),
                "default_expires": expires.date().isoformat(),
            },
        }

    def action_revoke_keys(self):
        """Revoke all keys but the newest, at the end of a change-over."""
        self.ensure_one()
        self.check_access("write")
        self._revoke_keys(keep=1)

    def _ensure_user(self):
        """The gateway's technical user: the gateway group and nothing else, no password."""
        if not self.user_id:
            # An engineer may not make users; this one has no right but the gateway's four calls.
            self.sudo().user_id = self.sudo().env["res.users"].with_context(no_reset_password=True).create(
                {
                    "name": self.env._("Gateway %s", self.name),
                    "login": f"gateway-{self.id}-{self.company_id.id}",
                    "company_id": self.company_id.id,
                    "company_ids": [(6, 0, self.company_id.ids)],
                    "group_ids": [(6, 0, self.env.ref("mes_base.group_mes_gateway").ids)],
                }
            )
        return self.sudo().user_id

    def _revoke_keys(self, keep: int) -> None:
        """Revoke the gateway's keys but the ``keep`` newest."""
        # Only the user itself may see its keys; write access to the gateway was checked.
        keys = self.sudo().env["res.users.apikeys"].search([("user_id", "=", self.user_id.id)], order="id desc")
        keys[keep:]._remove()

    # -- tags --------------------------------------------------------------------------------------

    def _raise_tag_revision(self) -> None:
        """Tell the bridges that the tags have changed."""
        if self:
            self.flush_recordset(["tag_revision"])
            self.env.cr.execute(
                SQL(
                    "UPDATE mes_gateway SET tag_revision = coalesce(tag_revision, 0) + 1 WHERE id IN %s",
                    tuple(self.ids),
                )
            )
            self.invalidate_recordset(["tag_revision"])

    # -- life --------------------------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """The user is made by the button, never chosen: a chosen one would lend its key to events."""
        for vals in vals_list:
            self._refuse_user(vals)
        if not self.env.su:
            # Said outright: else a default of the client's context would choose one.
            vals_list = [{**vals, "user_id": False} for vals in vals_list]
        return super().create(vals_list)

    def _refuse_user(self, vals: dict) -> None:
        if vals.get("user_id") and not self.env.su:
            raise AccessError(self.env._("A gateway's user can't be chosen; press New key to have it made."))

    def write(self, vals):
        """A gateway with a past stays where it is: its streams' facts belong to company and site."""
        self._refuse_user(vals)
        if {"company_id", "site_id"} & vals.keys() and any(self.stream_ids.mapped("applied")):
            raise UserError(
                self.env._("This gateway has delivered facts; make another one for the other site.")
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_only_unused(self):
        if self.stream_ids:
            raise UserError(self.env._("A gateway with streams has a history: archive it instead."))

    # -- screens -----------------------------------------------------------------------------------

    def action_open_rejections(self):
        """The gateway's rejected events."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("mes_gateway.mes_event_rejection_action")
        return action | {"domain": [("stream_id", "in", self.stream_ids.ids)]}

    def _compute_command_count(self):
        domain = [("gateway_id", "in", self.ids)]
        counts = dict(self.env["mes.command"]._read_group(domain, ["gateway_id"], ["__count"]))
        for gateway in self:
            gateway.command_count = counts.get(gateway, 0)

    def action_open_commands(self):
        """The commands to the gateway's tags."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("mes_gateway.mes_command_action")
        return action | {"domain": [("gateway_id", "in", self.ids)]}

    def action_open_findings(self):
        """The gateway's findings."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("mes_gateway.mes_gateway_finding_action")
        return action | {"domain": [("gateway_id", "in", self.ids)]}
