/*
 * An HTTP/1.1 load generator: some clients, each with one connection that is
 * kept and one request under way, served by one thread with epoll.  It shares
 * the machine with what it measures, so the loop formats and allocates nothing:
 * a request is one send(), its answer mostly one recv().  Prints one line of
 * JSON.  Run by tests/bench/bench.
 *
 * An answer with another status than the expected one is an error: counted by
 * its status, not in the rate, not in the latencies.  So is one that the server
 * cuts off ("cut") or has not given within DRAIN of the end ("unanswered").
 */
#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND      INT64_C(1000000000) /* times are in nanoseconds */
#define DRAIN       (10 * SECOND)       /* what is under way may take so long */
#define STATUS_END  600
#define REQUEST_MAX 16384
#define ANSWER_MAX  262144 /* head and body */

static const char usage[] =
	"usage: load [--clients N] [--warm-up SECONDS] [--seconds SECONDS]\n"
	"            [--host ADDRESS] --port PORT MODE PATH FILE\n"
	"  get      a token a line, in turn over all clients (Bearer)\n"
	"    --expect STATUS  instead of 204\n"
	"    --once           no token twice: the run ends with the file\n"
	"  refresh  a token a line: client n takes every Nth from line n on, "
	"in\n"
	"           turn, and puts in its place the one that it is given\n"
	"    --write FILE     the tokens at the end, for another run\n"
	"    --fixed          goes on with the same, whatever the answer\n"
	"  login    login TAB password a line, in turn over all clients\n";

struct line {
	char *text;
	size_t len;
};

/* What is sent: prefix, a line of the file, suffix. */
struct form {
	char prefix[1024];
	size_t prefix_len;
	const char *suffix;
	struct line *lines;
	size_t n_lines, next;
	bool once;
	bool own;     /* a client keeps to its share of the lines */
	bool rotates; /* and puts in their place the tokens that it is given */
	unsigned expect;
};

struct client {
	int fd;
	bool busy;
	bool kept; /* the connection has had an answer before */
	int64_t asked_at;
	size_t line, next_line; /* of its own */
	size_t request_len, got;
	char request[REQUEST_MAX];
	char answer[ANSWER_MAX + 1]; /* ends with NUL, for the numbers in it */
};

/*
 * A log-linear histogram: values below 2 * PARTS have a bucket each, and every
 * doubling above has PARTS of them, so a bucket is 1/PARTS of its values wide.
 */
#define PARTS_LOG 6
#define PARTS     (1 << PARTS_LOG)
#define BUCKETS   (40 * PARTS)

struct tally {
	uint64_t good, reconnects, cut, unanswered;
	uint64_t errors[STATUS_END];
	uint64_t latency[BUCKETS];
	int64_t longest;
};

struct load {
	struct form form;
	struct sockaddr_in address;
	struct client *clients;
	size_t n_clients, n_busy;
	int epoll;
	bool draining;
	int64_t now;
	struct tally tally;
};

struct answer {
	unsigned status;
	bool closes;
	const char *body;
	size_t body_len;
};

static int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* ---- latencies ----------------------------------------------------------- */

static size_t bucket_of(int64_t value)
{
	const uint64_t v = (uint64_t)value;
	const int shift = v < PARTS ? 0 : 63 - __builtin_clzll(v) - PARTS_LOG;
	const size_t bucket = ((size_t)shift << PARTS_LOG) + (v >> shift);

	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* The middle of a bucket, in nanoseconds. */
static double value_of(size_t bucket)
{
	const size_t shift = bucket < PARTS ? 0 : bucket / PARTS - 1;
	const uint64_t low = (uint64_t)(bucket - (shift << PARTS_LOG)) << shift;

	return (double)low + (double)(UINT64_C(1) << shift) / 2;
}

static double quantile_us(const struct tally *tally, double part)
{
	const double rank = part * (double)tally->good;
	uint64_t sum = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		sum += tally->latency[i];
		if (sum > 0 && (double)sum >= rank)
			return value_of(i) / 1000;
	}
	return 0; /* there was none */
}

static void count_latency(struct tally *tally, int64_t latency)
{
	tally->latency[bucket_of(latency)]++;
	if (latency > tally->longest)
		tally->longest = latency;
}

/* ---- answers ------------------------------------------------------------- */

/* Whether text holds a whole chunked body (RFC 9112 §7.1), without trailers. */
static bool has_chunks(const char *text, const char *end)
{
	for (;;) {
		const char *eol = memmem(text, (size_t)(end - text), "\r\n", 2);
		size_t size;

		if (eol == NULL)
			return false;
		size = strtoul(text, NULL, 16);
		text = eol + 2;
		if (size > ANSWER_MAX || (size_t)(end - text) < size + 2)
			return false;
		if (size == 0)
			return true;
		text += size + 2;
	}
}

static bool is_header(const char *line, const char *name)
{
	return strncasecmp(line, name, strlen(name)) == 0;
}

/* Whether text, which a NUL ends, is a whole answer. */
static bool read_answer(const char *text, size_t len, struct answer *answer_r)
{
	const char *end = text + len;
	const char *head_end = memmem(text, len, "\r\n\r\n", 4);
	bool chunked = false;
	size_t size = 0;

	if (head_end == NULL)
		return false;
	if (strncmp(text, "HTTP/1.1 ", 9) != 0)
		errx(1, "the answer is not one of HTTP/1.1: %.40s", text);
	*answer_r = (struct answer){
		.status = (unsigned)strtoul(text + 9, NULL, 10),
		.body = head_end + 4,
	};
	for (const char *line = text; line < head_end;) {
		line = (const char *)memchr(line, '\n', (size_t)(end - line)) +
		       1;
		if (is_header(line, "Content-Length:"))
			size = strtoul(line + 15, NULL, 10);
		else if (is_header(line, "Transfer-Encoding: chunked"))
			chunked = true;
		else if (is_header(line, "Connection: close"))
			answer_r->closes = true;
	}
	answer_r->body_len = (size_t)(end - answer_r->body);
	return chunked ? has_chunks(answer_r->body, end)
		       : answer_r->body_len >= size;
}

/* Puts the refresh token of the answer in the place of the one sent. */
static void take_token(const struct line *line, const struct answer *answer)
{
	static const char name[] = "\"refresh_token\":\"";
	const char *token =
		memmem(answer->body, answer->body_len, name, sizeof(name) - 1);

	if (token == NULL)
		errx(1, "no refresh_token in: %.200s", answer->body);
	token += sizeof(name) - 1;
	if (strcspn(token, "\"") != line->len)
		errx(1, "a refresh_token of another length");
	memcpy(line->text, token, line->len);
}

/* ---- clients ------------------------------------------------------------- */

/* Blocking, so one send() takes a whole request; reads come after epoll. */
static void open_connection(struct load *load, struct client *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	const int on = 1;

	c->kept = false;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
	    connect(c->fd, (const struct sockaddr *)&load->address,
		    sizeof(load->address)) != 0 ||
	    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		err(1, "connect");
}

static void reconnect(struct load *load, struct client *c)
{
	close(c->fd);
	load->tally.reconnects++;
	open_connection(load, c);
}

static void fill_request(const struct form *form, struct client *c,
			 const struct line *line)
{
	const size_t suffix_len = strlen(form->suffix);
	char *p = c->request + form->prefix_len;

	memcpy(p, line->text, line->len);
	memcpy(p + line->len, form->suffix, suffix_len);
	c->request_len = form->prefix_len + line->len + suffix_len;
}

/* False: there is nothing more to ask. */
static bool next_request(struct load *load, struct client *c)
{
	struct form *form = &load->form;

	if (form->own) {
		c->line = c->next_line;
		c->next_line += load->n_clients;
		if (c->next_line >= form->n_lines)
			c->next_line = (size_t)(c - load->clients);
		fill_request(form, c, &form->lines[c->line]);
		return true;
	}
	if (form->next == form->n_lines) {
		if (form->once)
			return false;
		form->next = 0;
	}
	fill_request(form, c, &form->lines[form->next++]);
	return true;
}

static void send_request(struct load *load, struct client *c)
{
	/* The server may have closed meanwhile: once more, then. */
	if (send(c->fd, c->request, c->request_len, MSG_NOSIGNAL) >= 0)
		return;
	reconnect(load, c);
	if (send(c->fd, c->request, c->request_len, MSG_NOSIGNAL) < 0)
		err(1, "send");
}

static void ask(struct load *load, struct client *c)
{
	const bool wanted = !load->draining && next_request(load, c);

	load->n_busy += wanted - c->busy;
	c->busy = wanted;
	if (!wanted)
		return;
	c->asked_at = load->now;
	send_request(load, c);
}

static void on_answer(struct load *load, struct client *c,
		      const struct answer *answer)
{
	load->now = clock_now();
	if (answer->status == load->form.expect) {
		load->tally.good++;
		count_latency(&load->tally, load->now - c->asked_at);
		if (load->form.rotates)
			take_token(&load->form.lines[c->line], answer);
	} else if (answer->status < STATUS_END)
		load->tally.errors[answer->status]++;
	else
		errx(1, "a status of %u", answer->status);
	c->kept = true;
	c->got = 0;
	if (answer->closes)
		reconnect(load, c);
	ask(load, c);
}

/* A server may close a kept connection just as it is used again: that is no
 * fault, and the request goes over another one.  Anything else is one. */
static void on_close(struct load *load, struct client *c)
{
	const bool fault = c->busy && (!c->kept || c->got > 0);

	c->got = 0;
	reconnect(load, c);
	if (fault) {
		load->tally.cut++;
		ask(load, c);
	} else if (c->busy)
		send_request(load, c);
}

static void on_readable(struct load *load, struct client *c)
{
	const ssize_t n =
		recv(c->fd, c->answer + c->got, ANSWER_MAX - c->got, 0);
	struct answer answer;

	if (n <= 0) {
		on_close(load, c);
		return;
	}
	c->got += (size_t)n;
	c->answer[c->got] = '\0';
	if (read_answer(c->answer, c->got, &answer))
		on_answer(load, c, &answer);
	else if (c->got == ANSWER_MAX)
		errx(1, "an answer of over %d bytes", ANSWER_MAX);
}

/* Until then, or until nothing is under way. */
static void run_until(struct load *load, int64_t then)
{
	struct epoll_event events[64];

	while (load->n_busy > 0 && load->now < then) {
		const int64_t ms = (then - load->now) / 1000000 + 1;
		const int n = epoll_wait(load->epoll, events, 64, (int)ms);

		for (int i = 0; i < n; i++)
			on_readable(load, events[i].data.ptr);
		load->now = clock_now();
	}
}

static void open_clients(struct load *load)
{
	const struct form *form = &load->form;

	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->clients = calloc(load->n_clients, sizeof(*load->clients));
	if (load->epoll < 0 || load->clients == NULL)
		err(1, "clients");
	if (form->own && form->n_lines < load->n_clients)
		errx(1, "%zu lines for %zu clients", form->n_lines,
		     load->n_clients);
	for (size_t i = 0; form->own && i < form->n_lines; i++)
		if (form->lines[i].len != form->lines[0].len)
			errx(1, "tokens of different lengths");
	for (size_t i = 0; i < load->n_clients; i++) {
		struct client *c = &load->clients[i];

		memcpy(c->request, form->prefix, form->prefix_len);
		c->next_line = i;
		open_connection(load, c);
	}
}

static void close_clients(struct load *load)
{
	for (size_t i = 0; i < load->n_clients; i++)
		close(load->clients[i].fd);
	close(load->epoll);
	free(load->clients);
}

/* ---- what is sent -------------------------------------------------------- */

static void read_lines(struct form *form, const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0, room = 0;
	ssize_t len;

	if (file == NULL)
		err(1, "%s", path);
	while ((len = getline(&text, &size, file)) > 0) {
		if (text[len - 1] == '\n')
			text[--len] = '\0';
		if (len > REQUEST_MAX / 4)
			errx(1, "%s: a line of %zd bytes", path, len);
		if (form->n_lines == room) {
			room = room > 0 ? 2 * room : 1024;
			form->lines = realloc(form->lines,
					      room * sizeof(*form->lines));
			if (form->lines == NULL)
				err(1, "%s", path);
		}
		form->lines[form->n_lines++] =
			(struct line){ text, (size_t)len };
		text = NULL;
	}
	free(text);
	fclose(file);
	if (form->n_lines == 0)
		errx(1, "%s is empty", path);
}

/* Bodies are made now, so that the loop need not. */
static void make_login_bodies(struct form *form)
{
	for (size_t i = 0; i < form->n_lines; i++) {
		struct line *line = &form->lines[i];
		const char *tab = memchr(line->text, '\t', line->len);
		char *body = NULL, *text = NULL;

		if (tab == NULL || memchr(line->text, '"', line->len) != NULL ||
		    memchr(line->text, '\\', line->len) != NULL)
			errx(1, "not login TAB password, free of \" and \\: %s",
			     line->text);
		if (asprintf(&body,
			     "{\"login\":\"%.*s\",\"password\":\"%.*s\"}",
			     (int)(tab - line->text), line->text,
			     (int)(line->text + line->len - tab - 1),
			     tab + 1) < 0 ||
		    asprintf(&text, "%zu\r\n\r\n%s", strlen(body), body) < 0)
			err(1, "bodies");
		free(body);
		free(line->text);
		*line = (struct line){ text, strlen(text) };
	}
}

static void set_form(struct load *load, const char *method, const char *path,
		     const char *rest, const char *suffix)
{
	struct form *form = &load->form;
	char host[INET_ADDRSTRLEN];
	int n;

	inet_ntop(AF_INET, &load->address.sin_addr, host, sizeof(host));
	n = snprintf(form->prefix, sizeof(form->prefix),
		     "%s %s HTTP/1.1\r\nHost: %s:%u\r\n%s", method, path, host,
		     ntohs(load->address.sin_port), rest);
	if (n < 0 || (size_t)n >= sizeof(form->prefix))
		errx(1, "the path is too long");
	form->prefix_len = (size_t)n;
	form->suffix = suffix;
}

#define JSON_HEAD "Content-Type: application/json\r\nContent-Length: "

static void set_mode(struct load *load, const char *mode, const char *path)
{
	struct form *form = &load->form;

	if (strcmp(mode, "get") == 0) {
		set_form(load, "GET", path, "Authorization: Bearer ",
			 "\r\n\r\n");
	} else if (strcmp(mode, "refresh") == 0) {
		char rest[128];

		/* Refresh tokens are all of one length. */
		snprintf(rest, sizeof(rest),
			 JSON_HEAD "%zu\r\n\r\n{\"refresh_token\":\"",
			 form->lines[0].len +
				 strlen("{\"refresh_token\":\"\"}"));
		set_form(load, "POST", path, rest, "\"}");
	} else if (strcmp(mode, "login") == 0) {
		make_login_bodies(form);
		set_form(load, "POST", path, JSON_HEAD, "");
	} else
		errx(2, "no mode is called %s", mode);
}

static void write_tokens(const struct form *form, const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		err(1, "%s", path);
	for (size_t i = 0; i < form->n_lines; i++)
		fprintf(file, "%.*s\n", (int)form->lines[i].len,
			form->lines[i].text);
	if (fclose(file) != 0)
		err(1, "%s", path);
}

/* ---- the run ------------------------------------------------------------- */

static void print_errors(const struct tally *tally)
{
	const char *comma = "";

	printf("\"errors\":{");
	for (size_t i = 0; i < STATUS_END; i++)
		if (tally->errors[i] > 0) {
			printf("%s\"%zu\":%lu", comma, i, tally->errors[i]);
			comma = ",";
		}
	if (tally->cut > 0) {
		printf("%s\"cut\":%lu", comma, tally->cut);
		comma = ",";
	}
	if (tally->unanswered > 0)
		printf("%s\"unanswered\":%lu", comma, tally->unanswered);
	printf("},");
}

static void print_result(const struct tally *tally, double seconds, double cpu)
{
	printf("{\"requests\":%lu,\"seconds\":%.3f,\"rate\":%.1f,", tally->good,
	       seconds, seconds > 0 ? (double)tally->good / seconds : 0);
	print_errors(tally);
	printf("\"reconnects\":%lu,\"latency_us\":{\"p50\":%.1f,\"p90\":%.1f,"
	       "\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f},"
	       "\"cpu_seconds\":%.3f}\n",
	       tally->reconnects, quantile_us(tally, 0.5),
	       quantile_us(tally, 0.9), quantile_us(tally, 0.99),
	       quantile_us(tally, 0.999), (double)tally->longest / 1000, cpu);
}

static void run(struct load *load, double warm_up, double seconds)
{
	struct tally tally;
	int64_t began;
	double cpu;

	load->now = clock_now();
	for (size_t i = 0; i < load->n_clients; i++)
		ask(load, &load->clients[i]);
	run_until(load, load->now + (int64_t)(warm_up * SECOND));

	load->tally = (struct tally){ 0 };
	began = load->now;
	cpu = cpu_seconds();
	run_until(load, began + (int64_t)(seconds * SECOND));
	tally = load->tally;
	seconds = (double)(load->now - began) / SECOND;
	cpu = cpu_seconds() - cpu;

	/* What is under way may change a token: to know it, wait. */
	load->draining = true;
	run_until(load, load->now + DRAIN);
	tally.unanswered = load->n_busy;
	print_result(&tally, seconds, cpu);
}

static double positive(const char *text)
{
	char *end = NULL;
	const double number = strtod(text, &end);

	if (end == text || *end != '\0' || number < 0)
		errx(2, "not a number: %s", text);
	return number;
}

struct options {
	double warm_up, seconds;
	double expect; /* 0: what the mode expects */
	double port;
	const char *host, *write_to;
	bool fixed;
};

/* Reads all that stands before the mode; some of it goes into the load. */
static void read_options(int argc, char **argv, struct options *options,
			 struct load *load)
{
	enum {
		CLIENTS,
		WARM_UP,
		SECONDS,
		HOST,
		PORT,
		EXPECT,
		ONCE,
		WRITE,
		FIXED
	};
	static const struct option known[] = {
		{ "clients", required_argument, NULL, CLIENTS },
		{ "warm-up", required_argument, NULL, WARM_UP },
		{ "seconds", required_argument, NULL, SECONDS },
		{ "host", required_argument, NULL, HOST },
		{ "port", required_argument, NULL, PORT },
		{ "expect", required_argument, NULL, EXPECT },
		{ "once", no_argument, NULL, ONCE },
		{ "write", required_argument, NULL, WRITE },
		{ "fixed", no_argument, NULL, FIXED },
		{ NULL },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (option) {
		case CLIENTS:
			load->n_clients = (size_t)positive(optarg);
			break;
		case WARM_UP:
			options->warm_up = positive(optarg);
			break;
		case SECONDS:
			options->seconds = positive(optarg);
			break;
		case HOST:
			options->host = optarg;
			break;
		case PORT:
			options->port = positive(optarg);
			break;
		case EXPECT:
			options->expect = positive(optarg);
			break;
		case ONCE:
			load->form.once = true;
			break;
		case WRITE:
			options->write_to = optarg;
			break;
		case FIXED:
			options->fixed = true;
			break;
		default:
			errx(2, "%s", usage);
		}
}

int main(int argc, char **argv)
{
	static struct load load = { .n_clients = 16 };
	struct options options = { .warm_up = 1,
				   .seconds = 5,
				   .host = "127.0.0.1" };
	const char *mode;

	read_options(argc, argv, &options, &load);
	load.address.sin_family = AF_INET;
	load.address.sin_port = htons((uint16_t)options.port);
	if (argc - optind != 3 || options.port == 0 || load.n_clients == 0 ||
	    inet_pton(AF_INET, options.host, &load.address.sin_addr) != 1)
		errx(2, "%s", usage);

	mode = argv[optind];
	read_lines(&load.form, argv[optind + 2]);
	set_mode(&load, mode, argv[optind + 1]);
	load.form.own = strcmp(mode, "refresh") == 0;
	load.form.rotates = load.form.own && !options.fixed;
	load.form.expect = options.expect > 0         ? (unsigned)options.expect
			   : strcmp(mode, "get") == 0 ? 204
						      : 200;
	open_clients(&load);
	run(&load, options.warm_up, options.seconds);
	if (options.write_to != NULL)
		write_tokens(&load.form, options.write_to);
	close_clients(&load);
	return 0;
}
