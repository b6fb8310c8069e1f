//! Requests for certificates (PKCS #10).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::der::{self, BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET};
use super::{Name, pem};

/// The label of a request's PEM block.
const LABEL: &str = "CERTIFICATE REQUEST";
/// 1.2.840.113549.1.9.14: the extensions that the certificate shall have.
const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
/// 2.5.29.17: other names of the subject.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// A request for a certificate. Mirrors `x509.CertificateRequest`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateRequest {
    /// Whom the certificate shall be about.
    pub subject: Name,
    /// The public key with its algorithm, as it stands there.
    pub raw_public_key: Vec<u8>,
    /// Host names of the subject.
    pub dns_names: Vec<String>,
    /// Its addresses for mail.
    pub email_addresses: Vec<String>,
    /// Its addresses in networks.
    pub ip_addresses: Vec<IpAddr>,
    /// Its URIs.
    pub uris: Vec<String>,
}

impl CertificateRequest {
    /// Reads a request from a PEM file. Mirrors `ParseCSR` of `pkg/apis/certificates`.
    ///
    /// # Errors
    /// The server's text for what is no request, or a broken one.
    pub fn parse_pem(file: &[u8]) -> Result<CertificateRequest, String> {
        match pem::blocks(file).into_iter().next() {
            Some(block) if block.label == LABEL => {
                CertificateRequest::parse(&block.der).ok_or_else(|| "asn1: syntax error: data truncated".into())
            }
            _ => Err("PEM block type must be CERTIFICATE REQUEST".into()),
        }
    }

    fn parse(input: &[u8]) -> Option<CertificateRequest> {
        let outer = der::sequence(input)?;
        let [(SEQUENCE, info), (SEQUENCE, _), (BIT_STRING, _)] = outer.as_slice() else { return None };
        let parts = der::elements(info)?;
        let [(INTEGER, _), (SEQUENCE, subject), (SEQUENCE, key), attributes @ ..] = parts.as_slice() else {
            return None;
        };
        let mut request = CertificateRequest {
            subject: Name::parse(subject)?,
            raw_public_key: der::encode(SEQUENCE, key),
            ..CertificateRequest::default()
        };
        for (_, content) in attributes.iter().filter(|(tag, _)| *tag == 0xa0) {
            for (_, attribute) in der::elements(content)? {
                let attribute = der::elements(attribute)?;
                if let [(OBJECT_IDENTIFIER, EXTENSION_REQUEST), (SET, values)] = attribute.as_slice() {
                    request.read_extensions(der::sequence(values)?)?;
                }
            }
        }
        Some(request)
    }

    fn read_extensions(&mut self, extensions: Vec<der::Element<'_>>) -> Option<()> {
        for (_, extension) in extensions {
            let parts = der::elements(extension)?;
            if let [(OBJECT_IDENTIFIER, SUBJECT_ALT_NAME), .., (OCTET_STRING, names)] = parts.as_slice() {
                for (tag, name) in der::sequence(names)? {
                    self.add_name(tag, name);
                }
            }
        }
        Some(())
    }

    /// Mirrors `parseSANExtension`.
    fn add_name(&mut self, tag: u8, content: &[u8]) {
        let text = || String::from_utf8_lossy(content).into_owned();
        match tag {
            0x81 => self.email_addresses.push(text()),
            0x82 => self.dns_names.push(text()),
            0x86 => self.uris.push(text()),
            0x87 => {
                let v4 = <[u8; 4]>::try_from(content).map(|b| IpAddr::V4(Ipv4Addr::from(b)));
                let v6 = || <[u8; 16]>::try_from(content).map(|b| IpAddr::V6(Ipv6Addr::from(b)));
                self.ip_addresses.extend(v4.or_else(|_| v6()));
            }
            _ => {}
        }
    }
}
