from . import tags
