/*
 * Prints what the tables of the program say of its HTTP interface, a fact a
 * line, for tests/guard/openapi.sh.  It includes the files that have them,
 * since the tables are nobody else's business.
 */
#include <stdio.h>

#include "app/problem.c"
#include "app/routes.c"

static const char *const types[] = {
	[LK_JSON_STRING] = "string",   [LK_JSON_BOOL] = "boolean",
	[LK_JSON_INTEGER] = "integer", [LK_JSON_STRINGS] = "array",
	[LK_JSON_OBJECT] = "object",   [LK_JSON_VALUE] = "any",
};

/* A fact of a row that holds if it has one of these needs. */
static void print_if(const struct route *route, unsigned needs,
		     const char *fact, const char *how)
{
	if ((route->needs & needs) != 0)
		printf("%s %s %s%s\n", fact, route->method, route->path, how);
}

static void print_param(const struct route *route,
			const struct lk_json_member *param)
{
	printf("query %s %s %s %s\n", route->method, route->path, param->name,
	       param->required ? "required" : "optional");
}

static void print_member(const struct route *route,
			 const struct lk_json_member *member)
{
	printf("member %s %s %s %s %s\n", route->method, route->path,
	       member->name, types[member->type],
	       member->required ? "required" : "optional");
	/* Else it is the body's limit that a client meets. */
	if (member->max > 0 && member->max < LK_BODY_MAX)
		printf("limit %s %s %s %zu\n", route->method, route->path,
		       member->name, member->max);
}

static void print_route(const struct route *route)
{
	const struct lk_json_member *member = route->members;
	size_t n;

	printf("operation %s %s\n", route->method, route->path);
	print_if(route, BEARER, "bearer", "");
	print_if(route, ADMIN, LK_ROLE_ADMIN, "");
	print_if(route, TOKENS, "tokens", "");
	/* A refresh cookie stands for a body. */
	print_if(route, BODY | BODY_MAY, "json",
		 (route->needs & BODY) != 0 && (route->needs & TOKENS) == 0
			 ? " required"
			 : " optional");
	print_if(route, FORM, "form", " required");
	for (n = 0; n < LK_MEMBERS_MAX && member[n].name != NULL; n++)
		if ((route->needs & QUERY) != 0)
			print_param(route, &member[n]);
		else
			print_member(route, &member[n]);
}

int main(void)
{
	size_t i;

	printf("version %s\n", PACKAGE_VERSION);
	for (i = 0; i < N_ROUTES; i++)
		print_route(&routes[i]);
	for (i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
		printf("%s %u %s\n", i < LK_INVALID_CLIENT ? "code" : "error",
		       problems[i].status, problems[i].code);
	return 0;
}
