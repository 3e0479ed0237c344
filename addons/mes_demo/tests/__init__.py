from . import test_provision
