'use strict';

// The page works without this script. The script refreshes the overview while it is visible, and draws charts of each
// endpoint: servers only report totals, so the script keeps a sample per refresh for as long as the tab is open.

(() => {
    const MAX_SAMPLES = 120;
    const WIDTH = 240;
    const HEIGHT = 34;
    const STORE = 'resonate-webhooks.samples';
    const SVG = 'http://www.w3.org/2000/svg';

    document.documentElement.classList.add('js');

    for (const all of document.querySelectorAll('[data-select-all]')) {
        const boxes = all.closest('form').querySelectorAll('input[name="ids[]"]');
        all.addEventListener('change', () => boxes.forEach((box) => { box.checked = all.checked; }));
    }

    const live = document.getElementById('live');
    const refresh = document.getElementById('refresh');
    const spoken = document.getElementById('spoken');

    if (!live || !refresh) return;

    const samples = new Map(Object.entries(stored()));

    function stored() {
        try {
            return JSON.parse(sessionStorage.getItem(STORE)) ?? {};
        } catch {
            return {};
        }
    }

    function store() {
        try {
            sessionStorage.setItem(STORE, JSON.stringify(Object.fromEntries(samples)));
        } catch {
            // Without storage, the charts start over on the next page.
        }
    }

    /** Adds the totals that the page shows now to the samples of an endpoint. */
    function sample(element) {
        const { endpoint, at, attempts, deliveries, latencyUs } = element.dataset;
        const kept = samples.get(endpoint) ?? [];
        const now = [at, attempts, deliveries, latencyUs].map(Number);

        if (kept.length === 0 || kept[kept.length - 1][0] < now[0]) kept.push(now);
        samples.set(endpoint, kept.slice(-MAX_SAMPLES));

        return samples.get(endpoint);
    }

    /** Returns the differences between two samples. They are unknown when a total has dropped, since a server has gone. */
    function between([before, attempts, deliveries, latency], [at, attemptsNow, deliveriesNow, latencyNow]) {
        const tried = attemptsNow - attempts;
        const delivered = deliveriesNow - deliveries;
        const known = tried >= 0 && delivered >= 0 && latencyNow >= latency && at > before;

        return {
            seconds: (at - before) / 1000,
            delivered: known ? delivered : 0,
            failed: known ? Math.max(0, tried - delivered) : 0,
            latencyUs: known ? latencyNow - latency : 0,
            ms: known && tried > 0 ? (latencyNow - latency) / tried / 1000 : null,
        };
    }

    function svg(name, attributes, children = []) {
        const element = document.createElementNS(SVG, name);
        for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
        element.append(...children);

        return element;
    }

    function picture(label, children) {
        const title = svg('title', {}, [label]);

        return svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label }, [title, ...children]);
    }

    /** Formats a duration as Format::duration() does on the server. */
    function duration(ms) {
        const seconds = Math.trunc(ms / 1000);
        const round = (number) => Math.round(number * 10) / 10;
        const pad = (number) => String(number).padStart(2, '0');

        if (ms < 9.95) return `${round(ms)} ms`;
        if (ms < 999.5) return `${Math.round(ms)} ms`;
        if (ms < 9950) return `${round(ms / 1000)} s`;
        if (seconds < 60) return `${Math.max(seconds, 10)} s`;

        return `${Math.trunc(seconds / 60)} min ${pad(seconds % 60)} s`;
    }

    function small(text) {
        const element = document.createElement('small');
        element.className = 'muted';
        element.textContent = text;

        return element;
    }

    /** Draws the charts of an endpoint: bars of deliveries and failures, and a line of the latency. */
    function draw(element) {
        const kept = sample(element);
        const steps = kept.slice(1).map((now, place) => between(kept[place], now));

        if (steps.length === 0) {
            element.replaceChildren(small('Collecting data…'));

            return;
        }

        const sum = (key) => steps.reduce((total, step) => total + step[key], 0);
        const [delivered, failed, seconds] = [sum('delivered'), sum('failed'), sum('seconds')];
        const most = Math.max(1e-9, ...steps.map((step) => (step.delivered + step.failed) / step.seconds));
        const slowest = Math.max(1e-9, ...steps.map((step) => step.ms ?? 0));
        const width = WIDTH / Math.max(steps.length, 24);
        const left = (place) => WIDTH - (steps.length - place) * width;
        const span = duration(seconds * 1000);

        const bars = steps.flatMap((step, place) => {
            const good = step.delivered / step.seconds / most * (HEIGHT - 2);
            const bad = step.failed / step.seconds / most * (HEIGHT - 2);
            const box = { x: left(place), width: Math.max(width - 1, 1) };

            return [
                svg('rect', { ...box, class: 'spark-good', y: HEIGHT - 1 - good, height: good }),
                svg('rect', { ...box, class: 'spark-bad', y: HEIGHT - 1 - good - bad, height: bad }),
            ];
        });
        const base = svg('line', { class: 'spark-base', x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 });
        const counts = `${delivered} ${delivered === 1 ? 'request' : 'requests'} delivered, ${failed} failed in ${span}`;
        const tries = delivered + failed;
        const mean = tries > 0 ? duration(sum('latencyUs') / tries / 1000) : null;

        const line = steps
            .map((step, place) => step.ms === null ? null : `${left(place) + width / 2},${HEIGHT - 2 - step.ms / slowest * (HEIGHT - 4)}`)
            .filter((point) => point !== null);
        const times = mean === null ? [] : [
            picture(`${mean} on average, ${duration(slowest)} in the slowest interval`, [svg('polyline', { class: 'spark-line', points: line.join(' ') })]),
            small(`latency ${mean} on average`),
        ];

        element.replaceChildren(picture(counts, [base, ...bars]), small(counts), ...times);
    }

    function drawAll() {
        live.querySelectorAll('.sparks').forEach(draw);
        store();
    }

    /** Announces the summary to screen readers when it changes. */
    function announce() {
        const text = live.querySelector('[data-spoken]')?.textContent ?? '';
        if (spoken.dataset.last !== undefined && spoken.dataset.last !== text) spoken.textContent = text;
        spoken.dataset.last = text;
    }

    function showRefresh(text, stale) {
        refresh.textContent = text;
        live.classList.toggle('stale', stale);
    }

    /** Determines whether text of the overview is selected: a refresh would clear the selection. */
    function selecting() {
        const selection = getSelection();

        return selection !== null && !selection.isCollapsed && live.contains(selection.anchorNode);
    }

    let shown = null;

    /** Replaces the overview and keeps the focus. */
    function replace(html) {
        // The same error is not announced twice.
        if (html === shown) return;

        shown = html;
        const focused = live.contains(document.activeElement) ? document.activeElement.id : '';
        live.innerHTML = html;
        if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
        drawAll();
        announce();
    }

    let timer = null;
    let loading = false;
    let failures = 0;

    function schedule() {
        clearTimeout(timer);
        timer = document.hidden ? null : setTimeout(load, Number(refresh.dataset.interval) * Math.min(2 ** failures, 12));
    }

    async function load() {
        if (loading) return;
        loading = true;

        try {
            const response = await fetch(refresh.dataset.url, { headers: { Accept: 'text/html' }, credentials: 'same-origin', redirect: 'error' });
            const html = await response.text();

            if (selecting()) {
                showRefresh('Refresh paused while text is selected', false);
            } else if (response.ok) {
                failures = 0;
                replace(html);
                showRefresh(`Refreshed at ${new Date().toLocaleTimeString()}`, false);
            } else if (response.status === 503 && response.headers.has('X-Resonate-Webhooks')) {
                failures++;
                showRefresh('Refresh failed', false);
                replace(html);
            } else {
                failures++;
                showRefresh(response.status === 403 ? 'You no longer have access. Reload the page.' : `Refresh failed: HTTP ${response.status}`, true);
            }
        } catch {
            failures++;
            showRefresh('Refresh failed: the application does not respond or requires a login', true);
        }

        loading = false;
        schedule();
    }

    document.addEventListener('visibilitychange', () => {
        if (document.hidden) schedule();
        else load();
    });

    drawAll();
    announce();
    schedule();
})();
