"""Every alarm code: what it means and what to do. The status page shows it, the docs table is checked against it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alarm:
    """Two sentences for a person in the plant."""

    meaning: str
    mend: str


ALARMS: dict[str, Alarm] = {
    "access_denied": Alarm("Odoo refuses login or key", "make a new key with the gateway's button in Odoo, put it into "
                           "key_file, and restart the bridge"),
    "gateway_unknown": Alarm("the login belongs to no gateway", "use the login that the gateway shows beside its key"),
    "stream_unknown": Alarm("the gateway has no stream of this name", "correct stream in bridge.yaml, or add it at the "
                            "gateway in Odoo"),
    "stream_foreign": Alarm("the stream belongs to another gateway", "correct stream or login in bridge.yaml"),
    "epoch_conflict": Alarm("another machine delivers this stream", "stop the copy, or give this bridge a stream of "
                            "its own; events are kept meanwhile"),
    "odoo_restored": Alarm("Odoo is behind what it had acknowledged", "nothing: everything that is kept is sent again"),
    "outbox_restored": Alarm("Odoo is ahead of this disk", "nothing: a new epoch begins, totals go on from Odoo's"),
    "outbox_damaged": Alarm("the outbox was damaged and is moved aside, totals are healed from Odoo", "look at the "
                            "disk; what had not been sent is in the file moved aside"),
    "outbox": Alarm("the outbox can't store (disk full)", "free space in data_dir; counters go on from their last "
                    "stored reading"),
    "quarantined": Alarm("Odoo refused one event as a whole", "see the table verdict in the outbox; the rest goes on"),
    "queue_altered": Alarm("an event in the outbox's file was altered or removed, and was not sent", "look at the disk "
                           "and at who may write to data_dir; the event is in the table verdict"),
    "count_mismatch": Alarm("a total does not follow from the one before it", "look at the disk; compare the "
                            "counter in Odoo with the machine's"),
    "odoo_silent": Alarm("Odoo does not answer the live lane", "look at Odoo and the network; events are kept "
                         "meanwhile"),
    "odoo_wrong_address": Alarm("something else than Odoo answers at odoo.url", "correct odoo.url and odoo.database"),
    "odoo_wrong_database": Alarm("Odoo has no such database", "correct odoo.database"),
    "module_missing": Alarm("the database has no module mes_gateway, or an older one", "install or upgrade it in "
                            "Odoo's Apps"),
    "tls": Alarm("the certificate of Odoo is not accepted", "renew it, or name its authority in odoo.ca_file; the "
                 "sentence says which"),
    "measurements_lost": Alarm("measurements could not be stored (disk full); states and counts go on", "free space "
                               "in data_dir, or raise outbox.max_bytes"),
    "tags_damaged": Alarm("the tags kept on the disk are damaged; nothing is read before Odoo gives them anew", "look "
                          "at the disk"),
    "tags": Alarm("the tags of Odoo can't be used, the last good ones stay", "correct them in Odoo; the sentence says "
                  "which and how"),
    "config": Alarm("bridge.yaml was reloaded and can't be used, the one in use stays", "correct the file (iot-bridge "
                    "check tells the line) and reload again"),
    "status": Alarm("the status page can't be served", "choose a free status.port"),
    "clock": Alarm("the clock of a device is wrong, and its own time stamps what it tells", "let the device follow a "
                   "time server, or set clock: corrected for the connection"),
    "acknowledge": Alarm("a record of a handshake can't be acknowledged to the device", "allow its ack_tag in the "
                         "connection's write list and in Odoo's tag map; the sentence says what is missing"),
    "stuck": Alarm("a connection made no progress and was started anew", "look at the log; when it comes again, report "
                   "it with the log: a driver hangs"),
}  # fmt: skip


def mend_of(code: str) -> str:
    """What to do about an alarm; empty for one that is not in the table."""
    alarm = ALARMS.get(code.partition(":")[0])
    return alarm.mend if alarm is not None else ""
