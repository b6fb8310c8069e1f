//! Names, uids and choices that look random and are not: drawn from the cluster's seed, one generator per purpose.

use serde_json::Value;

/// The letters of generated names: no vowels, so no words; mirrors `k8s.io/apimachinery/pkg/util/rand`.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The longest generated name, and the length of what is appended to its base.
const NAME_MAX: usize = 63;
const SUFFIX: usize = 5;

/// Draws that depend on nothing but the cluster's seed, what they are for, and how many came before.
///
/// One more draw for one purpose changes nothing for any other.
#[derive(Debug, Clone)]
pub struct Draw {
    state: u64,
}

/// One step of SplitMix64: the state moves by the golden ratio and is mixed.
fn mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Draw {
    /// The generator for the `n`th draw for a purpose (`uid`, `pod name default/web`).
    pub fn new(seed: u64, purpose: &str, n: u64) -> Draw {
        let mut state = seed;
        for chunk in purpose.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            state = mix(&mut state) ^ u64::from_le_bytes(word);
        }
        state = mix(&mut state) ^ purpose.len() as u64;
        state = mix(&mut state) ^ n;
        Draw { state: mix(&mut state) }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        mix(&mut self.state)
    }

    /// A number below `n`; 0 where `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// So many letters of a generated name.
    pub fn string(&mut self, n: usize) -> String {
        (0..n).map(|_| char::from(ALPHABET[self.below(ALPHABET.len() as u64) as usize])).collect()
    }

    /// What is appended to a `generateName`: five letters.
    pub fn suffix(&mut self) -> String {
        self.string(SUFFIX)
    }

    /// So many hexadecimal digits, as in container ids.
    pub fn hex(&mut self, n: usize) -> String {
        (0..n).filter_map(|_| char::from_digit(self.below(16) as u32, 16)).collect()
    }

    /// A random uid (RFC 4122, version 4).
    pub fn uid(&mut self) -> String {
        let high = self.bits() & !0xf000 | 0x4000;
        let low = self.bits() & !(0b11 << 62) | (0b10 << 62);
        let (a, b, c, d, e) = (high >> 32, high >> 16 & 0xffff, high & 0xffff, low >> 48, low & 0xffff_ffff_ffff);
        format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
    }
}

/// A name from a `generateName` and a drawn suffix, cut so that it has at most 63 bytes.
pub fn generate_name(base: &str, suffix: &str) -> String {
    let mut end = base.len().min(NAME_MAX - SUFFIX);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &base[..end])
}

/// The text in the letters of generated names; mirrors `rand.SafeEncodeString`.
pub fn safe_encode_string(text: &str) -> String {
    text.chars().map(|c| char::from(ALPHABET[c as usize % ALPHABET.len()])).collect()
}

/// FNV-1a of 32 bits.
pub fn fnv32a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, b| (hash ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

/// FNV-1 of 32 bits, which controller revisions use.
pub fn fnv32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5u32, |hash, b| hash.wrapping_mul(0x0100_0193) ^ u32::from(*b))
}

/// A hash of an object's content: of its compact JSON with sorted keys.
///
/// It is not Go's, which hashes a dump of its own structs; names made of it only look alike:
/// `safe_encode_string(&hash_object(&template).to_string())` as `pod-template-hash`.
pub fn hash_object(tree: &Value) -> u32 {
    fnv32a(tree.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Draw, fnv32, fnv32a, generate_name, hash_object, safe_encode_string};

    #[test]
    fn draws_are_stable_and_apart() {
        let mut draw = Draw::new(7, "pod name", 0);
        insta::assert_snapshot!(draw.suffix(), @"dt7rx");
        insta::assert_snapshot!(draw.uid(), @"ec4ef132-faed-4355-90c9-faaff3553ec7");
        insta::assert_snapshot!(draw.hex(12), @"e462e760e77b");
        assert_ne!(Draw::new(7, "pod name", 1).bits(), Draw::new(7, "pod name", 0).bits());
        assert_ne!(Draw::new(7, "a", 0).bits(), Draw::new(7, "a\0", 0).bits());
        assert_ne!(Draw::new(8, "pod name", 0).bits(), Draw::new(7, "pod name", 0).bits());
        assert_eq!(draw.below(0), 0);
        assert!((0..1000).all(|_| draw.below(3) < 3));
        let uid = draw.uid();
        assert_eq!((&uid[14..15], "89ab".contains(&uid[19..20])), ("4", true));
    }

    #[test]
    fn names_from_hashes() {
        // The published vectors of FNV.
        assert_eq!((fnv32a(b""), fnv32a(b"foobar"), fnv32(b"foobar")), (0x811c_9dc5, 0xbf9c_f968, 0x31f0_b262));
        // Go's table: rand.SafeEncodeString("0123456789").
        assert_eq!(safe_encode_string("1234567890"), "56789bcdf4");
        assert_eq!(hash_object(&serde_json::json!({"b": 1, "a": 2})), fnv32a(br#"{"a":2,"b":1}"#));
        assert_eq!(generate_name("web-", "x7k2p"), "web-x7k2p");
        assert_eq!(generate_name(&"a".repeat(80), "x7k2p").len(), 63);
    }
}
