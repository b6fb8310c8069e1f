//! The certificates that a served cluster shows, made at first use.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The names under which a server in a cluster is known, beside its addresses.
const NAMES: [&str; 5] =
    ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];

/// What a server shows, and what its clients trust, as PEM. The authority's own key is nowhere: nothing else is ever
/// signed with it.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority's certificate.
    pub authority: String,
    /// The server's.
    pub certificate: String,
    /// The server's key.
    pub key: String,
}

fn failed(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

impl Certificates {
    /// New ones for a server at an address.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn make(ip: IpAddr) -> io::Result<Certificates> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "kstate-server-ca");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = authority.self_signed(&key).map_err(failed)?;
        let issuer = Issuer::new(authority, key);
        let mut names: Vec<String> = NAMES.map(String::from).into();
        names.extend(["127.0.0.1", "::1"].map(String::from));
        if !ip.is_loopback() && !ip.is_unspecified() {
            names.push(ip.to_string());
        }
        let mut server = CertificateParams::new(names).map_err(failed)?;
        server.distinguished_name.push(DnType::CommonName, "kstate");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let signed = server.signed_by(&key, &issuer).map_err(failed)?;
        Ok(Certificates { authority: certificate.pem(), certificate: signed.pem(), key: key.serialize_pem() })
    }
}

/// A secret that nobody can guess, as letters and digits.
///
/// # Errors
/// When the system gives no random numbers.
pub fn random() -> io::Result<String> {
    // A new key is the random number that the certificates' maker gives away.
    let key = KeyPair::generate().map_err(failed)?;
    let digest = crate::api::digest::sha256(&key.serialize_der());
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// How TLS is spoken.
pub(super) fn config(certificates: &Certificates) -> io::Result<Arc<ServerConfig>> {
    let chain = [&certificates.certificate, &certificates.authority];
    let chain = chain.iter().map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(failed));
    let chain: Vec<CertificateDer<'static>> = chain.collect::<io::Result<_>>()?;
    let key = PrivateKeyDer::from_pem_slice(certificates.key.as_bytes()).map_err(failed)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(failed)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
