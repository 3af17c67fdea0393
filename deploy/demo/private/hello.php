<?php
// A page behind Latchkey.  It checks nothing: the web server lets nobody in
// whom Latchkey refuses, and tells the page who is asking.  These variables are
// the web server's; what a client sends is in HTTP_..., and nobody's identity.

function html(string $name): string
{
	return htmlspecialchars($_SERVER[$name] ?? '', ENT_QUOTES | ENT_SUBSTITUTE);
}
?>
<!DOCTYPE html>
<html lang="en">
<head>
	<meta charset="utf-8">
	<meta name="viewport" content="width=device-width, initial-scale=1">
	<meta name="color-scheme" content="light dark">
	<title>Who is asking</title>
	<link rel="icon" href="/auth/ui/icon.svg" type="image/svg+xml">
	<link rel="stylesheet" href="/auth/ui/style.css">
</head>
<body>
	<main>
		<h1>Who is asking</h1>
		<p>This page is PHP and has no code for signing in.  The web server
			told it:</p>
		<dl>
<?php foreach (['AUTH_USER', 'AUTH_ROLES', 'REMOTE_USER'] as $name): ?>
			<dt><?= $name ?></dt>
			<dd><code><?= html($name) ?></code></dd>
<?php endforeach ?>
		</dl>
		<ul>
			<li><a href="/private/">Private</a></li>
			<li><a href="/auth/ui/">Your session</a></li>
		</ul>
	</main>
</body>
</html>
