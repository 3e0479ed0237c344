"""``python -m iot_bridge`` is ``iot-bridge``."""

from iot_bridge.cli import main

raise SystemExit(main())
