from . import (
    ir_websocket,
    mes_event_applier,
    mes_event_pending,
    mes_event_rejection,
    mes_gateway,
    mes_gateway_call,
    mes_gateway_finding,
    mes_gateway_heartbeat,
    mes_gateway_key_show,
    mes_gateway_stream,
    mes_gateway_tag,
    mes_measurement,
)
