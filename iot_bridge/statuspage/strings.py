"""What the status page says, by language. English is complete by definition; a test holds the others to it."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "title": "IoT bridge", "well": "All is well", "attention": "Needs attention", "unreachable":
        "The bridge does not answer. What is shown is old, from {time}.", "updated": "Updated", "connections":
        "Connections", "streams": "Way to Odoo", "machines": "Machines", "tags": "Tags", "alarms": "Alarms",
        "no_alarms": "No alarm stands.", "no_connections": "No connection has tags yet. In Odoo: Manufacturing ▸ MES ▸ "
        "Gateways, add tags; here: add the device under connections.", "no_tags": "No tags yet: they come from Odoo "
        "when it has answered for the first time.", "no_machines": "No machine has told its state yet.",
        "no_match": "No tag contains this text.",
        "more": "{shown} of {all} shown: type to find others.", "filter": "Find a tag", "name": "Name",
        "driver": "Driver",
        "state": "State", "up": "up", "down": "down", "values": "Values read", "opens": "Opened", "overruns":
        "Late polls", "stream": "Stream", "waiting": "Waiting events", "lag": "Lag", "rejected": "Set aside by Odoo",
        "applied": "Delivered", "size": "On disk", "connected": "connected", "tag": "Tag", "connection": "Connection",
        "value": "Value", "age": "Age", "quality": "Quality", "mend": "What to do", "good": "good", "uncertain":
        "uncertain", "estimated": "estimated", "bad": "no usable value", "none": "not read yet", "stale": "old",
        "equipment": "Machine", "since": "Since", "counts": "Counts", "no_data": "no data", "running": "running",
        "idle": "idle", "stopped": "down", "setup": "setup", "maintenance": "maintenance", "version": "Version",
        "skew": "clock {seconds} s", "sessions": "{count} sessions", "healed": "{count} values found by reading",
        "repaired": "{count} items made anew", "overflowed": "{count} values found no room",
        "findings": "Latest findings", "time": "Time", "text": "What",
        "uptime": "Running for",
        "revision": "Tag revision", "memory": "Memory", "stuck": "These loops make no progress: {names}",
    },
    "de": {
        "title": "IoT-Bridge", "well": "Alles in Ordnung", "attention": "Bitte nachsehen", "unreachable":
        "Die Bridge antwortet nicht. Die Anzeige ist alt, von {time}.", "updated": "Stand", "connections":
        "Verbindungen", "streams": "Weg zu Odoo", "machines": "Maschinen", "tags": "Tags", "alarms": "Alarme",
        "no_alarms": "Kein Alarm steht an.", "no_connections": "Noch keine Verbindung hat Tags. In Odoo: Fertigung ▸ "
        "MES ▸ Gateways, Tags anlegen; hier: das Gerät unter connections eintragen.", "no_tags": "Noch keine Tags: sie "
        "kommen von Odoo, sobald es zum ersten Mal geantwortet hat.", "no_machines": "Noch keine Maschine hat ihren "
        "Zustand gemeldet.", "no_match": "Kein Tag enthält diesen Text.",
        "more": "{shown} von {all} gezeigt: tippen, um andere zu finden.", "filter": "Tag suchen", "name": "Name",
        "driver": "Treiber", "state": "Zustand", "up": "verbunden", "down": "getrennt", "values": "Gelesene Werte",
        "opens": "Geöffnet", "overruns": "Verspätete Abfragen", "stream": "Strom", "waiting": "Wartende Ereignisse",
        "lag": "Rückstand", "rejected": "Von Odoo beiseitegelegt", "applied": "Zugestellt", "size": "Auf der Platte",
        "connected": "verbunden", "tag": "Tag", "connection": "Verbindung", "value": "Wert", "age": "Alter",
        "quality": "Qualität", "mend": "Abhilfe", "good": "gut", "uncertain": "unsicher", "estimated": "geschätzt",
        "bad": "kein brauchbarer Wert", "none": "noch nicht gelesen", "stale": "alt", "equipment": "Maschine",
        "since": "Seit", "counts": "Zähler", "no_data": "keine Daten", "running": "läuft", "idle": "wartet",
        "stopped": "steht", "setup": "Rüsten", "maintenance": "Wartung", "version": "Version",
        "skew": "Uhr {seconds} s", "sessions": "{count} Sitzungen", "healed": "{count} Werte durch Lesen gefunden",
        "repaired": "{count} Items neu angelegt", "overflowed": "{count} Werte ohne Platz",
        "findings": "Letzte Befunde", "time": "Zeit", "text": "Was",
        "uptime": "Läuft seit", "revision":
        "Tag-Revision", "memory": "Speicher", "stuck": "Diese Schleifen kommen nicht voran: {names}",
    },
    "fr": {
        "title": "Passerelle IoT", "well": "Tout va bien", "attention": "À vérifier", "unreachable":
        "La passerelle ne répond pas. L’affichage date de {time}.", "updated": "Mis à jour", "connections":
        "Connexions", "streams": "Vers Odoo", "machines": "Machines", "tags": "Variables", "alarms": "Alarmes",
        "no_alarms": "Aucune alarme.", "no_connections": "Aucune connexion n’a encore de variables. Dans Odoo : "
        "Fabrication ▸ MES ▸ Passerelles, ajoutez des variables ; ici : ajoutez l’appareil sous connections.",
        "no_tags": "Pas encore de variables : elles viennent d’Odoo dès sa première réponse.", "no_machines":
        "Aucune machine n’a encore donné son état.", "no_match": "Aucune variable ne contient ce texte.",
        "more": "{shown} sur {all} affichées : saisissez un nom pour en trouver d’autres.", "filter":
        "Chercher une variable", "name": "Nom", "driver": "Pilote", "state": "État", "up": "connecté", "down":
        "coupé", "values": "Valeurs lues", "opens": "Ouvertures", "overruns": "Lectures en retard", "stream": "Flux",
        "waiting": "Événements en attente", "lag": "Retard", "rejected": "Écartés par Odoo", "applied": "Livrés",
        "size": "Sur disque", "connected": "connecté", "tag": "Variable", "connection": "Connexion", "value":
        "Valeur", "age": "Âge", "quality": "Qualité", "mend": "Que faire", "good": "bonne", "uncertain": "incertaine",
        "estimated": "estimée", "bad": "pas de valeur utilisable", "none": "pas encore lue", "stale": "ancienne",
        "equipment": "Machine", "since": "Depuis", "counts": "Compteurs", "no_data": "pas de données", "running":
        "en marche", "idle": "en attente", "stopped": "à l’arrêt", "setup": "réglage",
        "maintenance": "maintenance", "version": "Version",
        "skew": "horloge {seconds} s", "sessions": "{count} sessions", "healed": "{count} valeurs trouvées par lecture",
        "repaired": "{count} éléments recréés", "overflowed": "{count} valeurs sans place",
        "findings": "Derniers constats", "time": "Heure", "text": "Quoi",
        "uptime": "En service depuis", "revision": "Révision des variables", "memory": "Mémoire", "stuck":
        "Ces boucles n’avancent plus : {names}",
    },
}  # fmt: skip


def choose(accept: str) -> str:
    """The language that an Accept-Language header likes best among ours; English when none fits."""
    best, best_weight = "en", 0.0
    for part in accept[:200].split(","):
        name, _, weight_text = part.partition(";q=")
        language = name.strip().lower().partition("-")[0]
        try:
            weight = float(weight_text) if weight_text else 1.0
        except ValueError:
            continue
        if language in TEXTS and weight > best_weight:
            best, best_weight = language, weight
    return best
