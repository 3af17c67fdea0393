/*
 * Latchkey for the pages of a site: sign up, in and out, and a fetch that
 * keeps the session alive.  An ES module, without dependencies or a build.
 *
 *	import { Latchkey } from "/auth/ui/latchkey.js";
 *
 *	const latchkey = new Latchkey();
 *	await latchkey.signIn({ login, password });
 *	const answer = await latchkey.fetch("/api/orders");
 *	latchkey.addEventListener("signout", () => location.reload());
 *	await latchkey.signOut();
 *
 * Cookies (the default) are for a site that the same web server serves.  No
 * script ever sees a token, and pages that need no script are protected too.
 *
 * Tokens (`new Latchkey({ tokens: true })`) are for APIs that take a bearer
 * token.  fetch sends it to this origin, to those of `origins`, and to no
 * other.  Both tokens lie in localStorage, where any script of this origin can
 * read them; that is the price of this mode.  It is not sessionStorage, which
 * would be no safer and gives each tab a copy of its own: the copy of a tab
 * that was duplicated or restored grows old, and an old refresh token is what
 * the server takes for a stolen one.  Use one mode on an origin, not both.
 *
 * Tabs share one record in localStorage (who is signed in and until when the
 * access token lasts).  A Web Lock lets one of them refresh at a time, and who
 * waited for it finds the work done; a BroadcastChannel tells the others.  Web
 * Locks want a secure context (HTTPS or a loopback address); without one the
 * server's grace for parallel refreshes has to do.
 *
 * Events, in every tab of the origin:
 *	signin	 somebody has signed in
 *	tokens	 the session was refreshed
 *	signout	 it has ended: signed out, expired, or ended from elsewhere
 */

const PATIENCE = 30000; /* milliseconds that an answer may take */

/* A refusal, with the server's stable code; `problem` is all that it said. */
export class LatchkeyError extends Error {
	constructor(status, problem, retryAfter) {
		super(problem.detail ?? problem.title ?? `status ${status}`);
		this.name = "LatchkeyError";
		this.status = status;
		/* Without a word of its own the service is away: it was the web
		 * server that answered. */
		this.code = problem.code ?? "unavailable";
		this.problem = problem;
		this.retryAfter = retryAfter; /* seconds, or null */
	}
}

async function refusal(answer) {
	const type = answer.headers.get("Content-Type") ?? "";
	const seconds = parseInt(answer.headers.get("Retry-After"), 10);
	let problem = {};

	if (type.startsWith("application/problem+json"))
		problem = await answer.json().catch(() => ({}));
	return new LatchkeyError(answer.status, problem,
		Number.isNaN(seconds) ? null : seconds);
}

/* A token that was there and is no good any more, which a refresh may mend;
 * a bare challenge (RFC 6750 §3.1) says that there was none at all. */
function isStale(answer) {
	return answer.status === 401 &&
		/\berror="?invalid_token\b/.test(
			answer.headers.get("WWW-Authenticate") ?? "");
}

export class Latchkey extends EventTarget {
	#base;
	#tokens;
	#origins;
	#name;
	#channel;

	/*
	 * base: where Latchkey is mounted; by default beside this file's folder.
	 * tokens, origins: see above.
	 */
	constructor({ base, tokens = false, origins = [] } = {}) {
		super();
		this.#base = new URL(base ?? new URL("..", import.meta.url),
			document.baseURI).href.replace(/\/*$/, "");
		this.#tokens = tokens;
		this.#origins = new Set([location.origin, ...origins]);
		this.#name = `latchkey:${this.#base}`;
		this.#channel = new BroadcastChannel(this.#name);
		this.#channel.onmessage = ({ data }) =>
			this.dispatchEvent(new Event(data));
	}

	/* { user_id, session_id } of who is signed in as far as this browser
	 * knows, or null.  Whether it is still so only the server can tell. */
	get session() {
		const { user_id, session_id } = this.#record() ?? {};

		return session_id === undefined ? null : { user_id, session_id };
	}

	/* Makes an account, and gives the answer; it does not sign in. */
	async signUp({ login, password }) {
		return (await this.#post("/signup", { login, password })).json();
	}

	/*
	 * Opens a session, { login, password, device? }, and gives the answer
	 * without the tokens.  Throws a LatchkeyError for a refusal, as every
	 * method here does: `invalid_credentials` and the like.
	 */
	signIn(members) {
		return this.#alone(async () => {
			const answer = await this.#post("/login", this.#tokens ?
				members : { ...members, cookies: true });
			const grant = await answer.json();
			const { access_token, refresh_token, ...rest } = grant;

			this.#keep(grant);
			this.#tell("signin");
			return rest;
		});
	}

	/* Ends the session, here and in every other tab. */
	signOut() {
		return this.#alone(async () => {
			const record = this.#record();

			try {
				if (!this.#tokens || record !== null)
					await this.#post("/logout",
						this.#refreshToken(record));
			} catch (error) {
				/* Refused is signed out as well: nothing live. */
				if (error.status !== 401)
					throw error;
			}
			this.#forget();
			this.#tell("signout");
		});
	}

	/*
	 * As the global fetch, but it refreshes: beforehand if the access token
	 * is about to end, and once afterwards if it was refused.  Where that
	 * is in vain the 401 is the answer, and `signout` has been told.
	 */
	async fetch(input, init) {
		const request = new Request(input, init);

		if (!this.#origins.has(new URL(request.url).origin))
			return fetch(request);
		/* What lives still serves, though it cannot be refreshed now. */
		if (this.#isEnding())
			await this.refresh().catch(() => {});

		const seen = this.#raw();
		const answer = await fetch(this.#signed(request.clone()));

		if (!isStale(answer) || !await this.refresh(seen))
			return answer;
		return fetch(this.#signed(request));
	}

	/*
	 * Refreshes, unless another tab has done so since the record was `seen`.
	 * Whether there is a session now; throws if that cannot be told (the
	 * network, 429, 503), and then the session is as it was.
	 */
	refresh(seen = this.#raw()) {
		return this.#alone(async () => {
			if (this.#raw() !== seen)
				return this.#record() !== null;
			if (this.#tokens && this.#record() === null)
				return false;
			try {
				const answer = await this.#post("/refresh",
					this.#refreshToken(this.#record()));

				this.#keep(await answer.json());
			} catch (error) {
				/* 400: there was no cookie to refresh with. */
				if (error.status !== 401 && error.status !== 400)
					throw error;
				this.#forget();
				this.#tell("signout");
				return false;
			}
			this.#tell("tokens");
			return true;
		});
	}

	/* ---- the record that tabs share ----------------------------------- */

	#raw() {
		return localStorage.getItem(this.#name);
	}

	#record() {
		try {
			return JSON.parse(this.#raw());
		} catch {
			return null;
		}
	}

	/* In cookie mode the grant holds no token, and so the record none. */
	#keep(grant) {
		const { user_id, session_id, access_token, refresh_token } = grant;

		localStorage.setItem(this.#name, JSON.stringify({
			user_id, session_id, access_token, refresh_token,
			/* In the last quarter of its life, as /continue does. */
			refresh_at: Date.now() + grant.expires_in * 750,
		}));
	}

	#forget() {
		localStorage.removeItem(this.#name);
	}

	#isEnding() {
		const record = this.#record();

		return record !== null && Date.now() >= record.refresh_at;
	}

	/* ---- requests ----------------------------------------------------- */

	/* No other site's page can send X-Latchkey without asking first. */
	#signed(request) {
		const record = this.#record();

		if (new URL(request.url).origin === location.origin)
			request.headers.set("X-Latchkey", "1");
		if (this.#tokens && record !== null)
			request.headers.set("Authorization",
				`Bearer ${record.access_token}`);
		return request;
	}

	#refreshToken(record) {
		return this.#tokens ?
			{ refresh_token: record.refresh_token } : {};
	}

	async #post(path, members) {
		const answer = await fetch(this.#base + path, {
			method: "POST",
			headers: {
				"Content-Type": "application/json",
				"X-Latchkey": "1",
			},
			/* Two tokens at once would be refused. */
			credentials: this.#tokens ? "omit" : "same-origin",
			cache: "no-store",
			/* Other tabs may be waiting for the lock. */
			signal: AbortSignal.timeout(PATIENCE),
			body: JSON.stringify(members),
		});

		if (!answer.ok)
			throw await refusal(answer);
		return answer;
	}

	/* ---- other tabs --------------------------------------------------- */

	/* Runs `work` while no other tab signs in, refreshes or signs out. */
	#alone(work) {
		return navigator.locks === undefined ?
			work() : navigator.locks.request(this.#name, work);
	}

	/* The channel tells every tab but this one. */
	#tell(event) {
		this.#channel.postMessage(event);
		this.dispatchEvent(new Event(event));
	}
}
