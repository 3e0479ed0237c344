"""One value into one device."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import WriteMultipleCoilsRequest, WriteSingleCoilRequest
from pymodbus.pdu.register_message import (
    MaskWriteRegisterRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)  # fmt: skip

from ...errors import Rejected
from ...events import Value
from ...tags.model import Tag
from .answers import REQUESTS
from .encode import as_flag, encode
from .exceptions import in_words
from .settings import ModbusConfig

Request = Callable[..., Awaitable[Any]]
_ALL_BITS = 0xFFFF
MOST_WRITTEN = 123


async def write(request: Request, config: ModbusConfig, tag: Tag, value: Value) -> None:
    """Write ``value``, raw, before scaling. Raise Rejected with the reason, LinkLost from ``request``."""
    if tag.table not in ("coil", "holding"):
        raise Rejected(f"{tag.tag}: table {tag.table} can only be read: give the tag a coil or a holding register")
    try:
        wanted = await _request_for(request, config, tag, value)
    except ValueError as error:
        raise Rejected(str(error)) from None
    answer = await request(wanted)
    if answer.isError():
        raise Rejected(f"{tag.tag}: the device refuses the write: {in_words(answer.exception_code)}")
    if answer.address != wanted.address:
        raise Rejected(f"{tag.tag}: the device wrote at {answer.address}, not at {wanted.address}: look at it")


async def _request_for(request: Request, config: ModbusConfig, tag: Tag, value: Value) -> ModbusPDU:
    address, unit = tag.register_, tag.unit_id
    single = config.write_function == "single"
    if tag.table == "coil":
        coil = WriteSingleCoilRequest if single else WriteMultipleCoilsRequest
        return coil(bits=[as_flag(tag, value)], address=address, dev_id=unit)
    if tag.type == "bool":
        flag = as_flag(tag, value)
        if config.bit_write == "mask":
            bit = 1 << tag.bit
            kept, set_to = _ALL_BITS ^ bit, bit if flag else 0
            return MaskWriteRegisterRequest(and_mask=kept, or_mask=set_to, address=address, dev_id=unit)
        registers = [await _changed(request, tag, flag)]
    else:
        registers = encode(tag, value)
    if len(registers) > MOST_WRITTEN:
        raise ValueError(f"{tag.tag}: at most {MOST_WRITTEN} registers can be written at once: shorten its length")
    several = not single or len(registers) > 1
    register = WriteMultipleRegistersRequest if several else WriteSingleRegisterRequest
    return register(registers=registers, address=address, dev_id=unit)


async def _changed(request: Request, tag: Tag, flag: bool) -> int:
    """The register's present value with the tag's bit set or cleared."""
    answer = await request(REQUESTS["holding"](address=tag.register_, count=1, dev_id=tag.unit_id), 2)
    if answer.isError():
        raise Rejected(f"{tag.tag}: the register can't be read before it is changed: {in_words(answer.exception_code)}")
    present = int.from_bytes(answer.payload, "big")
    return present | 1 << tag.bit if flag else present & ~(1 << tag.bit)
