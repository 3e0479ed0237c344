import { SPANS, lines, marks } from "./trend_model";

const { DateTime } = luxon;

/** The colours that the stylesheet gives to this element: they follow light and dark. */
function colours(element) {
    const style = getComputedStyle(element);
    const of = (name) => style.getPropertyValue(`--mes-trend-${name}`).trim();
    return { text: style.color, line: of("line"), band: of("band"), grid: of("grid"), limit: of("limit") };
}

/**
 * The chart of a trend: a band from the least to the greatest value, the line of the means, the limits.
 *
 * @param {Object} data the answer of `read_trend`
 * @param {string} span its name
 * @param {HTMLElement} element whose colours are taken
 * @param {Function} shown value with its unit, as text
 */
export function chartConfig(data, span, element, shown) {
    const colour = colours(element);
    const { mark, format } = SPANS.find(({ name }) => name === span);
    const { low, high, mean } = lines(data.points);
    // A value between two gaps has no line to show it.
    const isAlone = ({ dataIndex, dataset }) =>
        dataset.data[dataIndex - 1]?.y == null && dataset.data[dataIndex + 1]?.y == null;
    const plain = { pointRadius: 0, pointHitRadius: 0, borderWidth: 0, spanGaps: false, stepped: false };
    const limits = (data.limits || []).map((value) => ({
        ...plain,
        label: "",
        data: [
            { x: data.from, y: value },
            { x: data.until, y: value },
        ],
        borderColor: colour.limit,
        borderDash: [6, 4],
        borderWidth: 1.5,
    }));
    return {
        type: "line",
        data: {
            datasets: [
                { ...plain, data: low },
                { ...plain, data: high, fill: "-1", backgroundColor: colour.band },
                {
                    ...plain,
                    data: mean,
                    borderColor: colour.line,
                    backgroundColor: colour.line,
                    borderWidth: 1.75,
                    pointRadius: (context) => (isAlone(context) ? 2 : 0),
                    pointHitRadius: 8,
                },
                ...limits,
            ],
        },
        options: {
            animation: false,
            parsing: false,
            normalized: true,
            maintainAspectRatio: false,
            interaction: { mode: "nearest", axis: "x", intersect: false },
            scales: {
                x: {
                    type: "linear",
                    min: data.from,
                    max: data.until,
                    grid: { color: colour.grid },
                    ticks: {
                        color: colour.text,
                        maxRotation: 0,
                        callback: (at) => DateTime.fromMillis(at).toFormat(format),
                    },
                    afterBuildTicks: (axis) => {
                        axis.ticks = marks(data.from, data.until, mark);
                    },
                },
                y: {
                    grid: { color: colour.grid },
                    ticks: { color: colour.text, maxTicksLimit: 6, callback: (value) => shown(value) },
                },
            },
            plugins: {
                legend: { display: false },
                tooltip: {
                    filter: ({ datasetIndex }) => datasetIndex === 2,
                    displayColors: false,
                    callbacks: {
                        title: ([item]) =>
                            item
                                ? DateTime.fromMillis(item.parsed.x).toLocaleString(
                                      DateTime.DATETIME_SHORT_WITH_SECONDS
                                  )
                                : "",
                        label: ({ dataIndex, parsed }) => {
                            const [least, most] = [low[dataIndex].y, high[dataIndex].y];
                            const value = shown(parsed.y);
                            return least === most ? value : [value, `${shown(least)} … ${shown(most)}`];
                        },
                    },
                },
            },
        },
    };
}
