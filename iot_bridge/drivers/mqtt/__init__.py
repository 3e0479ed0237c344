"""MQTT 3.1.1 and 5. ``link`` is the connection to a broker, which Sparkplug B uses too."""
