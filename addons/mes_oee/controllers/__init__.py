from . import losses, shift_report
