from . import test_provision, test_week
