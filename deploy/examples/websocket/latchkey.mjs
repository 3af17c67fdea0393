/*
 * Whose a token is: for servers that people stay connected to by WebSocket,
 * socket.io or server-sent events.
 */
import { webcrypto } from "node:crypto";
import { createRemoteJWKSet, jwtVerify } from "jose";

globalThis.crypto ??= webcrypto; /* which Node 18 keeps from modules */

const PATIENCE = 30000; /* milliseconds that an answer may take */

/* What jose has against a token; else it could not get the keys. */
const NO_TOKEN = /^ERR_(JWS|JWT|JWKS_NO|JOSE_ALG|JOSE_NOT)_/;

export class Latchkey {
	#url;
	#keys;
	#expected;

	/* url: where it is mounted; issuer, audience: as in its settings. */
	constructor({ url, issuer, audience = issuer }) {
		this.#url = url;
		this.#keys = createRemoteJWKSet(
			new URL(`${url}/.well-known/jwks.json`),
			{ timeoutDuration: PATIENCE });
		this.#expected = { issuer, audience, typ: "at+jwt" };
	}

	/*
	 * The claims of a live token: the user is `sub`, the session `sid`.
	 * Null if it is none, or not any more.  Throws if nobody can say.
	 *
	 * What is no token of ours is refused here and costs Latchkey nothing.
	 * Whether the session still lives only Latchkey knows.
	 */
	async claims(token) {
		try {
			const { payload } = await jwtVerify(token, this.#keys,
				this.#expected);

			return await this.#lives(token) ? payload : null;
		} catch (error) {
			if (NO_TOKEN.test(error.code))
				return null;
			throw error;
		}
	}

	async #lives(token) {
		const { status } = await fetch(`${this.#url}/verify`, {
			headers: { Authorization: `Bearer ${token}` },
			signal: AbortSignal.timeout(PATIENCE),
		});

		if (status !== 204 && status !== 401)
			throw new Error(`Latchkey answers ${status}`);
		return status === 204;
	}
}
