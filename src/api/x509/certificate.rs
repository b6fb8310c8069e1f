//! Certificates as a signer makes them of requests.
//!
//! Mirrors `x509.CreateCertificate` for what Kubernetes' signers put into a certificate. There are no keys here: the
//! signature has the form of one, and nothing checks it.

use std::net::IpAddr;

use super::der::{self, BIT_STRING, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use super::{CertificateRequest, Name};
use crate::api::Time;
use crate::api::names::Draw;

/// 1.2.840.10045.4.3.2: an elliptic signature of a SHA-256 hash.
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// 2.5.29.N: the extensions of certificates.
const KEY_USAGE: u8 = 15;
const ALTERNATIVE_NAMES: u8 = 17;
const BASIC_CONSTRAINTS: u8 = 19;
const AUTHORITY_KEY: u8 = 35;
const EXTENDED_KEY_USAGE: u8 = 37;
/// 1.3.6.1.5.5.7.3.N: what else a key may be used for.
const EXTENDED_USAGE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3];

const BOOLEAN: u8 = 0x01;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// What a signer says of the certificate that it makes.
#[derive(Debug, Clone)]
pub struct Template<'a> {
    /// Who signs.
    pub issuer: &'a str,
    /// What serial number and signature are drawn from.
    pub seed: &'a str,
    /// Since when it holds.
    pub not_before: Time,
    /// Until when.
    pub not_after: Time,
    /// What the key may be used for, by the words of the API.
    pub usages: Vec<&'a str>,
}

/// The bits of `KeyUsage`.
const USAGES: [(&str, u8); 2] = [("digital signature", 0x80), ("key encipherment", 0x20)];
/// The last number of each further usage.
const EXTENDED_USAGES: [(&str, u8); 2] = [("server auth", 1), ("client auth", 2)];

impl CertificateRequest {
    /// The certificate that is asked for, as DER.
    pub fn sign(&self, template: &Template<'_>) -> Vec<u8> {
        let mut draw = Draw::new(0, template.seed, 0);
        let algorithm = der::encode_all(SEQUENCE, &[der::encode(OBJECT_IDENTIFIER, ECDSA_WITH_SHA256)]);
        let issuer = Name { common_name: template.issuer.to_string(), ..Name::default() };
        let subject = self.subject.encode();
        let body = der::encode_all(
            SEQUENCE,
            &[
                // Version 3.
                der::encode(0xa0, &der::encode_unsigned(&[2])),
                der::encode_unsigned(&bytes(&mut draw, 16)),
                algorithm.clone(),
                issuer.encode(),
                der::encode_all(SEQUENCE, &[time(template.not_before), time(template.not_after)]),
                subject,
                self.raw_public_key.clone(),
                der::encode(0xa3, &der::encode_all(SEQUENCE, &self.extensions(template))),
            ],
        );
        let mut number = || der::encode_unsigned(&bytes(&mut draw, 32));
        let signature = der::encode_all(SEQUENCE, &[number(), number()]);
        der::encode_all(SEQUENCE, &[body, algorithm, bits(0, &signature)])
    }

    /// Mirrors `buildCertExtensions`.
    fn extensions(&self, template: &Template<'_>) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        let asked = |usage: &&(&str, u8)| template.usages.contains(&usage.0);
        let usage = USAGES.iter().filter(asked).fold(0, |bits, (_, bit)| bits | bit);
        if usage != 0 {
            all.push(extension(KEY_USAGE, true, bits(usage.trailing_zeros() as u8, &[usage])));
        }
        let further: Vec<Vec<u8>> = EXTENDED_USAGES
            .iter()
            .filter(asked)
            .map(|(_, last)| der::encode(OBJECT_IDENTIFIER, &[EXTENDED_USAGE, &[*last]].concat()))
            .collect();
        if !further.is_empty() {
            all.push(extension(EXTENDED_KEY_USAGE, false, der::encode_all(SEQUENCE, &further)));
        }
        all.push(extension(BASIC_CONSTRAINTS, true, der::encode(SEQUENCE, &[])));
        let key = bytes(&mut Draw::new(0, template.issuer, 0), 20);
        all.push(extension(AUTHORITY_KEY, false, der::encode_all(SEQUENCE, &[der::encode(0x80, &key)])));
        let names = self.alternative_names();
        if !names.is_empty() {
            let critical = self.subject == Name::default();
            all.push(extension(ALTERNATIVE_NAMES, critical, der::encode_all(SEQUENCE, &names)));
        }
        all
    }

    /// Mirrors `marshalSANs`.
    fn alternative_names(&self) -> Vec<Vec<u8>> {
        let text = |tag: u8, names: &[String]| -> Vec<Vec<u8>> {
            names.iter().map(|name| der::encode(tag, name.as_bytes())).collect()
        };
        let address = |address: &IpAddr| match address {
            IpAddr::V4(v4) => der::encode(0x87, &v4.octets()),
            IpAddr::V6(v6) => der::encode(0x87, &v6.octets()),
        };
        let mut all = text(0x82, &self.dns_names);
        all.extend(text(0x81, &self.email_addresses));
        all.extend(self.ip_addresses.iter().map(address));
        all.extend(text(0x86, &self.uris));
        all
    }
}

fn bytes(draw: &mut Draw, n: usize) -> Vec<u8> {
    (0..n).map(|_| draw.below(256) as u8).collect()
}

fn bits(unused: u8, content: &[u8]) -> Vec<u8> {
    der::encode(BIT_STRING, &[&[unused], content].concat())
}

fn extension(kind: u8, critical: bool, content: Vec<u8>) -> Vec<u8> {
    let mut parts = vec![der::encode(OBJECT_IDENTIFIER, &[0x55, 0x1d, kind])];
    if critical {
        parts.push(der::encode(BOOLEAN, &[0xff]));
    }
    parts.push(der::encode(OCTET_STRING, &content));
    der::encode_all(SEQUENCE, &parts)
}

/// Years from 2050 on have four digits.
fn time(time: Time) -> Vec<u8> {
    let digits: String = time.rfc3339().chars().filter(char::is_ascii_digit).take(14).collect();
    match digits.as_str() < "2050" {
        true => der::encode(UTC_TIME, format!("{}Z", digits.get(2..).unwrap_or_default()).as_bytes()),
        false => der::encode(GENERALIZED_TIME, format!("{digits}Z").as_bytes()),
    }
}
