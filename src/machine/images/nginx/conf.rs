//! nginx' configuration: read as nginx reads it, with its own words where it is wrong.

use serde::{Deserialize, Serialize};

use crate::machine::kernel::Sys;
use crate::machine::net::resolver;

/// How deep blocks and includes go.
const MAX_DEPTH: usize = 16;

/// A directive with its words, and its block where it has one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directive {
    /// The words, the first being its name.
    pub words: Vec<String>,
    /// What is between its braces.
    pub block: Vec<Directive>,
}

impl Directive {
    /// Its name.
    pub fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// One of its arguments.
    pub fn arg(&self, at: usize) -> &str {
        self.words.get(at + 1).map_or("", String::as_str)
    }

    /// The first directive of a name in its block.
    pub fn find(&self, name: &str) -> Option<&Directive> {
        self.block.iter().find(|d| d.name() == name)
    }

    /// All directives of a name in its block.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Directive> {
        self.block.iter().filter(move |d| d.name() == name)
    }
}

/// Directives that open a block, and where they may be.
const BLOCKS: [(&str, &str); 12] = [
    ("events", "main"),
    ("http", "main"),
    ("stream", "main"),
    ("mail", "main"),
    ("server", "http stream upstream"),
    ("location", "server location"),
    ("upstream", "http stream"),
    ("map", "http stream"),
    ("geo", "http stream"),
    ("if", "server location"),
    ("limit_except", "location"),
    ("types", "http server location"),
];

/// Names of simple directives, in order.
const KNOWN: &str = " absolute_redirect accept_mutex access_log add_after_body add_before_body add_header add_trailer aio \
alias allow auth_basic auth_basic_user_file auth_request auth_request_set autoindex autoindex_exact_size \
autoindex_format autoindex_localtime break charset charset_types chunked_transfer_encoding client_body_buffer_size \
client_body_in_file_only client_body_temp_path client_body_timeout client_header_buffer_size client_header_timeout \
client_max_body_size connection_pool_size daemon debug_connection default_type deny directio disable_symlinks env \
error_log error_page etag expires fastcgi_buffer_size fastcgi_buffers fastcgi_cache fastcgi_connect_timeout \
fastcgi_hide_header fastcgi_index fastcgi_intercept_errors fastcgi_keep_conn fastcgi_param fastcgi_pass \
fastcgi_pass_header fastcgi_read_timeout fastcgi_send_timeout fastcgi_split_path_info fastcgi_temp_path grpc_pass \
grpc_set_header gunzip gzip gzip_buffers gzip_comp_level gzip_disable gzip_http_version gzip_min_length gzip_proxied \
gzip_static gzip_types gzip_vary hash health_check http2 http2_max_concurrent_streams if_modified_since include index \
internal ip_hash keepalive keepalive_disable keepalive_requests keepalive_time keepalive_timeout \
large_client_header_buffers least_conn limit_conn limit_conn_status limit_conn_zone limit_rate limit_req \
limit_req_status limit_req_zone lingering_close listen load_module lock_file log_format log_not_found log_subrequest \
map_hash_bucket_size map_hash_max_size max_ranges merge_slashes mirror msie_padding multi_accept open_file_cache \
open_file_cache_errors open_file_cache_min_uses open_file_cache_valid open_log_file_cache output_buffers override_charset pcre_jit \
pid port_in_redirect postpone_output preread_buffer_size proxy_bind proxy_buffer_size proxy_buffering proxy_buffers \
proxy_busy_buffers_size proxy_cache proxy_cache_bypass proxy_cache_key proxy_cache_path proxy_cache_use_stale \
proxy_cache_valid proxy_connect_timeout proxy_cookie_domain proxy_cookie_path proxy_headers_hash_bucket_size \
proxy_headers_hash_max_size proxy_hide_header proxy_http_version proxy_ignore_headers proxy_intercept_errors \
proxy_max_temp_file_size proxy_method proxy_next_upstream proxy_next_upstream_timeout proxy_no_cache proxy_pass \
proxy_pass_header proxy_pass_request_body proxy_pass_request_headers proxy_protocol proxy_read_timeout proxy_redirect \
proxy_request_buffering proxy_responses proxy_send_timeout proxy_set_body proxy_set_header proxy_ssl_certificate \
proxy_ssl_certificate_key proxy_ssl_name proxy_ssl_server_name proxy_ssl_trusted_certificate proxy_ssl_verify \
proxy_store proxy_temp_file_write_size proxy_temp_path proxy_timeout random read_ahead real_ip_header \
real_ip_recursive recursive_error_pages referer_hash_bucket_size request_pool_size reset_timedout_connection resolver resolver_timeout \
return rewrite rewrite_log root satisfy scgi_pass scgi_temp_path secure_link send_timeout sendfile \
sendfile_max_chunk server_name server_name_in_redirect server_names_hash_bucket_size server_names_hash_max_size \
server_tokens set set_real_ip_from slice split_clients ssi ssl ssl_certificate ssl_certificate_key ssl_ciphers \
ssl_client_certificate ssl_dhparam ssl_ecdh_curve ssl_prefer_server_ciphers ssl_protocols ssl_session_cache \
ssl_session_tickets ssl_session_timeout ssl_stapling ssl_stapling_verify ssl_trusted_certificate ssl_verify_client ssl_verify_depth status \
stub_status sub_filter sub_filter_once sub_filter_types tcp_nodelay tcp_nopush thread_pool timer_resolution try_files \
types_hash_bucket_size types_hash_max_size underscores_in_headers use user uwsgi_param uwsgi_pass uwsgi_temp_path \
valid_referers variables_hash_bucket_size variables_hash_max_size worker_aio_requests worker_connections \
worker_cpu_affinity worker_priority worker_processes worker_rlimit_core worker_rlimit_nofile worker_shutdown_timeout \
working_directory xclient zone perl_modules js_include js_import js_content ";

/// A word or a sign of a configuration, with its line.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(u8),
}

fn tokens(text: &str, file: &str) -> Result<Vec<(Token, usize)>, String> {
    let bytes = text.as_bytes();
    let mut all = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' => {
                line += 1;
                at += 1;
            }
            b if b.is_ascii_whitespace() => at += 1,
            b'#' => at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at),
            b';' | b'{' | b'}' => {
                all.push((Token::Sign(byte), line));
                at += 1;
            }
            quote @ (b'"' | b'\'') => {
                let start = line;
                let mut word = Vec::new();
                at += 1;
                loop {
                    match bytes.get(at) {
                        None => {
                            return Err(format!("unexpected end of file, expecting \";\" or \"}}\" in {file}:{line}"));
                        }
                        Some(b'\\') => {
                            match bytes.get(at + 1) {
                                Some(b't') => word.push(b'\t'),
                                Some(b'n') => word.push(b'\n'),
                                Some(b'r') => word.push(b'\r'),
                                Some(b @ (b'"' | b'\'' | b'\\')) => word.push(*b),
                                Some(b) => word.extend([b'\\', *b]),
                                None => {}
                            }
                            at += 2;
                        }
                        Some(b) if *b == quote => {
                            at += 1;
                            break;
                        }
                        Some(b) => {
                            line += usize::from(*b == b'\n');
                            word.push(*b);
                            at += 1;
                        }
                    }
                }
                all.push((Token::Word(String::from_utf8_lossy(&word).into_owned()), start));
            }
            _ => {
                let mut word = Vec::new();
                while let Some(&b) = bytes.get(at) {
                    let in_variable = b == b'{' && word.last() == Some(&b'$');
                    if b == b'\\' && bytes.get(at + 1).is_some() {
                        word.extend_from_slice(&bytes[at..at + 2]);
                        at += 2;
                        continue;
                    }
                    if in_variable {
                        let end = bytes[at..].iter().position(|b| *b == b'}').map_or(bytes.len(), |e| at + e + 1);
                        word.extend_from_slice(&bytes[at..end]);
                        at = end;
                        continue;
                    }
                    if b.is_ascii_whitespace() || b == b';' || b == b'{' {
                        break;
                    }
                    word.push(b);
                    at += 1;
                }
                all.push((Token::Word(String::from_utf8_lossy(&word).into_owned()), line));
            }
        }
    }
    Ok(all)
}

/// Reads the configuration at a path with all that it includes.
///
/// # Errors
/// What nginx says after `[emerg]`.
pub fn load(sys: &mut Sys<'_>, path: &str) -> Result<Directive, String> {
    let mut main = Directive { words: vec!["main".into()], block: Vec::new() };
    read(sys, path, "main", &mut main.block, 0)?;
    Ok(main)
}

fn read(sys: &mut Sys<'_>, path: &str, context: &str, into: &mut Vec<Directive>, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("too deep nesting in {path}"));
    }
    let text = match sys.read_file(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(fault) => return Err(format!("open() \"{path}\" failed ({})", super::super::numbered(sys, fault))),
    };
    let all = tokens(&text, path)?;
    let lines = text.lines().count().max(1);
    let mut at = 0;
    block(sys, (path, lines), &all, &mut at, context, into, depth)?;
    Ok(())
}

fn block(
    sys: &mut Sys<'_>,
    file: (&str, usize),
    all: &[(Token, usize)],
    at: &mut usize,
    context: &str,
    into: &mut Vec<Directive>,
    depth: usize,
) -> Result<(), String> {
    let (path, last) = file;
    if depth > MAX_DEPTH {
        return Err(format!("too deep nesting in {path}:{last}"));
    }
    let is_free = matches!(context, "types" | "map" | "geo" | "split_clients");
    let top = *at == 0;
    loop {
        let mut words = Vec::new();
        let (sign, line) = loop {
            match all.get(*at) {
                Some((Token::Word(word), _)) => words.push(word.clone()),
                Some((Token::Sign(sign), line)) => {
                    *at += 1;
                    break (*sign, *line);
                }
                None if words.is_empty() && (top || context == "main") => return Ok(()),
                None if words.is_empty() => {
                    return Err(format!("unexpected end of file, expecting \"}}\" in {path}:{last}"));
                }
                None => return Err(format!("unexpected end of file, expecting \";\" or \"}}\" in {path}:{last}")),
            }
            *at += 1;
        };
        let name = words.first().cloned().unwrap_or_default();
        match sign {
            b'}' if words.is_empty() && (context != "main" && !top) => return Ok(()),
            b'}' if words.is_empty() => return Err(format!("unexpected \"}}\" in {path}:{line}")),
            b'}' => return Err(format!("unexpected \"}}\" in {path}:{line}")),
            b';' if words.is_empty() => return Err(format!("unexpected \";\" in {path}:{line}")),
            b'{' if words.is_empty() => return Err(format!("unexpected \"{{\" in {path}:{line}")),
            b';' => {
                let opens = BLOCKS.iter().any(|(n, _)| *n == name) && !(name == "server" && context == "upstream");
                let is_member = name == "server" && context == "upstream";
                match () {
                    () if is_free && name != "include" => {}
                    () if opens => return Err(format!("directive \"{name}\" has no opening \"{{\" in {path}:{line}")),
                    () if !is_member && !KNOWN.contains(&format!(" {name} ")) => {
                        return Err(format!("unknown directive \"{name}\" in {path}:{line}"));
                    }
                    () if !fits(&name, context) => {
                        return Err(format!("\"{name}\" directive is not allowed here in {path}:{line}"));
                    }
                    () if words.len() < 2
                        && !matches!(
                            name.as_str(),
                            "internal" | "break" | "ip_hash" | "least_conn" | "stub_status" | "random"
                        ) =>
                    {
                        return Err(format!("invalid number of arguments in \"{name}\" directive in {path}:{line}"));
                    }
                    () => {}
                }
                if name == "include" {
                    include(sys, path, line, &words, context, into, depth)?;
                } else {
                    check(sys, &words, path, line)?;
                    into.push(Directive { words, block: Vec::new() });
                }
            }
            _ => {
                let Some((_, places)) = BLOCKS.iter().find(|(n, _)| *n == name) else {
                    if KNOWN.contains(&format!(" {name} ")) {
                        return Err(format!("directive \"{name}\" is not terminated by \";\" in {path}:{line}"));
                    }
                    return Err(format!("unknown directive \"{name}\" in {path}:{line}"));
                };
                let here = if context == "if" || context == "limit_except" { "location" } else { context };
                if !places.split(' ').any(|p| p == here) {
                    return Err(format!("\"{name}\" directive is not allowed here in {path}:{line}"));
                }
                let mut inner = Directive { words, block: Vec::new() };
                block(sys, file, all, at, &name, &mut inner.block, depth + 1)?;
                into.push(inner);
            }
        }
    }
}

/// Whether a simple directive may be in a context; those of the HTTP core, roughly.
fn fits(name: &str, context: &str) -> bool {
    match name {
        "user" | "worker_processes" | "pid" | "daemon" | "load_module" | "worker_rlimit_nofile" => context == "main",
        "worker_connections" | "multi_accept" | "use" => context == "events",
        "listen" | "server_name" => context == "server",
        "proxy_pass" => matches!(context, "location" | "if" | "limit_except" | "server"),
        "alias" | "internal" => context == "location",
        "log_format" | "limit_req_zone" | "limit_conn_zone" | "proxy_cache_path" => {
            matches!(context, "http" | "stream")
        }
        "root"
        | "index"
        | "sendfile"
        | "keepalive_timeout"
        | "gzip"
        | "default_type"
        | "client_max_body_size"
        | "add_header"
        | "proxy_set_header"
        | "autoindex" => matches!(context, "http" | "server" | "location" | "if"),
        "return" | "rewrite" | "set" => matches!(context, "server" | "location" | "if"),
        "try_files" => matches!(context, "server" | "location"),
        _ => true,
    }
}

fn include(
    sys: &mut Sys<'_>,
    path: &str,
    line: usize,
    words: &[String],
    context: &str,
    into: &mut Vec<Directive>,
    depth: usize,
) -> Result<(), String> {
    let pattern = words.get(1).map_or("", String::as_str);
    let pattern = if pattern.starts_with('/') { pattern.to_string() } else { format!("/etc/nginx/{pattern}") };
    if !pattern.contains('*') {
        if sys.stat(&pattern).is_err() {
            return Err(format!("open() \"{pattern}\" failed (2: No such file or directory) in {path}:{line}"));
        }
        return read(sys, &pattern, context, into, depth + 1);
    }
    let (folder, name) = pattern.rsplit_once('/').unwrap_or(("", &pattern));
    let (before, after) = name.split_once('*').unwrap_or((name, ""));
    let entries = sys.read_dir(folder).unwrap_or_default();
    for (entry, _) in entries {
        let fits = entry.len() >= before.len() + after.len() && entry.starts_with(before) && entry.ends_with(after);
        if fits && !entry.starts_with('.') {
            read(sys, &format!("{folder}/{entry}"), context, into, depth + 1)?;
        }
    }
    Ok(())
}

/// What nginx finds out about a directive when it starts.
fn check(sys: &mut Sys<'_>, words: &[String], path: &str, line: usize) -> Result<(), String> {
    let first = words.get(1).map_or("", String::as_str);
    match words.first().map_or("", String::as_str) {
        "listen" => {
            let port = first.rsplit(':').next().unwrap_or_default();
            if !first.starts_with("unix:") && port.parse::<u16>().is_err() && !first.contains(['.', ']']) && port != "*"
            {
                return Err(format!("invalid port in \"{first}\" of the \"listen\" directive in {path}:{line}"));
            }
        }
        "proxy_pass" => {
            let Some((scheme, rest)) = first.split_once("://") else {
                return Err(format!("invalid URL prefix in {path}:{line}"));
            };
            if scheme != "http" && scheme != "https" {
                return Err(format!("invalid URL prefix in {path}:{line}"));
            }
            // Whether it is an upstream's name is known only when all is read.
            let _ = rest;
        }
        "ssl_certificate" | "ssl_certificate_key" if !first.contains('$') => {
            if let Err(fault) = sys.stat(first) {
                let text = sys.text(fault);
                return Err(format!(
                    "cannot load certificate \"{first}\": BIO_new_file() failed (SSL: error:80000002:system library::{text}:calling fopen({first}, r) error:10000080:BIO routines::no such file)"
                ));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Whether all hosts that requests are passed on to can be found, as nginx wants it when it starts.
///
/// # Errors
/// What nginx says after `[emerg]`.
pub fn check_upstreams(sys: &mut Sys<'_>, main: &Directive, file: &str) -> Result<(), String> {
    let Some(http) = main.find("http") else { return Ok(()) };
    let names: Vec<&str> = http.all("upstream").map(|u| u.arg(0)).collect();
    let mut hosts: Vec<String> = Vec::new();
    for upstream in http.all("upstream") {
        hosts.extend(upstream.all("server").map(|s| s.arg(0).to_string()));
    }
    let mut passes = Vec::new();
    collect(http, "proxy_pass", &mut passes, 0);
    for url in passes {
        let rest = url.split_once("://").map_or("", |(_, r)| r);
        let host = rest.split('/').next().unwrap_or_default();
        if !names.contains(&host) && !host.contains('$') {
            hosts.push(host.to_string());
        }
    }
    for host in hosts {
        let bare = host.rsplit_once(':').map_or(host.as_str(), |(h, _)| h);
        if !bare.starts_with("unix") && resolver::resolve(sys, bare).is_err() {
            return Err(format!("host not found in upstream \"{host}\" in {file}"));
        }
    }
    Ok(())
}

fn collect(of: &Directive, name: &str, into: &mut Vec<String>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for directive in &of.block {
        if directive.name() == name {
            into.push(directive.arg(0).to_string());
        }
        collect(directive, name, into, depth + 1);
    }
}

/// Where in the files a word of a directive stands: `FILE:LINE`, as nginx names it.
pub fn place_of(sys: &mut Sys<'_>, word: &str) -> String {
    let mut files = vec!["/etc/nginx/nginx.conf".to_string()];
    let entries = sys.read_dir("/etc/nginx/conf.d").unwrap_or_default();
    files.extend(entries.into_iter().map(|(n, _)| format!("/etc/nginx/conf.d/{n}")));
    for file in files {
        let Ok(text) = sys.read_file(&file) else { continue };
        let text = String::from_utf8_lossy(&text).into_owned();
        let found = text.lines().position(|l| {
            let l = l.trim_start();
            l.contains(word) && (l.starts_with("proxy_pass") || l.starts_with("server"))
        });
        if let Some(line) = found {
            return format!("{file}:{}", line + 1);
        }
    }
    "/etc/nginx/nginx.conf:1".into()
}
