"""Sparkplug B as host application, over the MQTT link of ``drivers.mqtt``."""
