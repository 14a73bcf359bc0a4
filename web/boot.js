/**
 * boot.js - a page that did not get all of its parts, because the server was full or gone just then, says
 * so and loads itself again once there is room. A part that never comes (something blocks it) is tried
 * more and more rarely.
 *
 * Not a module, and before all others: it has to work where those are missing.
 */
(() => {
	const FULL = 503;
	const LOADS = 'pixeld-loads'; /* in a row that missed a part, of this tab */
	const DOUBLED_MAX = 8;
	let missing = false;

	/* There may be no storage: then every time is the first. */
	const loadsGet = () => {
		try {
			return Number(sessionStorage.getItem(LOADS));
		} catch {
			return 0;
		}
	};
	const loadsSet = (/** @type {number} */ loads) => {
		try {
			sessionStorage.setItem(LOADS, String(loads));
		} catch {
			/* see above */
		}
	};

	const pause = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));

	const say = (/** @type {string} */ state, /** @type {string} */ text) => {
		document.getElementById('status')?.setAttribute('data-state', state);
		document.getElementById('state')?.replaceChildren(text);
	};

	const loadAgain = async () => {
		const loads = loadsGet();
		const longer = 2 ** Math.min(loads, DOUBLED_MAX);
		loadsSet(loads + 1);
		for (;;) {
			/* Without an upgrade this path only says whether there is room. */
			const answer = await fetch('/ws', { cache: 'no-store' }).catch(() => null);
			const seconds = Number(answer?.headers.get('Retry-After')) || 1;
			if (answer?.status === FULL)
				say('full', 'Server full');
			else
				say('away', 'Loading again…');
			await pause(1000 * seconds * longer * (1 + 3 * Math.random()));
			if (answer && answer.status !== FULL)
				break;
		}
		location.reload();
	};

	addEventListener('error', ({ target }) => {
		const isPart = target instanceof HTMLScriptElement ||
			(target instanceof HTMLLinkElement && target.rel === 'stylesheet');
		if (!isPart || missing)
			return;
		missing = true;
		loadAgain();
	}, true);

	addEventListener('load', () => {
		if (!missing)
			loadsSet(0);
	});
})();
