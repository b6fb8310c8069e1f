//! The settings of local-path-provisioner: its options, its configuration, the pod that it sends to nodes; its health.

use super::{AGENT, Provisioner, logrus};
use crate::machine::images::in_cluster::{self, Question};
use crate::machine::kernel::Sys;
use crate::machine::net::Reply;
use crate::machine::net::http::Response;

/// The value of an option, `--name value` or `--name=value`.
pub(super) fn option(args: &[String], name: &str) -> Option<String> {
    for (at, arg) in args.iter().enumerate() {
        let Some(given) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else { continue };
        match given.split_once('=') {
            Some((n, value)) if n == name => return Some(value.to_string()),
            None if given == name => return args.get(at + 1).cloned(),
            _ => {}
        }
    }
    None
}

/// `logrus.Fatalf` of what went wrong at the start.
pub(super) fn fatal(sys: &mut Sys<'_>, text: &str) -> u8 {
    let line = logrus(sys.now(), "fatal", &format!("Error starting daemon: {text}"));
    sys.err(line);
    1
}

/// A key of its ConfigMap.
fn of_config_map(sys: &mut Sys<'_>, namespace: &str, name: &str, key: &str) -> Result<String, String> {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
    match in_cluster::ask(sys, &Question::get(AGENT, &path)) {
        Ok(answer) if answer.status == 200 => match answer.tree["data"][key].as_str() {
            Some(text) => Ok(text.to_string()),
            None => Err(format!("{key} is not exist in local-path-config ConfigMap")),
        },
        Ok(answer) => Err(answer.message().to_string()),
        Err(fault) => Err(fault.text()),
    }
}

/// What its options and files say.
///
/// # Errors
/// Its exit code where that is not enough.
pub(super) fn settings(of: &mut Provisioner, sys: &mut Sys<'_>) -> Result<(), u8> {
    let args = of.args.clone();
    let get = |sys: &Sys<'_>, name: &str, variable: &str, otherwise: &str| {
        let of_env = || sys.env(variable).filter(|v| !v.is_empty()).map(String::from);
        option(&args, name).or_else(of_env).unwrap_or_else(|| otherwise.into())
    };
    of.name = get(sys, "provisioner-name", "PROVISIONER_NAME", "rancher.io/local-path");
    let namespace = get(sys, "namespace", "POD_NAMESPACE", "local-path-storage");
    let map = get(sys, "configmap-name", "", "local-path-config");
    let port = get(sys, "health-port", "HEALTH_PORT", "8080");
    let _ = port.parse().map(|port| sys.listen(port));
    let line = logrus(sys.now(), "info", &format!("Health server started on :{port}"));
    sys.err(line);
    let of_map = |sys: &mut Sys<'_>, flag: &str, key: &str| {
        of_config_map(sys, &namespace, &map, key).map_err(|why| {
            let rest = format!("and it also does not exist at ConfigMap {namespace}/{map} with err: {why}");
            fatal(sys, &format!("invalid empty flag {flag} {rest}"))
        })
    };
    let config = match option(&args, "config") {
        Some(path) => match sys.read_file(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(fault) => {
                let why = sys.text(fault).to_lowercase();
                return Err(fatal(sys, &format!("fail to load config file {path}: open {path}: {why}")));
            }
        },
        None => of_map(sys, "config", "config.json")?,
    };
    if let Some(path) = option(&args, "helper-pod-file") {
        if let Err(fault) = sys.read_file(&path) {
            let why = sys.text(fault).to_lowercase();
            return Err(fatal(sys, &format!("could not open file {path} with err: open {path}: {why}")));
        }
    } else {
        of_map(sys, "helper-pod-file", "helperPod.yaml")?;
    }
    of.settings.insert("config".into(), config);
    of.settings.insert("namespace".into(), namespace);
    Ok(())
}

/// What `/health` and `/ready` say.
pub(super) fn health(request: &str) -> Reply {
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match path {
        "/health" => (200, "OK"),
        "/ready" => (200, "Ready"),
        _ => (404, "404 page not found\n"),
    };
    let response = Response::new(status, body).with("Content-Length", body.len().to_string());
    Reply { bytes: response.with("Connection", "close").bytes(false), close: true, ..Reply::default() }
}
