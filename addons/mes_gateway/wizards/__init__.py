from . import mes_gateway_tag_import, mes_gateway_tag_import_row
