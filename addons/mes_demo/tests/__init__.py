from . import test_alarms, test_provision, test_week
