//! What a served cluster keeps from one `kstate serve` to the next: certificates, the admin's token, a secret.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cli::home::{Home, failed};
use crate::host::{self, private, whole};
use crate::serve::{Certificates, random};
use crate::server::wire::Keys;

/// The files of a served cluster.
pub(super) struct Kept {
    folder: PathBuf,
    pub(super) certificates: Certificates,
    pub(super) keys: Keys,
}

fn folder(home: &Home, name: &str) -> PathBuf {
    home.file("serve").join(name)
}

fn text(folder: &Path, name: &str) -> Option<String> {
    let bytes = host::read::file(&folder.join(name)).ok()?;
    String::from_utf8(bytes).ok().filter(|text| !text.trim().is_empty())
}

impl Kept {
    /// What the cluster keeps, made where it is not there.
    pub(super) fn of(home: &Home, name: &str, ip: IpAddr) -> Result<Kept> {
        let folder = folder(home, name);
        private::create_folder(&folder)
            .map_err(|e| failed(format!("cannot make the folder {}", folder.display()), &e))?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            whole::write(&path, text.as_bytes()).map_err(|e| failed(format!("cannot write {}", path.display()), &e))
        };
        let secret = |name: &str| -> Result<String> {
            if let Some(known) = text(&folder, name) {
                return Ok(known.trim().to_string());
            }
            let new = random().map_err(|e| failed("no random numbers are to be had".into(), &e))?;
            write(name, &new)?;
            Ok(new)
        };
        let keys = Keys { admin: secret("token")?, secret: secret("secret")? };
        let names = ["ca.crt", "tls.crt", "tls.key"].map(|name| text(&folder, name));
        let is_for = text(&folder, "address").unwrap_or_default();
        let same = ip.is_loopback() || is_for.trim() == ip.to_string();
        let certificates = match names {
            [Some(authority), Some(certificate), Some(key)] if same => Certificates { authority, certificate, key },
            _ => {
                let made = Certificates::make(ip).map_err(|e| failed("cannot make certificates".into(), &e))?;
                write("address", &ip.to_string())?;
                write("ca.crt", &made.authority)?;
                write("tls.crt", &made.certificate)?;
                write("tls.key", &made.key)?;
                made
            }
        };
        Ok(Kept { folder, certificates, keys })
    }

    /// The kubeconfig of the admin.
    pub(super) fn kubeconfig(&self, cluster: &str, address: SocketAddr) -> String {
        let authority = STANDARD.encode(&self.certificates.authority);
        let (url, token) = (url(address), &self.keys.admin);
        format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {authority}\n    server: {url}\n  \
             name: {cluster}\ncontexts:\n- context:\n    cluster: {cluster}\n    user: admin@{cluster}\n  name: {cluster}\n\
             current-context: {cluster}\nkind: Config\nusers:\n- name: admin@{cluster}\n  user:\n    token: {token}\n"
        )
    }

    /// Notes that a server runs, and how it is reached. The file.
    pub(super) fn note(&self, kubeconfig: &str) -> Result<PathBuf> {
        let path = self.folder.join(RUNNING);
        whole::write(&path, kubeconfig.as_bytes())
            .map_err(|e| failed(format!("cannot write {}", path.display()), &e))?;
        Ok(path)
    }

    /// Notes that it runs no more.
    pub(super) fn forget(&self) {
        // OBSERVATION: one that stays is found out by nobody answering.
        let _ = whole::remove(&self.folder.join(RUNNING));
    }
}

/// The kubeconfig of the server that runs.
const RUNNING: &str = "kubeconfig";

/// The kubeconfig of a cluster's server, if one was started and not ended.
pub(super) fn noted(home: &Home, cluster: &str) -> Option<String> {
    text(&folder(home, cluster), RUNNING)
}

/// Where a server is that listens on an address: on all of them, it is here.
pub(super) fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        ip => ip,
    };
    format!("https://{}", SocketAddr::new(ip, address.port()))
}

/// The address that a kubeconfig names.
pub(super) fn address_in(kubeconfig: &str) -> Option<SocketAddr> {
    let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("server: https://"))?;
    line.trim().parse().ok()
}
