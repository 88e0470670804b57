/* page.js - draws the report that stands in the page. Text goes in as text, never as HTML. */
"use strict";

const report = JSON.parse(document.getElementById("report").textContent);
const page = document.getElementById("page");

/* ---- words and numbers ------------------------------------------------------------------------------------------------ */

const WORKS = {
    sqrt: ["Square roots", "pure arithmetic, with nothing but the engine in the way"],
    records: ["Records of a file", "two columns, read and summed up"],
    wait: ["Waiting", "each run waits for an answer and computes nothing"],
    counter: ["One shared counter", "every worker locks the same mutex"],
};
const titleOf = (work) => WORKS[work]?.[0] ?? work;
const nameOf = (who) => (who.language === "python" ? `Python ${who.engine}` : who.engine === "fork" ? "plain fork" : who.engine);
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const unique = (list) => [...new Set(list)];
const isPython = (who) => who.language === "python";
const digits = (x) => x.toFixed(x < 9.995 ? 2 : x < 99.95 ? 1 : 0);
const times = (x) => `${digits(x)}\u00d7`;
const times0 = (x) => `${Number(x.toPrecision(3))}\u00d7`; /* on an axis: 2x */
const percent = (x) => `${(100 * x).toFixed(x < 0.1 ? 1 : 0)} %`;

function time(s) {
    for (const [factor, unit] of [
        [1, "s"],
        [1e3, "ms"],
        [1e6, "\u00b5s"],
    ])
        if (Math.abs(s) * factor >= 0.9995) return `${digits(s * factor)} ${unit}`;
    return s === 0 ? "0" : `${digits(s * 1e9)} ns`;
}

const shortTime = (s) => time(s).replace(/\.0+ /, " "); /* on an axis: 10 ms */

function bytes(b) {
    return Math.abs(b) < 1e3
        ? `${digits(b)} B`
        : Math.abs(b) < 1e6
          ? `${digits(b / 1e3)} KB`
          : b < 1e9
            ? `${digits(b / 1e6)} MB`
            : `${digits(b / 1e9)} GB`;
}

const valueOf = (x, unit) => (unit === "s" ? time(x) : unit === "bytes" ? bytes(x) : `${Number(x.toPrecision(3))}`);
const between = (low, high, show = time) => `${show(low)} to ${show(high)}`;

function list(words) {
    return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

function quantile(sorted, q) {
    return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
}

/* ---- the page's own parts --------------------------------------------------------------------------------------------- */

function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) node.setAttribute(name, value);
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
}

/* rows: arrays of text, the first cell names the row; a cell may be [text, smaller text]. */
function table(head, rows) {
    const cell = (content, i) =>
        el(i ? "td" : "th", i ? {} : { scope: "row" }, ...(Array.isArray(content) ? [content[0], el("small", {}, content[1])] : [content]));
    return el(
        "div",
        { class: "wide", tabindex: "0", role: "region", "aria-label": "table" },
        el(
            "table",
            {},
            el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col" }, name)))),
            el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell)))),
        ),
    );
}

function section(id, title, intro) {
    const charts = el("div", { class: "charts" });
    const node = el("section", { id }, el("h2", {}, title), intro ? el("p", { class: "soft" }, intro) : null, charts);
    page.append(node);
    return charts;
}

const notMeasured = (why) => el("p", { class: "soft missing" }, why);

/* ---- charts ------------------------------------------------------------------------------------------------------------ */

const drawings = []; /* all that is drawn, to be drawn anew when the colours change */

function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() || "#888";
}

const colorOf = (who) => color(["serial", "threads", "processes", "processes-ready", "fork"].includes(who.engine) ? who.engine : "serial");

/* Python is hatched in the colour of its engine. */
function fillOf(who) {
    const tile = document.createElement("canvas");
    if (!isPython(who)) return colorOf(who);
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.fillStyle = color("card");
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = colorOf(who);
    pen.lineWidth = 2.5;
    pen.beginPath();
    for (const x of [-8, 0, 8]) {
        pen.moveTo(x - 2, 10);
        pen.lineTo(x + 10, -2);
    }
    pen.stroke();
    return pen.createPattern(tile, "repeat");
}

/* A dataset may have `spread`, [low, high] of each value, and `notes`, [text, smaller text], which stand at the right. */
const extras = {
    id: "extras",
    afterDatasetsDraw(chart) {
        const pen = chart.ctx,
            { left, right, top, bottom } = chart.chartArea,
            lies = chart.options.indexAxis === "y";
        const scale = lies ? chart.scales.x : chart.scales.y;
        const keep = (p) => (lies ? Math.min(Math.max(p, left), right) : Math.min(Math.max(p, top), bottom));
        pen.save();
        chart.data.datasets.forEach(
            (set, k) =>
                chart.isDatasetVisible(k) &&
                chart.getDatasetMeta(k).data.forEach((at, i) => {
                    const spread = set.spread?.[i];
                    if (spread?.every(Number.isFinite))
                        whisker(pen, lies, lies ? at.y : at.x, ...spread.map((v) => keep(scale.getPixelForValue(v))));
                    if (set.notes?.[i]) note(pen, set.notes[i], right + 8, at.y);
                }),
        );
        pen.restore();
    },
};

function whisker(pen, lies, at, from, to) {
    const line = (a, p, b, q) => (lies ? (pen.moveTo(p, a), pen.lineTo(q, b)) : (pen.moveTo(a, p), pen.lineTo(b, q)));
    pen.strokeStyle = color("ink");
    pen.lineWidth = 1.5;
    pen.beginPath();
    line(at, from, at, to);
    line(at - 4, from, at + 4, from);
    line(at - 4, to, at + 4, to);
    pen.stroke();
}

function note(pen, [text, small], x, y) {
    const family = Chart.defaults.font.family;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillStyle = color("ink");
    pen.font = `600 13px ${family}`;
    pen.fillText(text, x, small ? y - 7 : y);
    pen.fillStyle = color("soft");
    pen.font = `11px ${family}`;
    pen.fillText(small ?? "", x, y + 8);
}

/* An axis: title with unit, and how its numbers read. */
function axis(title, more = {}, show = (v) => `${v}`) {
    const { ticks, ...rest } = more;
    return {
        title: { display: Boolean(title), text: title, color: color("soft") },
        grid: { color: color("line"), borderColor: color("line") },
        ticks: { color: color("soft"), maxRotation: 0, callback: show, ...ticks },
        ...rest,
    };
}

function names(labels) {
    return { grid: { display: false }, ticks: { color: color("ink"), autoSkip: false, callback: (i) => labels[i] } };
}

const timeAxis = (title, more = {}) => axis(title, { ...more, ticks: { maxTicksLimit: 7 } }, shortTime);

/* On a logarithmic axis only the powers of ten are named. */
const logTimeAxis = (title, more = {}) =>
    axis(title, { type: "logarithmic", ...more }, (v) =>
        Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-6 ? shortTime(v) : null,
    );

function draw(drawing) {
    drawing.chart?.destroy();
    const { options, ...config } = drawing.config();
    drawing.box.style.height = `${drawing.height()}px`;
    drawing.chart = new Chart(drawing.canvas, {
        ...config,
        plugins: [extras],
        options: {
            responsive: true,
            maintainAspectRatio: false,
            animation: false,
            ...options,
            devicePixelRatio: isPrinting() ? 2 : undefined,
            plugins: { legend: { display: false }, ...options.plugins },
        },
    });
}

/* One chart with its title, what it tells, and its figures as a table. config() is called anew whenever the colours change; says()
 * gives [reading, head, rows]. */
function figure(parent, { id, title, height, config, says, choose }) {
    const canvas = el("canvas", { id, role: "img" });
    const drawing = { canvas, config, height, box: el("div", { class: "canvas" }, canvas) };
    const reading = el("p", { class: "reading" }),
        figures = el("details", {}, el("summary", {}, "Figures"));
    drawing.tell = () => {
        const [text, head, rows] = says();
        reading.textContent = text;
        canvas.setAttribute("aria-label", `${title}. ${text}`);
        figures.replaceChildren(figures.firstChild, table(head, rows));
    };
    parent.append(el("figure", {}, el("h3", {}, title), reading, choose ?? null, drawing.box, figures));
    drawing.tell();
    draw(drawing);
    drawings.push(drawing);
    return drawing;
}

const legend = (more) => ({
    display: true,
    position: "bottom",
    labels: { color: color("ink"), usePointStyle: true, boxWidth: 9, boxHeight: 9, padding: 14, ...more },
});
const legendOfLines = () =>
    legend({
        pointStyle: "line",
        pointStyleWidth: 28,
        generateLabels: (chart) =>
            Chart.defaults.plugins.legend.labels
                .generateLabels(chart)
                .map((item) => ({ ...item, lineDash: chart.data.datasets[item.datasetIndex].borderDash })),
    });
const isPrinting = () => document.documentElement.classList.contains("printing");

/* ---- the head ---------------------------------------------------------------------------------------------------------- */

function warn(text) {
    page.append(el("p", { class: "bad", role: "alert" }, text));
}

function showState() {
    if (!report.agree) warn("The results differ between engines: one of them is wrong. No time is shown; what each found stands below.");
    if (report.quiet === false)
        warn(
            `The machine was busy${report.busy_because ? `: ${report.busy_because}` : ""}. ` +
                "Measure again when it is quiet: prong compare --wait-quiet",
        );
    for (const gone of report.missing) page.append(el("p", { class: "soft" }, `Without ${nameOf(gone)}: ${gone.why}.`));
}

function showMachine() {
    const m = report.machine;
    const workers = Math.max(0, ...report.rows.filter((row) => row.work !== "wait").map((row) => row.workers));
    const facts = [
        ["CPU", m.model ?? m.architecture],
        ["usable", `${m.cpus_usable} of ${m.cpus_online} CPUs`],
        ["workers", workers || null],
        ["memory", m.memory_bytes && bytes(m.memory_bytes)],
        ["system", m.kernel],
        ["Python", m.python && `${m.python.replace(/^Python /, "")}${m.gil === null ? "" : m.gil ? ", with GIL" : ", without GIL"}`],
        ["machine was", report.quiet === null ? "not telling whether it was quiet" : report.quiet ? "quiet" : "busy"],
        ["measured", document.querySelector("time").textContent],
        ["prong", report.version],
    ];
    page.append(
        el(
            "dl",
            { class: "facts" },
            ...facts.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, `${value}`))),
        ),
    );
}

function showAdvice() {
    const cards = el(
        "div",
        { class: "cards" },
        ...report.advice.map((a) =>
            el(
                "div",
                { class: `card is-${a.engine}` },
                el("h3", {}, `${titleOf(a.work)}, in ${a.language === "python" ? "Python" : "C"}`),
                el("div", { class: "engine" }, a.engine ?? "too close to call"),
                el("p", {}, a.why),
            ),
        ),
    );
    page.append(
        el(
            "section",
            { id: "advice" },
            el("h2", {}, "Which to use"),
            report.advice.length ? cards : notMeasured("There is no advice: too little was measured."),
            report.notes.length ? el("ul", { class: "notes" }, ...report.notes.map((n) => el("li", {}, n))) : null,
        ),
    );
}

function showDisagreement() {
    const box = section("results", "What each found", "These figures should be the same in every column.");
    for (const [work, found] of Object.entries(report.results)) {
        const who = Object.keys(found),
            keys = unique(who.flatMap((w) => Object.keys(found[w] ?? {})));
        box.append(
            el(
                "figure",
                {},
                el("h3", {}, titleOf(work)),
                table(
                    ["", ...who],
                    keys.map((key) => [key, ...who.map((w) => `${found[w][key]}`)]),
                ),
            ),
        );
    }
}

/* ---- how fast each work is --------------------------------------------------------------------------------------------- */

/* One sentence for each language: what the verdicts say, and no more. */
function readSpeed(rows) {
    const told = (own, words, test) => {
        const names = own.filter(test).map((row) => (row.verdict.startsWith("too") ? row.engine : `${row.engine} (${times(row.speedup)})`));
        return names.length ? `${words} ${list(names)}` : null;
    };
    return (
        unique(rows.map((row) => row.language))
            .map((language) => {
                const own = rows.filter((row) => row.language === language && row.verdict !== null);
                const parts = [
                    told(own, "faster than serial:", (row) => row.verdict === "gains"),
                    told(own, "slower:", (row) => row.verdict === "loses"),
                    told(own, "the same:", (row) => row.verdict === "same"),
                    told(own, "too noisy or too few runs to say:", (row) => row.verdict.startsWith("too")),
                ].filter(Boolean);
                return parts.length ? `In ${language === "python" ? "Python" : "C"} ${parts.join("; ")}.` : "";
            })
            .filter(Boolean)
            .join(" ") || "There is nothing to compare with: times alone."
    );
}

function showSpeed() {
    const intro =
        "Bars: how many times as fast as serial of the same language, with workers started and joined within the time " +
        "(processes-ready finds its pool standing). Thin lines: the interval of the median. Python is hatched.";
    const box = section("speed", "What each engine gains", intro);
    if (!report.rows.length) box.append(notMeasured("Nothing was measured."));
    for (const work of unique(report.rows.map((row) => row.work))) {
        const rows = report.rows.filter((row) => row.work === work),
            labels = rows.map(nameOf);
        const relative = rows.every((row) => row.speedup !== null);
        const value = (row) => (relative ? row.speedup : row.median_s),
            spread = (row) => (relative ? [row.speedup_low, row.speedup_high] : [row.low_s, row.high_s]);
        const room = { beginAtZero: true, suggestedMax: 1.02 * Math.max(...rows.map((row) => spread(row)[1])) };
        figure(box, {
            id: `speed-${work}`,
            title: [titleOf(work), WORKS[work]?.[1]].filter(Boolean).join(": "),
            height: () => 36 * rows.length + 64,
            config: () => ({
                type: "bar",
                data: {
                    labels,
                    datasets: [
                        {
                            data: rows.map(value),
                            backgroundColor: rows.map(fillOf),
                            borderColor: rows.map(colorOf),
                            borderWidth: 1.5,
                            barPercentage: 0.8,
                            categoryPercentage: 0.9,
                            spread: rows.map(spread),
                            notes: rows.map((row) => (relative ? [times(row.speedup), time(row.median_s)] : [time(row.median_s)])),
                        },
                    ],
                },
                options: {
                    indexAxis: "y",
                    layout: { padding: { right: 62 } },
                    scales: { y: names(labels), x: relative ? axis("speed-up", room, times0) : timeAxis("time (median)", room) },
                    plugins: {
                        tooltip: {
                            callbacks: { label: ({ dataIndex: i }) => `${time(rows[i].median_s)}, ${rows[i].verdict ?? "the yardstick"}` },
                        },
                    },
                },
            }),
            says: () => [
                readSpeed(rows),
                ["engine", "workers", "median", "times as fast", "verdict"],
                rows.map((row) => [
                    nameOf(row),
                    `${row.workers}`,
                    [
                        time(row.median_s),
                        `${between(row.low_s, row.high_s)}, ${row.runs} runs${row.outliers ? `, ${row.outliers} outliers` : ""}`,
                    ],
                    row.speedup === null ? "" : [times(row.speedup), between(row.speedup_low, row.speedup_high, times)],
                    row.verdict ?? "",
                ]),
            ],
        });
    }
}

/* ---- costs ------------------------------------------------------------------------------------------------------------- */

function readStarts(starts) {
    const find = (engine, which) => starts.find((c) => c.language === "c" && c.engine === engine && c.case === which);
    const thread = find("threads", "10MB"),
        process = find("processes", "10MB"),
        fork = [find("fork", "10MB"), find("fork", "1GB")];
    const isMore = thread && process && process.low > thread.high;
    return [
        thread && `To start and join a thread takes ${time(thread.value)}.`,
        process && `A process takes ${time(process.value)}${isMore ? `, ${times(process.value / thread.value)} that` : ""}.`,
        fork[0] && fork[1] && `A plain fork takes ${time(fork[0].value)} in a program of 10 MB and ${time(fork[1].value)} in one of 1 GB.`,
    ]
        .filter(Boolean)
        .join(" ");
}

const sizeOf = (which) => which?.replace(/(\d)(\D)/, "$1 $2") ?? ""; /* 10 MB */

function showStarts(box) {
    const starts = report.costs.filter((c) => c.cost === "start_join" && c.value !== null);
    if (!starts.length) {
        box.append(notMeasured("What it costs to start a worker was not measured."));
        return;
    }
    const whos = unique(starts.map(nameOf)),
        cases = unique(starts.map((c) => c.case));
    const find = (name, which) => starts.find((c) => nameOf(c) === name && c.case === which);
    const row = (which) => whos.map((name) => find(name, which));
    figure(box, {
        id: "start",
        title: "Starting and joining one worker",
        height: () => 58 * whos.length + 96,
        config: () => ({
            type: "line",
            data: {
                labels: whos,
                datasets: cases.map((which, k) => ({
                    label: which === null ? "time" : `owner has ${sizeOf(which)}`,
                    data: row(which).map((c) => c?.value ?? null),
                    showLine: false,
                    pointRadius: 7,
                    pointStyle: ["circle", "rectRot", "triangle"][k % 3],
                    pointHoverRadius: 8,
                    pointBorderWidth: 2,
                    pointBorderColor: row(which).map((c) => colorOf(c ?? {})),
                    borderColor: color("soft"),
                    backgroundColor: color(k ? "card" : "soft"),
                    pointBackgroundColor: row(which).map((c) => (k ? color("card") : colorOf(c ?? {}))),
                    spread: row(which).map((c) => c && [c.low, c.high]),
                    notes: k
                        ? []
                        : whos.map((name) =>
                              cases
                                  .map((one) => find(name, one))
                                  .map((c, i) => c && (i ? `${sizeOf(c.case)}: ${time(c.value)}` : time(c.value))),
                          ),
                })),
            },
            options: {
                indexAxis: "y",
                layout: { padding: { right: 86 } },
                scales: { y: { ...names(whos), offset: true }, x: logTimeAxis("time, logarithmic") },
                plugins: { legend: legend(), tooltip: { callbacks: { label: (item) => time(item.raw) } } },
            },
        }),
        says: () => [
            readStarts(starts),
            ["worker", ...cases.map((which) => sizeOf(which) || "time")],
            whos.map((name) => [
                name,
                ...cases.map((which) => {
                    const c = find(name, which);
                    return c ? [time(c.value), between(c.low, c.high)] : "";
                }),
            ]),
        ],
    });
}

const COSTS = {
    round_trip: { parked: "Hand over one run and get it back, worker asleep", stream: "One run of a stream of them" },
    memory: { null: "Memory that each worker adds" },
    crash: { null: "Runs lost of 100, when one of them crashes" },
};
const engineName = (engine) => nameOf({ engine });

function showOtherCosts(box) {
    const costs = report.costs.filter((c) => c.cost !== "start_join");
    if (!costs.length) {
        box.append(notMeasured("The other costs were not measured."));
        return;
    }
    const engines = unique(costs.map((c) => c.engine)),
        kinds = unique(costs.map((c) => JSON.stringify([c.cost, c.case, c.language])));
    const rows = kinds.map((kind) => {
        const [cost, which, language] = JSON.parse(kind);
        return [
            (COSTS[cost]?.[which] ?? [cost, which].filter(Boolean).join(", ")) + (language === "python" ? ", in Python" : ""),
            ...engines.map((engine) => {
                const c = costs.find(
                    (one) => one.engine === engine && one.cost === cost && one.case === which && one.language === language,
                );
                return !c
                    ? ""
                    : c.value === null
                      ? ["not measured", c.why ?? ""]
                      : [valueOf(c.value, c.unit), c.low === c.high ? "" : between(c.low, c.high, (x) => valueOf(x, c.unit))];
            }),
        ];
    });
    box.append(el("figure", { id: "costs-table" }, el("h3", {}, "Handing over, memory, crashes"), table(["", ...engines.map(engineName)], rows)));
}

function showCosts() {
    const box = section("costs", "What an engine costs before it works");
    showStarts(box);
    showOtherCosts(box);
}

/* ---- more workers ------------------------------------------------------------------------------------------------------ */

const amdahl = (share, cpus, n) => 1 / (share + (1 - share) / Math.min(n, cpus));

/* The share s of the serial time that does not divide: 1/S = s + (1 - s)/n on n workers, least squares over s. More workers than CPUs
 * tell of the scheduler, not of the work. of: "speedup", or an end of its interval. Null: nothing to fit. */
function fitShare(steps, cpus, of) {
    const points = steps.filter((step) => step[of] > 0 && step.workers <= cpus).map((step) => [1 / step[of], 1 / step.workers]);
    const below = sum(points.map(([, one]) => (1 - one) ** 2));
    return below ? Math.min(1, Math.max(0, sum(points.map(([inverse, one]) => (inverse - one) * (1 - one))) / below)) : null;
}

function readSteps(curves) {
    const told = curves
        .filter(({ share }) => share !== null)
        .map(
            ({ who, share, least, most }) =>
                `${nameOf(who)} ${percent(share)} ` +
                `(${between(least, most, percent)})`,
        );
    return report.quiet === false
        ? "The machine was busy: what does not divide and what others took from it cannot be told apart."
        : told.length
          ? `Fitted share of the time that does not divide, starts and joins included: ${list(told)}.`
          : "With one CPU there is nothing to gain and no share to fit.";
}

function showSteps() {
    const cpus = report.machine.cpus_usable;
    const box = section(
        "speedup",
        "More workers",
        `Ideal is as many times as fast as there are workers, up to the ${cpus} usable CPUs. Dashed: Amdahl's law, ` +
            "1 / (s + (1 - s) / n) for a share s that does not divide (G. Amdahl, 1967), fitted by least squares.",
    );
    if (!report.steps.length) box.append(notMeasured("The speed-up by number of workers was not measured."));
    for (const work of unique(report.steps.map((step) => step.work))) {
        const steps = report.steps.filter((step) => step.work === work),
            counts = unique(steps.map((step) => step.workers)).sort((a, b) => a - b);
        const most = counts.at(-1),
            along = Array.from({ length: 61 }, (_, i) => 1 + ((most - 1) * i) / 60);
        const curves = unique(steps.map((step) => step.engine)).map((engine) => {
            const own = steps.filter((step) => step.engine === engine);
            const fit = (of) => (report.quiet === false ? null : fitShare(own, cpus, of));
            return { who: own[0], own, share: fit("speedup"), least: fit("speedup_high"), most: fit("speedup_low") };
        });
        const line = (label, points, more) => ({
            label,
            data: points,
            pointRadius: 0,
            pointHitRadius: 0,
            pointStyle: "line",
            borderWidth: 2,
            fill: false,
            ...more,
        });
        figure(box, {
            id: `speedup-${work}`,
            title: `${titleOf(work)}: speed-up by workers`,
            height: () => (isPrinting() ? 250 : 340),
            config: () => ({
                type: "line",
                data: {
                    datasets: [
                        ...curves.map(({ who, own }, k) => ({
                            label: nameOf(who),
                            data: own.map((step) => ({ x: step.workers, y: step.speedup })),
                            borderColor: colorOf(who),
                            borderWidth: 2.5,
                            backgroundColor: colorOf(who),
                            pointRadius: 5,
                            pointStyle: k ? "rect" : "circle",
                            clip: 9,
                            spread: own.map((step) => [step.speedup_low, step.speedup_high]),
                        })),
                        line(
                            "ideal",
                            [1, cpus, most].filter((n, i) => i !== 1 || n < most).map((n) => ({ x: n, y: Math.min(n, cpus) })),
                            { borderColor: color("soft"), borderWidth: 1.5 },
                        ),
                        ...curves
                            .filter(({ share }) => share !== null)
                            .map(({ who, share }) =>
                                line(
                                    `Amdahl, ${nameOf(who)}: ${percent(share)}`,
                                    along.map((n) => ({ x: n, y: amdahl(share, cpus, n) })),
                                    { borderColor: colorOf(who), borderDash: [6, 5], borderWidth: 1.5 },
                                ),
                            ),
                    ],
                },
                options: {
                    scales: {
                        x: axis("workers", {
                            type: "linear",
                            min: 1,
                            max: most,
                            afterBuildTicks: (x) => {
                                x.ticks = counts.map((value) => ({ value }));
                            },
                        }),
                        y: axis(
                            "speed-up against serial",
                            { beginAtZero: true, suggestedMax: 1.02 * Math.max(...steps.map((step) => step.speedup_high)) },
                            times0,
                        ),
                    },
                    plugins: {
                        legend: legendOfLines(),
                        tooltip: {
                            callbacks: {
                                title: ([item]) => `${item?.raw.x} workers`,
                                label: (item) => `${item.dataset.label}: ${times(item.raw.y)}`,
                            },
                        },
                    },
                },
            }),
            says: () => [
                readSteps(curves),
                ["workers", ...curves.map(({ who }) => nameOf(who))],
                counts.map((n) => [
                    `${n}`,
                    ...curves.map(({ own }) => {
                        const step = own.find((one) => one.workers === n);
                        return step ? [times(step.speedup), between(step.speedup_low, step.speedup_high, times)] : "";
                    }),
                ]),
            ],
        });
    }
}

/* ---- when each run was where ------------------------------------------------------------------------------------------- */

function picker(label, options, change) {
    const select = el("select", {}, ...options.map(([value, text]) => el("option", { value }, text)));
    select.addEventListener("change", change);
    return [el("label", {}, `${label} `, select), select];
}

function readTimeline(row) {
    const slots = unique(row.spans.map(([, , slot]) => slot)).length,
        all = Math.max(...row.spans.map(([, end]) => end));
    const busy = sum(row.spans.map(([begin, end]) => end - begin)) / (slots * all);
    return (
        `${nameOf(row)}: ${row.spans.length} runs on ${slots} ${slots === 1 ? "worker" : "workers"}, ` +
        `the last one over after ${time(all)}; until then workers were at a run ${percent(busy)} of the time.`
    );
}

function showTimeline() {
    const box = section(
        "timeline-section",
        "When each run was where",
        "One job of each, the last that was measured. A bar is a run, in the lane of the worker that took it; in a gap it had none.",
    );
    const rows = report.rows.filter((row) => row.spans.length);
    if (!rows.length) {
        box.append(notMeasured("No work that was measured tells when its runs began and ended."));
        return;
    }
    const works = unique(rows.map((row) => row.work)),
        of = (work) => rows.filter((row) => row.work === work);
    let drawing = null;
    const [workLabel, workSelect] = picker(
        "Work",
        works.map((work) => [work, titleOf(work)]),
        () => {
            fillEngines();
            again();
        },
    );
    const [engineLabel, engineSelect] = picker("Engine", [], () => again());
    const row = () => rows.find((one) => one.work === workSelect.value && nameOf(one) === engineSelect.value);
    const again = () => {
        drawing.tell();
        draw(drawing);
    };
    const fillEngines = () => {
        engineSelect.replaceChildren(...of(workSelect.value).map((one) => el("option", {}, nameOf(one))));
        const best = of(workSelect.value).find((one) => one.engine === "threads") ?? of(workSelect.value)[0];
        engineSelect.value = nameOf(best);
    };
    const lanes = () =>
        unique(row().spans.map(([, , slot]) => slot))
            .sort((a, b) => a - b)
            .map((slot) => `slot ${slot}`);
    workSelect.value = works.includes("wait") ? "wait" : works[0];
    fillEngines();
    drawing = figure(box, {
        id: "timeline",
        title: "Runs of one job, by worker",
        choose: el("div", { class: "choose" }, workLabel, engineLabel),
        height: () => 26 * lanes().length + 70,
        config: () => ({
            type: "bar",
            data: {
                labels: lanes(),
                datasets: [
                    {
                        data: row().spans.map(([begin, end, slot]) => ({ x: [begin, end], y: `slot ${slot}` })),
                        backgroundColor: fillOf(row()),
                        borderColor: color("card"),
                        borderWidth: 1,
                        borderSkipped: false,
                        barPercentage: 0.95,
                        categoryPercentage: 0.9,
                        minBarLength: 2,
                    },
                ],
            },
            options: {
                indexAxis: "y",
                scales: { y: names(lanes()), x: timeAxis("time since the job began", { min: 0 }) },
                plugins: {
                    tooltip: {
                        callbacks: {
                            title: ([item]) => item.raw.y,
                            label: (item) => `${between(...item.raw.x)}: ${time(item.raw.x[1] - item.raw.x[0])}`,
                        },
                    },
                },
            },
        }),
        says: () => [
            readTimeline(row()),
            ["worker", "runs", "at a run for"],
            lanes().map((lane) => {
                const own = row().spans.filter(([, , slot]) => `slot ${slot}` === lane);
                return [lane, `${own.length}`, time(sum(own.map(([begin, end]) => end - begin)))];
            }),
        ],
    });
}

/* ---- how long runs waited and took ------------------------------------------------------------------------------------- */

/* valuesOf(row): sorted. */
function distribution(box, id, title, rows, valuesOf, scale, read) {
    figure(box, {
        id,
        title,
        height: () => (isPrinting() ? 250 : 340),
        config: () => ({
            type: "line",
            data: {
                datasets: rows.map((row) => {
                    const values = valuesOf(row);
                    return {
                        label: nameOf(row),
                        data: [{ x: values[0], y: 0 }, ...values.map((x, i) => ({ x, y: (100 * (i + 1)) / values.length }))],
                        stepped: "before",
                        borderColor: colorOf(row),
                        backgroundColor: colorOf(row),
                        borderWidth: 2,
                        pointRadius: 0,
                        borderDash: isPython(row) ? [5, 4] : [],
                        pointStyle: "line",
                    };
                }),
            },
            options: {
                scales: { x: scale(), y: axis("runs", { min: 0, max: 100 }, (v) => `${v} %`) },
                interaction: { mode: "nearest", intersect: false },
                plugins: {
                    legend: legendOfLines(),
                    tooltip: {
                        callbacks: {
                            title: () => "",
                            label: (item) => `${item.dataset.label}: ${item.raw.y.toFixed(0)} % within ${time(item.raw.x)}`,
                        },
                    },
                },
            },
        }),
        says: () => [
            read(),
            ["engine", "half within", "95 % within", "all within"],
            rows.map((row) => [nameOf(row), ...[0.5, 0.95, 1].map((q) => time(quantile(valuesOf(row), q)))]),
        ],
    });
}

function showWaits() {
    const box = section(
        "waits",
        "How long runs waited, and how long they took",
        "The runs of the last job of each engine. A curve climbs from none of them to all: the further left, the sooner.",
    );
    const rows = report.rows.filter((row) => row.work === "wait" && row.spans.length);
    if (!rows.length) {
        box.append(notMeasured("The work `wait` was not measured."));
        return;
    }
    const sorted = (numbers) => numbers.sort((a, b) => a - b),
        least = 1e-5;
    const began = (row) => sorted(row.spans.map(([begin]) => Math.max(begin, least))),
        took = (row) => sorted(row.spans.map(([begin, end]) => end - begin));
    const half = (of) => {
        const order = sorted(rows.map((row) => quantile(of(row), 0.5))),
            who = (value) => list(rows.filter((row) => quantile(of(row), 0.5) === value).map(nameOf));
        return order[0] === order.at(-1)
            ? `${time(order[0])}, whoever ran them.`
            : `${time(order[0])} (${who(order[0])}, the soonest) to ${time(order.at(-1))} (${who(order.at(-1))}, the latest).`;
    };
    distribution(
        box,
        "waits-began",
        "Until a run began",
        rows,
        began,
        () => logTimeAxis("time since the job began, log.", { min: least }),
        () => `Half of the runs had begun after ${half(began)}`,
    );
    distribution(
        box,
        "waits-took",
        "From begin to end",
        rows,
        took,
        () => timeAxis("time that a run took", { type: "linear" }),
        () => `Half of the runs took no longer than ${half(took)}`,
    );
}

/* ---- all of it --------------------------------------------------------------------------------------------------------- */

function drawAgain() {
    Chart.defaults.color = color("soft");
    drawings.forEach(draw);
}

function dressForPrint(isOn) {
    document.documentElement.classList.toggle("printing", isOn);
    drawAgain();
}

Chart.defaults.font.family = "system-ui, sans-serif";
Chart.defaults.font.size = 12;
Chart.defaults.color = color("soft");
showState();
showMachine();
showAdvice();
if (!report.agree) showDisagreement();
showSpeed();
showCosts();
showSteps();
showTimeline();
showWaits();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAgain);
addEventListener("beforeprint", () => dressForPrint(true));
addEventListener("afterprint", () => dressForPrint(false));
