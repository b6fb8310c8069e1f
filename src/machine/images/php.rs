//! What runs on PHP's Apache and keeps its data elsewhere: WordPress before it is set up, and the guestbook's front end.
//!
//! Facts: docker-library/wordpress (entry point, tree, variables), what a WordPress without a database or before its
//! installation answers; the documentation's guestbook, GoogleCloudPlatform/kubernetes-engine-samples.

use super::mysql::reaches;
use super::redis::resp::{Resp, encode_command};
use super::reference::Reference;
use super::{Begin, Begun, Model, httpd};
use crate::machine::kernel::{Input, Sys};
use crate::machine::net::http::{Request, Response};
use crate::machine::net::resolver;

const SOURCE: &str = "/usr/src/wordpress";

const PAGES: [&str; 13] = [
    "index.php",
    "wp-activate.php",
    "wp-blog-header.php",
    "wp-comments-post.php",
    "wp-cron.php",
    "wp-links-opml.php",
    "wp-load.php",
    "wp-login.php",
    "wp-mail.php",
    "wp-settings.php",
    "wp-signup.php",
    "wp-trackback.php",
    "xmlrpc.php",
];

/// The folders of WordPress, and a page in each.
const FOLDERS: [(&str, &str); 5] = [
    ("wp-admin", "install.php"),
    ("wp-includes", "version.php"),
    ("wp-content", "index.php"),
    ("wp-content/plugins", "index.php"),
    ("wp-content/themes", "index.php"),
];

/// The user of Apache.
const WWW_DATA: u32 = 33;

/// The image `wordpress`.
pub(super) fn wordpress(reference: &Reference) -> Model {
    let version =
        reference.version_of(&["6.8.3", "6.7.2", "6.6.2", "6.5.5", "6.4.3", "6.2.2", "5.9.3", "4.9.8", "4.8.3"]);
    let owner = (WWW_DATA, WWW_DATA);
    let mut model = httpd::php(&Reference { tag: "apache".into(), ..reference.clone() })
        .sets("PHP_VERSION", "8.2.29")
        .enters(&["docker-entrypoint.sh"])
        .program("/usr/local/bin/docker-entrypoint.sh", "wordpress-entrypoint")
        .keeps(&["/var/www/html"])
        .adds(90_000_000);
    for (folder, page) in FOLDERS {
        let text = match page {
            "version.php" => format!("<?php\n$wp_version = '{version}';\n"),
            _ => format!("<?php\n// {folder}/{page}\n"),
        };
        model = model.dir(&format!("{SOURCE}/{folder}"), 0o755, owner);
        model = model.file_of(&format!("{SOURCE}/{folder}/{page}"), text, 0o644, owner);
    }
    let others = ["license.txt", "readme.html", "wp-config-docker.php", "wp-config-sample.php"];
    for page in PAGES.iter().chain(&others) {
        let text = if page.ends_with(".php") { format!("<?php\n// {page}\n") } else { "WordPress\n".to_string() };
        model = model.file_of(&format!("{SOURCE}/{page}"), text, 0o644, owner);
    }
    model.dir(SOURCE, 0o755, owner)
}

/// The guestbook's front end.
pub(super) fn guestbook(reference: &Reference) -> Model {
    let page = "<html>\n  <head>\n    <title>Guestbook</title>\n  </head>\n  <body>\n    <h2>Guestbook</h2>\n    <form>\n      \
                <input type=\"text\" name=\"input\" placeholder=\"Messages\">\n      <button type=\"button\">Submit</button>\n    \
                </form>\n  </body>\n</html>\n";
    httpd::php(&Reference { tag: "apache".into(), ..reference.clone() })
        .file("/var/www/html/index.html", page)
        .file("/var/www/html/guestbook.php", "<?php\n// cmd=get|set\n")
}

/// WordPress' entry point: it fills the folder that it is in, where that holds no WordPress, and becomes what it is told.
fn entrypoint(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let rest = args.get(1..).unwrap_or_default().to_vec();
    let serves = rest.first().is_some_and(|word| word.starts_with("apache2") || word == "php-fpm");
    if serves {
        let here = sys.process().cwd.clone();
        if sys.stat("index.php").is_err() && sys.stat("wp-includes/version.php").is_err() {
            copy(sys, &here);
        }
        configure(sys, &here);
    }
    if rest.is_empty() { Begun::Exit(0) } else { Begun::Becomes(rest) }
}

fn copy(sys: &mut Sys<'_>, here: &str) {
    let is_root = sys.process().uid == 0;
    let www_data = |sys: &mut Sys<'_>, path: &str| {
        if is_root {
            let _ = sys.chown(path, Some(WWW_DATA), Some(WWW_DATA), true);
        }
    };
    if sys.stat(".").is_ok_and(|s| (s.uid, s.gid) == (0, 0)) {
        www_data(sys, ".");
    }
    sys.err(format!("WordPress not found in {here} - copying now...\n"));
    if sys.read_dir(".").is_ok_and(|all| all.iter().any(|(name, _)| name != "wp-content")) {
        sys.err(format!("WARNING: {here} is not empty! (copying anyhow)\n"));
    }
    for (folder, _) in FOLDERS {
        if sys.mkdir(folder, 0o755).is_ok() {
            www_data(sys, folder);
        }
    }
    let others = ["license.txt", "readme.html", "wp-config-docker.php", "wp-config-sample.php"];
    let pages = PAGES.iter().chain(&others).map(|page| (*page).to_string());
    for page in pages.chain(FOLDERS.iter().map(|(folder, page)| format!("{folder}/{page}"))) {
        let Ok(bytes) = sys.read_file(&format!("{SOURCE}/{page}")) else { continue };
        if let Err(fault) = sys.write_file(&page, &bytes) {
            let text = sys.text(fault);
            sys.err(format!("tar: ./{page}: Cannot open: {text}\n"));
            continue;
        }
        www_data(sys, &page);
    }
    sys.err(format!("Complete! WordPress has been successfully copied to {here}\n"));
}

/// Makes `wp-config.php` of what the environment says, where there is none.
fn configure(sys: &mut Sys<'_>, here: &str) {
    let known = sys.process().env.clone();
    let mut names: Vec<&str> = known.iter().map(|(n, _)| n.as_str()).filter(|n| n.starts_with("WORDPRESS_")).collect();
    names.sort_unstable();
    if names.is_empty() || sys.stat("wp-config.php").is_ok_and(|s| s.size > 0) {
        return;
    }
    let Ok(bytes) = sys.read_file("wp-config-docker.php") else { return };
    sys.err(format!(
        "No 'wp-config.php' found in {here}, but 'WORDPRESS_...' variables supplied; copying 'wp-config-docker.php' ({})\n",
        names.join(" ")
    ));
    if sys.write_file("wp-config.php", &bytes).is_ok() && sys.process().uid == 0 {
        let _ = sys.chown("wp-config.php", Some(WWW_DATA), Some(WWW_DATA), true);
    }
}

/// What a page of these images answers; none for other images' pages.
pub(super) fn page(sys: &mut Sys<'_>, request: &Request, file: &str) -> Option<Response> {
    match super::find(sys.image()).name {
        "wordpress" => Some(of_wordpress(sys, request, file)),
        "gb-frontend" if file.ends_with("/guestbook.php") => Some(of_guestbook(sys, request)),
        _ => None,
    }
}

/// A variable, or the file that it names.
fn setting(sys: &mut Sys<'_>, name: &str, default: &str) -> String {
    if let Some(path) = sys.env(&format!("{name}_FILE")).map(String::from)
        && let Ok(bytes) = sys.read_file(&path)
    {
        return String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_string();
    }
    sys.env(name).unwrap_or(default).to_string()
}

fn of_wordpress(sys: &mut Sys<'_>, request: &Request, file: &str) -> Response {
    sys.burn(20);
    let powered = format!("PHP/{}", sys.env("PHP_VERSION").unwrap_or("8.2.29"));
    let dressed = |status: u16, body: String| {
        Response::new(status, body)
            .with("X-Powered-By", powered.clone())
            .with("Expires", "Wed, 11 Jan 1984 05:00:00 GMT")
            .with("Cache-Control", "no-cache, must-revalidate, max-age=0")
            .with("Content-Type", if status == 302 { "text/html; charset=UTF-8" } else { "text/html; charset=utf-8" })
    };
    let host = request.headers.get("Host").unwrap_or("localhost").to_string();
    let leads_to = |page: &str| {
        dressed(302, String::new())
            .with("X-Redirect-By", "WordPress")
            .with("Location", format!("http://{host}/wp-admin/{page}"))
    };
    if sys.stat("/var/www/html/wp-config.php").is_err() {
        return leads_to("setup-config.php");
    }
    let (server, user) =
        (setting(sys, "WORDPRESS_DB_HOST", "mysql"), setting(sys, "WORDPRESS_DB_USER", "example username"));
    let password = setting(sys, "WORDPRESS_DB_PASSWORD", "example password");
    let database = setting(sys, "WORDPRESS_DB_NAME", "wordpress");
    if reaches(sys, &server, &user, &password, &database).is_err() {
        let body = "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head>\n\t<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\" />\n\t\
                    <title>Database Error</title>\n</head>\n<body id=\"error-page\">\n\t<div class=\"wp-die-message\">\
                    <h1>Error establishing a database connection</h1></div></body>\n</html>\n";
        return dressed(500, body.into());
    }
    if file.ends_with("/wp-admin/install.php") {
        let body = "<!DOCTYPE html>\n<html lang=\"en-US\" xml:lang=\"en-US\">\n<head>\n\t<title>WordPress &rsaquo; Installation</title>\n</head>\n\
                    <body class=\"wp-core-ui\">\n<h1>Welcome</h1>\n</body>\n</html>\n";
        return dressed(200, body.into());
    }
    leads_to("install.php")
}

/// Asks a Redis for one thing.
fn ask_redis(sys: &mut Sys<'_>, host: &str, words: &[String]) -> Result<String, String> {
    let unknown = "php_network_getaddresses: getaddrinfo failed: Name or service not known";
    let ips = resolver::resolve(sys, host).map_err(|_| unknown.to_string())?;
    let ip = ips.first().copied().ok_or(unknown)?;
    let fd = sys.connect(ip, 6379).map_err(|fault| sys.text(fault).to_string())?;
    let _ = sys.write(fd, &encode_command(words));
    let mut got = Vec::new();
    let mut answer = Err("Error while reading line from the server.".to_string());
    while let Ok(Input::Bytes(more)) = sys.read(fd, 65536) {
        got.extend(more);
        if let Some((value, _)) = Resp::decode(&got) {
            answer = match value {
                Resp::Bulk(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Resp::Error(text) => Err(text),
                _ => Ok(String::new()),
            };
            break;
        }
    }
    let _ = sys.close(fd);
    answer
}

fn of_guestbook(sys: &mut Sys<'_>, request: &Request) -> Response {
    sys.burn(5);
    let version = super::Reference::parse(sys.image()).tag;
    let is_old = version.trim_start_matches('v').split('.').next().and_then(|v| v.parse().ok()).unwrap_or(5) < 5;
    let from_env = sys.env("GET_HOSTS_FROM") == Some("env");
    let writes = request.parameter("cmd").as_deref() == Some("set");
    let (host, variable) = match (writes, is_old) {
        (true, false) => ("redis-leader", "REDIS_LEADER_SERVICE_HOST"),
        (true, true) => ("redis-master", "REDIS_MASTER_SERVICE_HOST"),
        (false, false) => ("redis-follower", "REDIS_FOLLOWER_SERVICE_HOST"),
        (false, true) => ("redis-slave", "REDIS_SLAVE_SERVICE_HOST"),
    };
    let host = if from_env { sys.env(variable).unwrap_or_default().to_string() } else { host.to_string() };
    let key = request.parameter("key").unwrap_or_default();
    let words = match writes {
        true => vec!["SET".to_string(), key, request.parameter("value").unwrap_or_default()],
        false => vec!["GET".to_string(), key],
    };
    let powered = format!("PHP/{}", sys.env("PHP_VERSION").unwrap_or("8.4.15"));
    match ask_redis(sys, &host, &words) {
        Ok(_) if writes => Response::new(200, "{\"message\": \"Updated\"}"),
        Ok(value) => Response::new(200, format!("{{\"data\": \"{value}\"}}")),
        Err(why) => Response::new(
            200,
            format!(
                "<br />\n<b>Fatal error</b>:  Uncaught Predis\\Connection\\ConnectionException: {why} [tcp://{host}:6379]"
            ),
        ),
    }
    .with("X-Powered-By", powered)
    .with("Content-Type", "application/json")
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("wordpress-entrypoint", entrypoint)];
