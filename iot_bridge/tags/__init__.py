"""Tags: where a value is read and what it means. Local, or downloaded from Odoo by revision."""

from .check import TagCheck, check_set
from .download import keep_last_good, load_last_good, parse_download
from .model import Tag

__all__ = ["Tag", "TagCheck", "check_set", "keep_last_good", "load_last_good", "parse_download"]
