//! `minio`: an object store whose buckets are folders, its health endpoints, and `mc`.
//!
//! Facts: minio/minio's Dockerfile, its documentation of the server's options, of the health endpoints and of `mc`; what a
//! server prints. Requests are not signed: who says the right key and secret to `mc` may do all.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::base::Base;
use super::reference::Reference;
use super::{Begin, Begun, Model, Server, wire};
use crate::machine::kernel::process::Disposition;
use crate::machine::kernel::sys::Kind;
use crate::machine::kernel::{Signal, Status, Sys, Turn, Wait};
use crate::machine::net::http::{Civil, Response};
use crate::machine::net::{Peer, Reply, Sent};

/// How a command of `mc` begins on the wire.
const ASKS: &[u8] = b"\x01minio ";

const RELEASE: &str = "RELEASE.2025-09-07T16-13-09Z";

/// The image.
pub(super) fn model(_: &Reference) -> Model {
    Model::on(Base::RedHat(9))
        .version(RELEASE)
        .sets("MINIO_ACCESS_KEY_FILE", "access_key")
        .sets("MINIO_SECRET_KEY_FILE", "secret_key")
        .sets("MINIO_ROOT_USER_FILE", "access_key")
        .sets("MINIO_ROOT_PASSWORD_FILE", "secret_key")
        .sets("MC_CONFIG_DIR", "/tmp/.mc")
        .enters(&["/usr/bin/docker-entrypoint.sh"])
        .runs(&["minio"])
        .exposes(&[9000])
        .keeps(&["/data"])
        .dir("/data", 0o755, (0, 0))
        .program("/usr/bin/docker-entrypoint.sh", "minio-entrypoint")
        .program("/usr/bin/minio", "minio")
        .program("/usr/bin/mc", "mc")
        .adds(150_000_000)
}

/// The entry point: what is no command is for the server.
fn entry(_: &mut Sys<'_>, args: &[String]) -> Begun {
    let rest = args.get(1..).unwrap_or_default().to_vec();
    match rest.first().map(String::as_str) {
        Some("minio" | "mc" | "sh" | "bash" | "/bin/sh" | "/bin/bash") => Begun::Becomes(rest),
        Some(first) if first.starts_with('/') && first != "/data" => Begun::Becomes(rest),
        _ => Begun::Becomes(std::iter::once("minio".to_string()).chain(rest).collect()),
    }
}

fn start(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let words = args.get(1..).unwrap_or_default();
    match words.first().map(String::as_str) {
        Some("server") => {}
        Some("--version" | "-v") => {
            sys.out(format!("minio version {RELEASE} (commit-id=07c3a429bfed433e49018cb0f78a52145d4bedeb)\nRuntime: go1.24.6 linux/amd64\nLicense: GNU AGPLv3 - https://www.gnu.org/licenses/agpl-3.0.html\nCopyright: 2015-2025 MinIO, Inc.\n"));
            return Begun::Exit(0);
        }
        _ => {
            sys.out("NAME:\n  minio - High Performance Object Storage\n\nDESCRIPTION:\n  Build high performance data infrastructure for machine learning, analytics and application data workloads with MinIO\n\nUSAGE:\n  minio [FLAGS] COMMAND [ARGS...]\n\nCOMMANDS:\n  server  start object storage server\n");
            return Begun::Exit(0);
        }
    }
    let mut minio = Minio { api: 9000, ..Minio::default() };
    let mut rest = words.get(1..).unwrap_or_default().iter();
    let port = |text: &str| text.rsplit(':').next().and_then(|p| p.parse().ok());
    while let Some(word) = rest.next() {
        let (name, given) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v.to_string())));
        match name {
            "--address" => minio.api = given.or_else(|| rest.next().cloned()).and_then(|v| port(&v)).unwrap_or(9000),
            "--console-address" => minio.console = given.or_else(|| rest.next().cloned()).and_then(|v| port(&v)),
            "--certs-dir" | "-S" => drop(rest.next()),
            option if option.starts_with('-') => {}
            folder => minio.folders.push(folder.to_string()),
        }
    }
    minio.folders.extend(sys.env("MINIO_VOLUMES").filter(|_| minio.folders.is_empty()).map(String::from));
    if minio.folders.is_empty() {
        sys.err("FATAL Invalid command line arguments: unable to parse storage endpoints\n");
        return Begun::Exit(1);
    }
    Begun::Serves(Server::Minio(Box::new(minio)))
}

pub(super) const PROGRAMS: &[(&str, Begin)] = &[("minio", start), ("minio-entrypoint", entry), ("mc", client)];

/// The server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Minio {
    started: bool,
    api: u16,
    console: Option<u16>,
    folders: Vec<String>,
}

/// The key and the secret of the server's root.
fn credentials(sys: &Sys<'_>) -> (String, String) {
    let of = |new: &str, old: &str| {
        let value = sys.env(new).or_else(|| sys.env(old)).filter(|v| !v.is_empty());
        value.unwrap_or("minioadmin").to_string()
    };
    (of("MINIO_ROOT_USER", "MINIO_ACCESS_KEY"), of("MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY"))
}

/// The folder of a drive, which may be written as an address.
fn local(folder: &str) -> String {
    match folder.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("/".into(), |(_, path)| format!("/{path}")),
        None => folder.to_string(),
    }
}

impl Minio {
    fn root(&self) -> String {
        self.folders.first().map(|folder| local(folder)).unwrap_or_default().trim_end_matches('/').to_string()
    }

    fn begin(&mut self, sys: &mut Sys<'_>) -> Result<(), u8> {
        self.started = true;
        sys.set_disposition(Signal::TERM, Some(Disposition::Catch));
        sys.set_disposition(Signal::INT, Some(Disposition::Catch));
        let (user, secret) = credentials(sys);
        if user.len() < 3 || secret.len() < 8 {
            sys.err("FATAL Unable to validate credentials inherited from the shell environment: Invalid credentials\n      > Please provide correct credentials\n      HINT:\n        Access key length should be at least 3, and secret key length at least 8 characters\n");
            return Err(1);
        }
        let root = self.root();
        let folder = format!("{root}/.minio.sys");
        wire::make_dirs(sys, &folder);
        let path = format!("{folder}/format.json");
        match sys.read_file(&path) {
            Ok(bytes) => {
                let format: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                if format["version"] != "1" {
                    sys.err(format!("FATAL Unable to initialize backend: Unable to read 'format.json' from {root}: corrupted backend format\n      > Please check your disk contents\n"));
                    return Err(1);
                }
            }
            Err(_) => {
                sys.out("INFO: Formatting 1st pool, 1 set(s), 1 drives per set.\n");
                let (id, this) = (wire::uuid(sys), wire::uuid(sys));
                let format = json!({
                    "version": "1", "format": "xl-single", "id": id,
                    "xl": {"version": "3", "this": this, "sets": [[this]], "distributionAlgo": "SIPMOD+PARITY"},
                });
                if let Err(fault) = sys.write_file(&path, format.to_string().as_bytes()) {
                    let why = sys.text(fault).to_lowercase();
                    sys.err(format!("FATAL Unable to initialize backend: {why}: unable to write to the backend\n      > Please ensure MinIO binary has write permissions for the backend\n      HINT:\n        Run the following command to add write permissions: `sudo chown -R root {root} && sudo chmod u+rxw {root}`\n"));
                    return Err(1);
                }
            }
        }
        let _ = sys.listen(self.api);
        let console = self.console.unwrap_or(35483);
        let _ = sys.listen(console);
        let (ip, api) = (sys.sandbox.ip.clone(), self.api);
        if self.console.is_none() {
            sys.out("WARN: Console endpoint is listening on a dynamic port (35483), please use --console-address \":PORT\" to choose a static port.\n");
        }
        sys.out(format!("MinIO Object Storage Server\nCopyright: 2015-2025 MinIO, Inc.\nLicense: GNU AGPLv3 - https://www.gnu.org/licenses/agpl-3.0.html\nVersion: {RELEASE} (go1.24.6 linux/amd64)\n\nAPI: http://{ip}:{api}  http://127.0.0.1:{api} \nWebUI: http://{ip}:{console} http://127.0.0.1:{console}  \n\nDocs: https://docs.min.io\n"));
        if (user.as_str(), secret.as_str()) == ("minioadmin", "minioadmin") {
            sys.out("WARN: Detected default credentials 'minioadmin:minioadmin', we recommend that you change these values with 'MINIO_ROOT_USER' and 'MINIO_ROOT_PASSWORD' environment variables\n");
        }
        Ok(())
    }

    pub(super) fn step(&mut self, sys: &mut Sys<'_>) -> Turn {
        if !self.started
            && let Err(code) = self.begin(sys)
        {
            return Turn::Exit(Status::Code(code));
        }
        match sys.take_signal() {
            Some(_) => {
                sys.out("INFO: Exiting on signal: TERMINATED\n");
                Turn::Exit(Status::Code(0))
            }
            None => Turn::Wait(Wait::signal()),
        }
    }

    pub(super) fn receive(&mut self, sys: &mut Sys<'_>, port: u16, _: &Peer, sent: Sent<'_>) -> Reply {
        let Sent::Bytes(bytes) = sent else { return Reply::default() };
        let bytes = match bytes.strip_prefix(ASKS) {
            Some(asked) => self.answer(sys, &postcard::from_bytes::<Vec<Vec<u8>>>(asked).unwrap_or_default()),
            None => self.http(port, &String::from_utf8_lossy(bytes)),
        };
        Reply { bytes, close: true, ..Reply::default() }
    }

    fn http(&self, port: u16, request: &str) -> Vec<u8> {
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (status, kind, body) = match path.split('?').next().unwrap_or_default() {
            "/minio/health/live" | "/minio/health/ready" | "/minio/health/cluster" | "/minio/health/cluster/read" => {
                (200, "", String::new())
            }
            _ if port != self.api => (
                200,
                "text/html",
                "<!doctype html><html lang=\"en\"><head><title>MinIO Console</title></head><body></body></html>\n"
                    .into(),
            ),
            path => (
                403,
                "application/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied.</Message><Resource>{path}</Resource><RequestId>18A2F7C5A1B2C3D4</RequestId><HostId>dd9025bab4ad464b049177c95eb6ebf374d3b3fd1af9251148b658df7ac2e3e8</HostId></Error>"
                ),
            ),
        };
        let response = Response::new(status, body.clone())
            .with("Accept-Ranges", "bytes")
            .with("Content-Length", body.len().to_string());
        let response = if kind.is_empty() { response } else { response.with("Content-Type", kind) };
        response.with("Server", "MinIO").with("Connection", "close").bytes(method == "HEAD")
    }

    /// Answers a command: key, secret, verb, bucket, object, contents.
    fn answer(&self, sys: &mut Sys<'_>, words: &[Vec<u8>]) -> Vec<u8> {
        let text = |at: usize| words.get(at).map(|w| String::from_utf8_lossy(w).into_owned()).unwrap_or_default();
        let (user, secret) = credentials(sys);
        if text(0) != user {
            return wire::answer(1, "The Access Key Id you provided does not exist in our records.");
        }
        if text(1) != secret {
            return wire::answer(
                1,
                "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
            );
        }
        let (bucket, object) = (text(3), text(4));
        let folder = format!("{}/{bucket}", self.root());
        let path = format!("{folder}/{object}");
        let has_bucket = !bucket.is_empty() && !bucket.contains('/') && sys.stat(&folder).is_ok();
        let is_outside = object.split('/').any(|part| part == "..") || bucket.starts_with('.');
        match text(2).as_str() {
            "ready" => wire::answer(0, ""),
            _ if is_outside => wire::answer(1, "Bucket name contains invalid characters"),
            "mb" if has_bucket => {
                wire::answer(1, "Your previous request to create the named bucket succeeded and you already own it.")
            }
            "mb" => match sys.mkdir(&folder, 0o755) {
                Ok(()) => wire::answer(0, ""),
                Err(fault) => wire::answer(1, sys.text(fault)),
            },
            "ls" if bucket.is_empty() => wire::answer(0, &self.list(sys, &self.root())),
            _ if !has_bucket => wire::answer(1, &format!("Bucket `{bucket}` does not exist.")),
            "ls" => wire::answer(0, &self.list(sys, path.trim_end_matches('/'))),
            "put" => {
                if let Some((above, _)) = path.rsplit_once('/') {
                    wire::make_dirs(sys, above);
                }
                let empty = Vec::new();
                match sys.write_file(&path, words.get(5).unwrap_or(&empty)) {
                    Ok(()) => wire::answer(0, ""),
                    Err(fault) => wire::answer(1, sys.text(fault)),
                }
            }
            "get" => match sys.read_file(&path) {
                Ok(bytes) => [&[0], &*bytes].concat(),
                Err(_) => wire::answer(1, "The specified key does not exist."),
            },
            "rm" => match sys.unlink(&path) {
                Ok(()) => wire::answer(0, ""),
                Err(_) => wire::answer(1, "Object does not exist."),
            },
            "rb" => match sys.rmdir(&folder) {
                Ok(()) => wire::answer(0, ""),
                Err(_) => wire::answer(1, "The bucket you tried to delete is not empty."),
            },
            _ => wire::answer(1, "Unknown command"),
        }
    }

    fn list(&self, sys: &mut Sys<'_>, folder: &str) -> String {
        let mut out = String::new();
        for (name, stat) in sys.read_dir(folder).unwrap_or_default() {
            if name.starts_with('.') {
                continue;
            }
            let c = Civil::of(stat.modified);
            let is_folder = stat.kind == Kind::Dir;
            let (size, kind, end) =
                if is_folder { ("0B".to_string(), "", "/") } else { (human(stat.size), " STANDARD", "") };
            out.push_str(&format!("[{} {} UTC] {size:>6}{kind} {name}{end}\n", c.date(), c.clock()));
        }
        out
    }
}

/// A size as `mc` shows it.
fn human(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut at) = (bytes as f64, 0);
    while size >= 1024.0 && at + 1 < units.len() {
        (size, at) = (size / 1024.0, at + 1);
    }
    let unit = units.get(at).copied().unwrap_or_default();
    if at == 0 || size >= 10.0 { format!("{size:.0}{unit}") } else { format!("{size:.1}{unit}") }
}

/// An alias: where, who, with what.
struct Alias {
    url: String,
    key: String,
    secret: String,
}

fn config(sys: &Sys<'_>) -> String {
    let folder = sys.env("MC_CONFIG_DIR").map(String::from);
    folder.unwrap_or_else(|| format!("{}/.mc", sys.env("HOME").unwrap_or("/root"))) + "/config.json"
}

fn aliases(sys: &mut Sys<'_>) -> Value {
    let path = config(sys);
    let known = sys.read_file(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    known.unwrap_or_else(|| {
        let local =
            json!({"url": "http://localhost:9000", "accessKey": "", "secretKey": "", "api": "S3v4", "path": "auto"});
        json!({"version": "10", "aliases": {"local": local}})
    })
}

fn alias(sys: &mut Sys<'_>, name: &str) -> Option<Alias> {
    let known = aliases(sys);
    let found = known["aliases"].get(name)?;
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_string();
    Some(Alias { url: text("url"), key: text("accessKey"), secret: text("secretKey") })
}

/// Asks a server; why not otherwise.
fn tell(sys: &mut Sys<'_>, alias: &Alias, words: &[&[u8]]) -> Result<Vec<u8>, String> {
    let place = alias.url.split_once("://").map_or(alias.url.as_str(), |(_, rest)| rest).trim_end_matches('/');
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "80"));
    let mut all: Vec<&[u8]> = vec![alias.key.as_bytes(), alias.secret.as_bytes()];
    all.extend(words);
    let asked = [ASKS, &postcard::to_stdvec(&all).unwrap_or_default()].concat();
    let Some(bytes) = wire::ask(sys, host, port.parse().unwrap_or(9000), &asked) else {
        let why = if host.parse::<std::net::IpAddr>().is_ok() { "connect: connection refused" } else { "i/o timeout" };
        return Err(format!("Get \"{}/\": dial tcp {place}: {why}.", alias.url.trim_end_matches('/')));
    };
    match bytes.split_first() {
        Some((0, rest)) => Ok(rest.to_vec()),
        Some((_, rest)) => Err(String::from_utf8_lossy(rest).into_owned()),
        None => Err("unexpected EOF.".into()),
    }
}

/// `mc`
fn client(sys: &mut Sys<'_>, args: &[String]) -> Begun {
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    let fail = |sys: &mut Sys<'_>, text: String| {
        sys.err(format!("mc: <ERROR> {text}\n"));
        Begun::Exit(1)
    };
    match words.as_slice() {
        ["alias" | "config", "set" | "host", rest @ ..] => {
            let rest: Vec<&str> = rest.iter().copied().filter(|w| *w != "add").collect();
            let [name, url, key, secret] = rest.as_slice() else {
                return fail(sys, "Incorrect number of arguments for alias set command.".into());
            };
            let given = Alias { url: (*url).into(), key: (*key).into(), secret: (*secret).into() };
            if let Err(why) = tell(sys, &given, &[b"ready"]) {
                return fail(sys, format!("Unable to initialize new alias from the provided credentials. {why}"));
            }
            let mut known = aliases(sys);
            known["aliases"][*name] =
                json!({"url": url, "accessKey": key, "secretKey": secret, "api": "S3v4", "path": "auto"});
            let path = config(sys);
            wire::make_dirs(sys, path.rsplit_once('/').map_or("/", |(folder, _)| folder));
            let _ = sys.write_file(&path, serde_json::to_string_pretty(&known).unwrap_or_default().as_bytes());
            sys.out(format!("Added `{name}` successfully.\n"));
            Begun::Exit(0)
        }
        ["ready", name] => match alias(sys, name).map(|alias| Alias { key: String::new(), ..alias }) {
            None => {
                fail(sys, format!("Unable to initialize client. No valid configuration found for '{name}' host alias."))
            }
            Some(alias) => {
                // OBSERVATION: the health endpoint asks nobody who he is.
                let there = tell(sys, &alias, &[b"ready"]);
                match there {
                    Err(why) if why.starts_with("Get ") => {
                        sys.out(format!("The cluster is unreachable: {}\n", why.trim_end_matches('.')));
                        Begun::Exit(1)
                    }
                    _ => {
                        sys.out(format!("The cluster '{name}' is ready\n"));
                        Begun::Exit(0)
                    }
                }
            }
        },
        [verb @ ("mb" | "ls" | "rb" | "rm" | "cat" | "stat"), target] => {
            let (name, rest) = target.split_once('/').unwrap_or((target, ""));
            let Some(alias) = alias(sys, name) else {
                return fail(
                    sys,
                    format!(
                        "Unable to validate argument `{target}`. No valid configuration found for '{name}' host alias."
                    ),
                );
            };
            let (bucket, object) = rest.split_once('/').unwrap_or((rest, ""));
            let asked = if matches!(*verb, "cat" | "stat") { "get" } else { verb };
            match tell(sys, &alias, &[asked.as_bytes(), bucket.as_bytes(), object.as_bytes()]) {
                Ok(bytes) => {
                    match *verb {
                        "mb" => sys.out(format!("Bucket created successfully `{target}`.\n")),
                        "rb" => sys.out(format!("Removed `{target}` successfully.\n")),
                        "rm" => sys.out(format!("Removed `{target}`.\n")),
                        "stat" => {
                            sys.out(format!("Name      : {object}\nSize      : {} \n", human(bytes.len() as u64)))
                        }
                        _ => sys.out(bytes),
                    }
                    Begun::Exit(0)
                }
                Err(why) => {
                    let what = match *verb {
                        "mb" => format!("Unable to make bucket `{target}`."),
                        "ls" => "Unable to list folder.".to_string(),
                        "rb" => format!("Unable to remove bucket `{target}`."),
                        "rm" => format!("Failed to remove `{target}`."),
                        "cat" => format!("Unable to read from `{target}`."),
                        _ => format!("Unable to stat `{target}`."),
                    };
                    fail(sys, format!("{what} {why}"))
                }
            }
        }
        ["cp", from, to] => copy(sys, from, to),
        _ => {
            sys.out("NAME:\n  mc - MinIO Client for object storage and filesystems.\n\nUSAGE:\n  mc [FLAGS] COMMAND [COMMAND FLAGS | -h] [ARGUMENTS...]\n\nCOMMANDS:\n  alias      manage server credentials in configuration file\n  cat        display object contents\n  cp         copy objects\n  ls         list buckets and objects\n  mb         make a bucket\n  rb         remove a bucket\n  ready      checks if the cluster is ready or not\n  rm         remove object(s)\n  stat       show object metadata\n");
            Begun::Exit(0)
        }
    }
}

/// `mc cp`, from a file into a bucket or back.
fn copy(sys: &mut Sys<'_>, from: &str, to: &str) -> Begun {
    let far = |sys: &mut Sys<'_>, target: &str| {
        let (name, rest) = target.split_once('/')?;
        let alias = alias(sys, name)?;
        let (bucket, object) = rest.split_once('/').unwrap_or((rest, ""));
        Some((alias, bucket.to_string(), object.to_string()))
    };
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_string();
    let fail = |sys: &mut Sys<'_>, why: String| {
        sys.err(format!("mc: <ERROR> Failed to copy `{from}`. {why}\n"));
        Begun::Exit(1)
    };
    let bytes = match far(sys, from) {
        Some((alias, bucket, object)) => tell(sys, &alias, &[b"get", bucket.as_bytes(), object.as_bytes()]),
        None => sys.read_file(from).map(|b| b.to_vec()).map_err(|_| "Object does not exist.".to_string()),
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(why) => return fail(sys, why),
    };
    let done = match far(sys, to) {
        Some((alias, bucket, object)) => {
            let object = if object.is_empty() || object.ends_with('/') { object + &last(from) } else { object };
            tell(sys, &alias, &[b"put", bucket.as_bytes(), object.as_bytes(), &bytes]).map(drop)
        }
        None => {
            let is_folder = sys.stat(to).is_ok_and(|stat| stat.kind == Kind::Dir);
            let path = if is_folder { format!("{}/{}", to.trim_end_matches('/'), last(from)) } else { to.to_string() };
            sys.write_file(&path, &bytes).map_err(|fault| sys.text(fault).to_string())
        }
    };
    match done {
        Ok(()) => {
            sys.out(format!("`{from}` -> `{to}`\n"));
            Begun::Exit(0)
        }
        Err(why) => fail(sys, why),
    }
}
