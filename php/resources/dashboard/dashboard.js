'use strict';

// The page works without this script. The script refreshes the overview while it is visible.

(() => {
    document.documentElement.classList.add('js');

    for (const all of document.querySelectorAll('[data-select-all]')) {
        const boxes = all.closest('form').querySelectorAll('input[name="ids[]"]');
        all.addEventListener('change', () => boxes.forEach((box) => { box.checked = all.checked; }));
    }

    const live = document.getElementById('live');
    const refresh = document.getElementById('refresh');
    const spoken = document.getElementById('spoken');

    if (!live || !refresh) return;

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

    /** Replaces the overview. Keeps the focus, what is open, and how far it is scrolled. */
    function replace(html) {
        // The same error is not announced twice.
        if (html === shown) return;

        shown = html;
        const focused = live.contains(document.activeElement) ? document.activeElement.id : '';
        const open = [...live.querySelectorAll('details[open]')].map((details) => [details.id, details.querySelector('.scroll')?.scrollTop ?? 0]);
        live.innerHTML = html;
        for (const [id, scrolled] of open) {
            const details = document.getElementById(id);
            if (!details) continue;
            details.open = true;
            details.querySelector('.scroll')?.scrollTo(0, scrolled);
        }
        if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
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

    announce();
    schedule();
})();
