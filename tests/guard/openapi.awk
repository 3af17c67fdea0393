# Reads app/openapi.yaml as flatten.awk prints it and prints what it says in
# the words of tests/guard/contract, a fact a line.

# The path of what is meant there, by way of its references.
function at(path)
{
	while ((path "|$ref") in value) {
		path = value[path "|$ref"]
		gsub("/", "|", path)
		sub(/^#\|/, "", path)
	}
	return path
}

# The value of a key there, or "".
function of(path, key)
{
	path = at(path) "|" key
	return path in value ? value[path] : ""
}

# A member that may be null, too, is any value to the program's table.
function type(schema)
{
	return of(schema, "type|0") != "" ? "any" : of(schema, "type")
}

function print_query(where, operation,    i, param)
{
	for (i = 0; at(operation "|parameters|" i) "|name" in value; i++) {
		param = operation "|parameters|" i
		if (of(param, "in") == "query")
			print "query", where, of(param, "name"),
				of(param, "required") == "true" ? "required" :
				"optional"
	}
}

function print_members(where, schema,    i, n, names, required, member)
{
	for (i = 0; (schema "|required|" i) in value; i++)
		required[value[schema "|required|" i]] = 1
	n = split(properties[schema], names, " ")
	for (i = 1; i <= n; i++) {
		member = schema "|properties|" names[i]
		print "member", where, names[i], type(member),
			names[i] in required ? "required" : "optional"
		if (of(member, "maxLength") != "")
			print "limit", where, names[i], of(member, "maxLength")
	}
}

function print_body(where, operation,    body, kind, content, schema)
{
	body = at(operation "|requestBody")
	for (kind in kinds) {
		content = body "|content|" kind "|schema"
		if (!((content "|$ref") in value))
			continue
		schema = at(content)
		print kinds[kind], where,
			of(body, "required") == "true" ? "required" : "optional"
		print_members(where, schema)
	}
}

# Without a word on it, an operation needs what most need: an access token, as
# a bearer's or in a cookie.
function print_credential(where, operation)
{
	if (!(operation in secured))
		print "bearer", where
	if (of(operation, "x-role") != "")
		print of(operation, "x-role"), where
	if (operation in refreshed)
		print "tokens", where
}

function print_codes(status, response,    member, kind, schema, i)
{
	for (kind in errors) {
		schema = at(response) "|content|" kind "|schema"
		member = "|properties|" errors[kind] "|enum|"
		if (!((schema member 0) in value))
			schema = at(schema)
		for (i = 0; (schema member i) in value; i++)
			print errors[kind], status, value[schema member i]
	}
}

BEGIN {
	FS = "\t"
	kinds["application/json"] = "json"
	kinds["application/x-www-form-urlencoded"] = "form"
	errors["application/problem+json"] = "code"
	errors["application/json"] = "error"
}

{
	value[$1] = $2
	n = split($1, key, "|")
	if ($1 == "info|version")
		print "version", $2
	if (key[1] == "paths" && key[4] == "operationId")
		operations["paths|" key[2] "|" key[3]] = 1
	if (key[1] == "paths" && key[4] == "security")
		secured["paths|" key[2] "|" key[3]] = 1
	if (key[1] == "paths" && key[4] == "security" &&
	    key[n] == "refreshCookie")
		refreshed["paths|" key[2] "|" key[3]] = 1
	if (key[1] == "paths" && key[4] == "responses")
		responses["paths|" key[2] "|" key[3] "|responses|" key[5]] = 1
	if (key[1] == "x-other-requests")
		responses[key[1] "|" key[2]] = 1
	if (key[1] != "components" || key[2] != "schemas")
		next
	# The names of properties, each at the first line of what it is.  lib/
	# writes a key set as one text.
	schema = key[1] "|" key[2] "|" key[3]
	for (i = 4; i < n; i++) {
		if (key[i] == "properties" && !((schema, key[i + 1]) in seen)) {
			seen[schema, key[i + 1]] = 1
			properties[schema] = properties[schema] " " key[i + 1]
			if (key[3] !~ /^Jwk/)
				print "name", key[i + 1]
		}
		schema = schema "|" key[i]
	}
}

END {
	for (operation in operations) {
		split(operation, key, "|")
		path = key[2]
		gsub(/\{[^}]*\}/, "*", path)
		where = toupper(key[3]) " " path
		if (("paths|" key[2] "|x-any-method") in value)
			where = "* " path
		print "operation", where
		print_credential(where, operation)
		print_body(where, operation)
		print_query(where, operation)
	}
	for (response in responses) {
		split(response, key, "|")
		print_codes(key[1] == "paths" ? key[5] : key[2], response)
	}
}
