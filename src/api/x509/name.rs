//! Distinguished names: `CN=jane, O=dev`.

use super::der::{self, OBJECT_IDENTIFIER, SEQUENCE, SET};

/// Whom a certificate is about, or who signed it. Mirrors `pkix.Name`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name {
    /// `CN`.
    pub common_name: String,
    /// The serial number that is a part of the name.
    pub serial_number: String,
    /// `O`.
    pub organization: Vec<String>,
    /// `OU`.
    pub organizational_unit: Vec<String>,
    /// `C`.
    pub country: Vec<String>,
    /// `L`.
    pub locality: Vec<String>,
    /// `ST`.
    pub province: Vec<String>,
    /// The street.
    pub street_address: Vec<String>,
    /// The postal code.
    pub postal_code: Vec<String>,
}

/// The attributes of names are 2.5.4.N.
const ATTRIBUTES: [u8; 2] = [0x55, 0x04];
const UTF8_STRING: u8 = 12;
const PRINTABLE_STRING: u8 = 19;
const COMMON_NAME: u8 = 3;
const ORGANIZATION: u8 = 10;

impl Name {
    /// Reads the content of a name.
    pub(super) fn parse(content: &[u8]) -> Option<Name> {
        let mut name = Name::default();
        for (tag, set) in der::elements(content)? {
            if tag != SET {
                return None;
            }
            for (tag, pair) in der::elements(set)? {
                let pair = der::elements(pair)?;
                let (SEQUENCE, [(OBJECT_IDENTIFIER, kind), (text_tag, text)]) = (tag, pair.as_slice()) else {
                    return None;
                };
                if let ([first, second, attribute], Some(text)) = (*kind, string(*text_tag, text))
                    && [*first, *second] == ATTRIBUTES
                {
                    name.add(*attribute, text);
                }
            }
        }
        Some(name)
    }

    /// The name as an element. Mirrors `pkix.Name.ToRDNSequence`: the values of one attribute stand together.
    pub(super) fn encode(&self) -> Vec<u8> {
        let single = |text: &String| Some(text.clone()).filter(|text| !text.is_empty()).into_iter().collect();
        let attributes: [(u8, Vec<String>); 9] = [
            (6, self.country.clone()),
            (ORGANIZATION, self.organization.clone()),
            (11, self.organizational_unit.clone()),
            (7, self.locality.clone()),
            (8, self.province.clone()),
            (9, self.street_address.clone()),
            (17, self.postal_code.clone()),
            (COMMON_NAME, single(&self.common_name)),
            (5, single(&self.serial_number)),
        ];
        let value = |kind: u8, text: &String| {
            let printable = |b: u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b);
            let tag = if text.bytes().all(printable) { PRINTABLE_STRING } else { UTF8_STRING };
            let [first, second] = ATTRIBUTES;
            let name = der::encode(OBJECT_IDENTIFIER, &[first, second, kind]);
            der::encode_all(SEQUENCE, &[name, der::encode(tag, text.as_bytes())])
        };
        let sets = attributes.iter().filter(|(_, values)| !values.is_empty()).map(|(kind, values)| {
            let mut all: Vec<Vec<u8>> = values.iter().map(|text| value(*kind, text)).collect();
            all.sort();
            der::encode_all(SET, &all)
        });
        der::encode_all(SEQUENCE, &sets.collect::<Vec<_>>())
    }

    fn add(&mut self, attribute: u8, text: String) {
        match attribute {
            COMMON_NAME => self.common_name = text,
            5 => self.serial_number = text,
            6 => self.country.push(text),
            7 => self.locality.push(text),
            8 => self.province.push(text),
            9 => self.street_address.push(text),
            ORGANIZATION => self.organization.push(text),
            11 => self.organizational_unit.push(text),
            17 => self.postal_code.push(text),
            _ => {}
        }
    }
}

/// A text of one of the kinds that names are made of.
fn string(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        // UTF8String, NumericString, PrintableString, T61String, IA5String.
        12 | 18 | 19 | 20 | 22 => Some(String::from_utf8_lossy(content).into_owned()),
        // BMPString: two bytes a character.
        30 => {
            let units = content.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
            Some(String::from_utf16_lossy(&units.collect::<Vec<_>>()))
        }
        _ => None,
    }
}
