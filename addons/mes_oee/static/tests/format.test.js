import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { allowTranslations } from "@web/../tests/web_test_helpers";
import { formatMinutes, formatNumber, formatPieces, formatRatio, formatSpan } from "@mes_oee/screen/format";

describe.current.tags("headless");
beforeEach(allowTranslations);

const MINUTE = 60000;
const HOUR = 60 * MINUTE;
const START = 1772409600000; // 2026-03-02 00:00 UTC

test("minutes have a decimal only where it tells", () => {
    expect(`${formatMinutes(12.4 * MINUTE)}`).toBe("12 min");
    expect(`${formatMinutes(3.44 * MINUTE)}`).toBe("3.4 min");
    expect(`${formatMinutes(9.97 * MINUTE)}`).toBe("10 min");
    expect(`${formatMinutes(3 * MINUTE)}`).toBe("3 min");
    expect(`${formatMinutes(0)}`).toBe("0 min");
});

test("what is not known is a dash", () => {
    expect(`${formatMinutes(null)}`).toBe("–");
    expect(`${formatPieces(undefined)}`).toBe("–");
    expect(formatRatio(null)).toBe("–");
    expect(formatNumber(null)).toBe("–");
});

test("pieces and ratios are written as people read them", () => {
    expect(`${formatPieces(12345)}`).toBe("12,345 pieces");
    expect(formatRatio(0.8744)).toBe("87.4\u00a0%");
});

test("a span names its days only when it has two", () => {
    expect(formatSpan(START + 6 * HOUR, START + 14 * HOUR, "UTC")).toBe("06:00 – 14:00");
    expect(formatSpan(START + 22 * HOUR, START + 30 * HOUR, "UTC")).toBe(
        "Mon, Mar 2 22:00 – Tue, Mar 3 06:00"
    );
});
