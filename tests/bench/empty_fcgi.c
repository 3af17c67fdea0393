/*
 * The least that a FastCGI program can do: what Latchkey is measured against.
 * Workers on a Unix socket, each in libfcgi's own blocking accept and with all
 * its defaults, answer what Latchkey answers, but from fixed text.
 *
 *	empty-fcgi SOCKET WORKERS [ANSWERFILE]
 *
 * Without a file it answers as /verify and as an Authorizer that lets all pass;
 * with one it reads the body and answers 200 with the file, as /refresh.
 * SIGTERM ends it, and the kernel its workers then.
 */
#include <err.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG  1024 /* as app/listener.c */
#define BODY_MAX 16384
#define COMMON                                                                 \
	"Cache-Control: no-store\r\n"                                          \
	"X-Content-Type-Options: nosniff\r\n"                                  \
	"X-Request-Id: AaIFK6aPdgWO7qdlYKKpJw\r\n"

static const char verified[] = "Status: 204 No Content\r\n" COMMON
			       "X-Auth-User: AaIFKRVtd22XeowfKBQZUA\r\n"
			       "X-Auth-Session: AaIFKVj4cECGQgu5uMTeZA\r\n"
			       "X-Auth-Roles: admin\r\n"
			       "X-Auth-Expires: 2026-11-22T21:33:45.000Z\r\n"
			       "\r\n";

static const char authorized[] =
	"Status: 200 OK\r\n"
	"Variable-AUTH_USER: AaIFKRVtd22XeowfKBQZUA\r\n"
	"Variable-REMOTE_USER: AaIFKRVtd22XeowfKBQZUA\r\n"
	"Variable-AUTH_SESSION: AaIFKVj4cECGQgu5uMTeZA\r\n"
	"Variable-AUTH_ROLES: admin\r\n"
	"Variable-AUTH_EXPIRES: 2026-11-22T21:33:45.000Z\r\n"
	"Content-Length: 0\r\n"
	"\r\n";

static char *read_answer(const char *path)
{
	FILE *file = fopen(path, "r");
	char body[BODY_MAX], *answer = NULL;
	size_t n;

	if (file == NULL)
		err(1, "%s", path);
	n = fread(body, 1, sizeof(body), file);
	if (ferror(file) || n == sizeof(body) ||
	    asprintf(&answer,
		     "Status: 200 OK\r\n" COMMON
		     "Content-Type: application/json\r\n"
		     "Content-Length: %zu\r\n\r\n%.*s",
		     n, (int)n, body) < 0)
		errx(1, "%s: not to be read, or over %d bytes", path, BODY_MAX);
	fclose(file);
	return answer;
}

static void work(int listen_fd, const char *answer)
{
	FCGX_Request r;
	char body[BODY_MAX];

	if (FCGX_Init() != 0 || FCGX_InitRequest(&r, listen_fd, 0) != 0)
		errx(1, "libfcgi does not start");
	while (FCGX_Accept_r(&r) == 0) {
		const char *text = answer;

		if (answer != NULL)
			FCGX_GetStr(body, sizeof(body), r.in);
		else
			text = r.role == FCGI_AUTHORIZER ? authorized
							 : verified;
		FCGX_PutStr(text, (int)strlen(text), r.out);
	}
}

int main(int argc, char **argv)
{
	const int workers = argc >= 3 ? atoi(argv[2]) : 0;
	const char *answer = argc == 4 ? read_answer(argv[3]) : NULL;
	int listen_fd;

	if (workers < 1 || argc > 4)
		errx(2, "usage: empty-fcgi SOCKET WORKERS [ANSWERFILE]");
	umask(0); /* whoever the web server runs as */
	listen_fd = FCGX_OpenSocket(argv[1], BACKLOG);
	if (listen_fd < 0)
		errx(1, "%s: no socket", argv[1]);
	for (int i = 0; i < workers; i++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			work(listen_fd, answer);
			_exit(1);
		}
	wait(NULL);
	errx(1, "a worker has ended");
}
