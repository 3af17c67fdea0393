/*
 * oauth4webapi and jose, used as an application uses them.  Reads calls from
 * standard input, {"call": NAME, ...}, one a line, and answers each with
 * {"result"} or {"error"}, the code that the library or the server has for it.
 */
import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import * as jose from "jose";
import * as oauth from "oauth4webapi";

globalThis.crypto ??= webcrypto; /* which Node 18 keeps from modules */

const PATIENCE = 60000; /* milliseconds; a machine may be busy */

let server; /* its metadata */
let keySet; /* its keys, as jose fetches and keeps them */
let fetches; /* of the keys */

const authentications = {
	client_secret_basic: oauth.ClientSecretBasic,
	client_secret_post: oauth.ClientSecretPost,
};

const calls = {
	async discover({ issuer }) {
		const url = new URL(issuer);
		const options = { algorithm: "oauth2" };
		server = await oauth.processDiscoveryResponse(url,
			await oauth.discoveryRequest(url, options));
		fetches = 0;
		keySet = jose.createRemoteJWKSet(new URL(server.jwks_uri), {
			timeoutDuration: PATIENCE,
			[jose.customFetch]: (...request) => {
				fetches++;
				return fetch(...request);
			},
		});
		return server;
	},

	async refresh({ client_id, refresh_token }) {
		const client = { client_id };
		return oauth.processRefreshTokenResponse(server, client,
			await oauth.refreshTokenGrantRequest(
				server, client, oauth.None(), refresh_token));
	},

	async introspect({ client_id, secret, method, token }) {
		const client = { client_id };
		return oauth.processIntrospectionResponse(server, client,
			await oauth.introspectionRequest(server, client,
				authentications[method](secret), token));
	},

	async revoke({ client_id, token }) {
		const client = { client_id };
		await oauth.processRevocationResponse(
			await oauth.revocationRequest(
				server, client, oauth.None(), token));
		return null;
	},

	/* RFC 9068 §4. */
	async validate({ token, audience }) {
		const request = new Request("https://api.example/", {
			headers: { authorization: `Bearer ${token}` },
		});
		return oauth.validateJwtAccessToken(server, request, audience);
	},

	async verify({ token, audience }) {
		const { payload } = await jose.jwtVerify(token, keySet, {
			issuer: server.issuer, audience, typ: "at+jwt",
		});
		return { payload, fetches };
	},
};

for await (const line of createInterface({ input: process.stdin })) {
	const { call, ...members } = JSON.parse(line);
	let answer;
	try {
		answer = { result: await calls[call](members) };
	} catch (error) {
		answer = { error: error.error ?? error.code ?? String(error),
			status: error.status ?? null };
	}
	console.log(JSON.stringify(answer));
}
