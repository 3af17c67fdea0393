/*
 * A WebSocket server whose connections end with their sessions.  People who are
 * signed in hear what any of them says.
 *
 * In cookie mode a browser sends its access token by itself.  Any other client
 * sends {"token": ACCESS_TOKEN} first, and a fresh one of the same session
 * whenever it has refreshed.  It is answered {"user": ID}.
 *
 * A connection lives as long as its token: Latchkey is asked every few seconds.
 * It is closed with 4401 when the token is not good, or not any more; the
 * client refreshes and, where there is a session still, comes back.  4503 is
 * for when nobody can say.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import { Latchkey } from "./latchkey.mjs";

const { env } = process;

/* Milliseconds. */
const CHECK_EVERY = Number(env.CHECK_EVERY ?? 5000);
const TOKEN_WITHIN = Number(env.TOKEN_WITHIN ?? 10000);
const MAX_STALENESS = Number(env.MAX_STALENESS ?? 30000);

const REFUSED = 4401;
const TRY_LATER = 4503;

const latchkey = new Latchkey({
	url: env.LATCHKEY_URL, /* http://127.0.0.1:8080/auth */
	issuer: env.LATCHKEY_ISSUER,
});
const origins = new Set(env.ORIGINS.split(" ")); /* https://www.example.org */
const connections = new Set();

class Connection {
	user = null; /* until a token says who it is, and when that has ended */
	#socket;
	#token;
	#session;
	#opened = Date.now();
	#checked = 0; /* when Latchkey last said that the token lives */

	constructor(socket) {
		this.#socket = socket;
	}

	/* The first token, or a fresh one. */
	async take(token) {
		this.#token = token;
		await this.#check();
		if (this.user !== null)
			this.tell({ user: this.user });
	}

	async watch() {
		while (this.#socket.readyState === WebSocket.OPEN) {
			if (this.#token !== undefined)
				await this.#check();
			else if (Date.now() - this.#opened > TOKEN_WITHIN)
				this.#end(REFUSED);
			await sleep(CHECK_EVERY);
		}
	}

	tell(message) {
		this.#socket.send(JSON.stringify(message));
	}

	async #check() {
		let claims;

		try {
			claims = await latchkey.claims(this.#token);
		} catch (error) {
			console.error(error.message);
			if (Date.now() - this.#checked > MAX_STALENESS)
				this.#end(TRY_LATER);
			return;
		}
		this.#session ??= claims?.sid;
		if (claims === null || claims.sid !== this.#session) {
			this.#end(REFUSED);
			return;
		}
		this.#checked = Date.now();
		this.user = claims.sub;
	}

	#end(code) {
		this.user = null;
		this.#socket.close(code);
	}
}

function receive(connection, data) {
	let message;

	try {
		message = JSON.parse(data);
	} catch {
		return;
	}
	if (typeof message?.token === "string")
		connection.take(message.token);
	else if (typeof message?.text === "string" && connection.user !== null)
		for (const other of connections)
			if (other.user !== null)
				other.tell({ from: connection.user,
					text: message.text });
}

const server = new WebSocketServer({
	host: "127.0.0.1", /* TLS is the web server's, which hands on to here */
	port: Number(env.PORT ?? 8100),
	maxPayload: 16 * 1024,
	/* A page of another site has no business here.  What is no browser
	 * sends no Origin, and no cookies of its own accord. */
	verifyClient: ({ origin }, answer) =>
		answer(origin === undefined || origins.has(origin), 403),
});

server.on("connection", (socket, request) => {
	const connection = new Connection(socket);
	const [, cookie] = /(?:^|; )__Host-lk_at=([^;]*)/.exec(
		request.headers.cookie ?? "") ?? [];

	connections.add(connection);
	socket.on("message", (data) => receive(connection, data));
	socket.on("close", () => connections.delete(connection));
	socket.on("error", (error) => console.error(error.message));
	if (cookie !== undefined)
		connection.take(cookie);
	connection.watch();
});

server.on("listening", () => console.log("listening"));
