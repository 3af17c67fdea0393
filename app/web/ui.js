/*
 * The sign-in page.  `?to=/path` is where a person goes after signing in; the
 * fragment #sign-up opens the form for a new account.  What went wrong is told
 * by the server's stable codes.
 */
import { Latchkey, LatchkeyError } from "./latchkey.js";

const latchkey = new Latchkey();
const element = (id) => document.getElementById(id);
const [title, message, form, login, password, show, submit, other, question,
	change, signedIn, who, onward, signOut] =
	["title", "message", "form", "login", "password", "show", "submit",
		"other", "question", "switch", "signed-in", "who", "onward",
		"sign-out"].map(element);

const FORMS = {
	"sign-in": {
		title: "Sign in",
		autocomplete: "current-password",
		question: "New here?",
		change: "Create an account",
	},
	"sign-up": {
		title: "Create an account",
		autocomplete: "new-password",
		question: "Have an account?",
		change: "Sign in",
	},
};

const WORDS = {
	account_suspended: "This account is suspended. Ask an administrator.",
	csrf: "Your browser did not let this page show where it comes from. " +
		"Reload it and try again.",
	invalid_credentials: "Login or password is wrong.",
	invalid_request: "A login has 1 to 254 characters, none of them a " +
		"control character.",
	login_taken: "This login is taken. Choose another one.",
	session_limit: "You are signed in on too many devices. Sign out on one " +
		"of them first.",
	signup_disabled: "Accounts are made by an administrator here.",
	too_many_requests: "Too many attempts. Wait a while and try again.",
	unavailable: "The service is not available just now. Try again in a " +
		"moment.",
	unreachable: "The service cannot be reached. Are you online?",
	unknown: "Something went wrong. Try again in a moment.",
};

const WEAK = {
	too_short: "is too short",
	too_long: "is too long",
	contains_login: "leans too much on the login",
};

/* Which field a code is about; that one takes the focus. */
const ABOUT = {
	invalid_credentials: password,
	invalid_request: login,
	login_taken: login,
	weak_password: password,
};

/* ---- where to go afterwards ---------------------------------------------- */

/* The server's own rule (app/local_url.c): a path on this host, given once.
 * A plus is a plus there. */
function destination() {
	const query = location.search.replaceAll("+", "%2B");
	const given = new URLSearchParams(query).getAll("to");
	const local = /^\/(?!\/)[!#-;=?-[\]-~]*$/;

	return given.length === 1 && local.test(given[0]) ? given[0] : null;
}

/* ---- what is shown ------------------------------------------------------- */

let signUpOffered = true;

const isSignUp = () => signUpOffered && location.hash === "#sign-up";

function say(text, field = null) {
	message.textContent = text;
	message.hidden = text === "";
	for (const input of [login, password])
		input.toggleAttribute("aria-invalid", false);
	field?.setAttribute("aria-invalid", "true");
	field?.focus();
	field?.select();
}

function describe(error) {
	if (!(error instanceof LatchkeyError))
		return WORDS.unreachable;
	if (error.code === "weak_password")
		return "The password " + (error.problem.reasons ?? [])
			.map((reason) => WEAK[reason] ?? "is too weak")
			.join(" and ") + ". Choose another one.";
	return WORDS[error.code] ?? WORDS.unknown;
}

function head(text) {
	title.textContent = text;
	document.title = text;
}

function revealPassword(revealed) {
	password.type = revealed ? "text" : "password";
	show.textContent = revealed ? "Hide" : "Show";
	show.setAttribute("aria-label",
		revealed ? "Hide password" : "Show password");
}

function showForm() {
	const shown = FORMS[isSignUp() ? "sign-up" : "sign-in"];

	head(shown.title);
	submit.textContent = shown.title;
	password.autocomplete = shown.autocomplete;
	question.textContent = shown.question;
	change.textContent = shown.change;
	change.hash = isSignUp() ? "#sign-in" : "#sign-up";
	signedIn.hidden = true;
	form.hidden = false;
	other.hidden = !signUpOffered;
	say("");
	revealPassword(false);
	(login.value === "" ? login : password).focus();
	if (isSignUp())
		askForSignUp();
}

/* Whether accounts are made here is told to whoever asks for one; asked for
 * none in particular, the service makes none. */
async function askForSignUp() {
	const error = await latchkey.signUp({ login: "", password: "" })
		.catch((refused) => refused);

	if (error.code === "signup_disabled") {
		signUpOffered = false;
		showForm();
		say(describe(error));
	}
}

async function showSignedIn() {
	const answer = await latchkey.fetch(new URL("../account", import.meta.url));
	const to = destination();

	if (!answer.ok) {
		showForm();
		return;
	}
	who.textContent = (await answer.json()).login;
	head("Signed in");
	say("");
	form.reset();
	form.hidden = true;
	other.hidden = true;
	onward.hidden = to === null;
	if (to !== null)
		onward.href = to;
	signedIn.hidden = false;
	title.focus();
}

/* ---- what a person does -------------------------------------------------- */

/* One thing at a time.  A button that is disabled would lose the focus. */
async function busily(work) {
	if (form.getAttribute("aria-busy") === "true")
		return;
	form.setAttribute("aria-busy", "true");
	try {
		await work();
	} catch (error) {
		if (form.hidden && signedIn.hidden)
			showForm();
		say(describe(error), ABOUT[error.code]);
	} finally {
		form.setAttribute("aria-busy", "false");
	}
}

async function enter() {
	const account = { login: login.value, password: password.value };

	if (account.login === "" || account.password === "") {
		say("Fill in login and password.",
			account.login === "" ? login : password);
		return;
	}
	say("");
	revealPassword(false);
	if (isSignUp()) {
		await latchkey.signUp(account);
		/* The account is there, whatever comes next. */
		history.replaceState(null, "", "#sign-in");
		showForm();
	}
	await latchkey.signIn(account);
	if (destination() === null)
		await showSignedIn();
	else
		location.replace(destination());
}

form.addEventListener("submit", (event) => {
	event.preventDefault();
	busily(enter);
});

signOut.addEventListener("click", () => busily(() => latchkey.signOut()));

show.addEventListener("click", () => {
	revealPassword(password.type === "password");
	password.focus();
});

addEventListener("hashchange", () => form.hidden || showForm());

/* ---- what other tabs do, and the start ----------------------------------- */

latchkey.addEventListener("signout", () => signedIn.hidden || showForm());
latchkey.addEventListener("signin", () => form.hidden ||
	form.getAttribute("aria-busy") === "true" || busily(showSignedIn));

if (latchkey.session === null)
	showForm();
else
	busily(showSignedIn);
