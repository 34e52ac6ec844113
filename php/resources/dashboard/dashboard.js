'use strict';

// The page works without this. With it, the overview is refreshed while somebody looks at it, and each endpoint has
// curves: servers only count, so what lies between two counts is kept here, for as long as the tab is open.

(() => {
    const KEPT = 120;
    const WIDTH = 240;
    const HEIGHT = 34;
    const STORE = 'resonate-webhooks.samples';
    const SVG = 'http://www.w3.org/2000/svg';

    document.documentElement.classList.add('js');

    for (const all of document.querySelectorAll('[data-choose-all]')) {
        const boxes = all.closest('form').querySelectorAll('input[name="letters[]"]');
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
            // Without room for it the curves begin anew with the next page.
        }
    }

    /** Takes down the counts that the page shows now. */
    function sample(element) {
        const { endpoint, at, attempts, deliveries, latencyUs } = element.dataset;
        const kept = samples.get(endpoint) ?? [];
        const now = [at, attempts, deliveries, latencyUs].map(Number);

        if (kept.length === 0 || kept[kept.length - 1][0] < now[0]) kept.push(now);
        samples.set(endpoint, kept.slice(-KEPT));

        return samples.get(endpoint);
    }

    /** What happened between two samples; a server that went away takes its counts along, and then nothing is known. */
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

    function readable(ms) {
        return ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
    }

    function small(text) {
        const element = document.createElement('small');
        element.className = 'muted';
        element.textContent = text;

        return element;
    }

    /** Draws what is known of an endpoint: bars of deliveries and failures, and a line of how long attempts took. */
    function draw(element) {
        const kept = sample(element);
        const steps = kept.slice(1).map((now, place) => between(kept[place], now));

        if (steps.length === 0) {
            element.replaceChildren(small('a moment…'));

            return;
        }

        const sum = (key) => steps.reduce((total, step) => total + step[key], 0);
        const [delivered, failed, seconds] = [sum('delivered'), sum('failed'), sum('seconds')];
        const most = Math.max(1e-9, ...steps.map((step) => (step.delivered + step.failed) / step.seconds));
        const slowest = Math.max(1e-9, ...steps.map((step) => step.ms ?? 0));
        const width = WIDTH / Math.max(steps.length, 24);
        const left = (place) => WIDTH - (steps.length - place) * width;
        const span = seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;

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
        const mean = tries > 0 ? readable(sum('latencyUs') / tries / 1000) : null;

        const line = steps
            .map((step, place) => step.ms === null ? null : `${left(place) + width / 2},${HEIGHT - 2 - step.ms / slowest * (HEIGHT - 4)}`)
            .filter((point) => point !== null);
        const times = mean === null ? [] : [
            picture(`${mean} on average, ${readable(slowest)} in the slowest moment`, [svg('polyline', { class: 'spark-line', points: line.join(' ') })]),
            small(`${mean} on average`),
        ];

        element.replaceChildren(picture(counts, [base, ...bars]), small(counts), ...times);
    }

    function drawAll() {
        live.querySelectorAll('.sparks').forEach(draw);
        store();
    }

    /** Says what has changed, and only that: a table read out every few seconds would be no help. */
    function speak() {
        const text = live.querySelector('[data-spoken]')?.textContent ?? '';
        if (spoken.dataset.last !== undefined && spoken.dataset.last !== text) spoken.textContent = text;
        spoken.dataset.last = text;
    }

    function tell(text, stale) {
        refresh.textContent = text;
        live.classList.toggle('stale', stale);
    }

    /** Whether somebody is copying something, which a new text would take out of their hands. */
    function selecting() {
        const selection = getSelection();

        return selection !== null && !selection.isCollapsed && live.contains(selection.anchorNode);
    }

    let shown = null;

    /** Puts a new text of the page in place of the old one, without taking the focus away. */
    function replace(html) {
        // The same trouble need not be announced again.
        if (html === shown) return;

        shown = html;
        const focused = live.contains(document.activeElement) ? document.activeElement.id : '';
        live.innerHTML = html;
        if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
        drawAll();
        speak();
    }

    let timer = null;
    let asking = false;
    let failures = 0;

    function later() {
        clearTimeout(timer);
        timer = document.hidden ? null : setTimeout(ask, Number(refresh.dataset.interval) * Math.min(2 ** failures, 12));
    }

    async function ask() {
        if (asking) return;
        asking = true;

        try {
            const answer = await fetch(refresh.dataset.url, { headers: { Accept: 'text/html' }, credentials: 'same-origin', redirect: 'error' });
            const html = await answer.text();

            if (selecting()) {
                tell('Not refreshed while text is selected', false);
            } else if (answer.ok) {
                failures = 0;
                replace(html);
                tell(`Refreshed at ${new Date().toLocaleTimeString()}`, false);
            } else if (answer.status === 503 && answer.headers.has('X-Resonate-Webhooks')) {
                failures++;
                tell('Not refreshed', false);
                replace(html);
            } else {
                failures++;
                tell(answer.status === 403 ? 'You may not see this any more: load the page anew' : `Not refreshed: the application answers ${answer.status}`, true);
            }
        } catch {
            failures++;
            tell('Not refreshed: the application does not answer, or wants you to log in', true);
        }

        asking = false;
        later();
    }

    document.addEventListener('visibilitychange', () => {
        if (document.hidden) later();
        else ask();
    });

    drawAll();
    speak();
    later();
})();
