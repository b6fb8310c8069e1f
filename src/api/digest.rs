//! SHA-256, by which names and versions are told apart. No crate for this alone: the digest is forty lines.

/// FIPS 180-4, with its constants drawn from the primes as the standard defines them.
pub fn sha256(message: &[u8]) -> [u8; 32] {
    let primes: Vec<u64> = (2..312_u64).filter(|n| (2..*n).all(|d| n % d != 0)).take(64).collect();
    let constants: Vec<u32> = primes.iter().map(|p| root_fraction(*p, 3)).collect();
    let mut state: Vec<u32> = primes.iter().take(8).map(|p| root_fraction(*p, 2)).collect();
    let mut padded = message.to_vec();
    padded.push(0x80);
    let zeros = (120 - padded.len() % 64) % 64;
    padded.extend(std::iter::repeat_n(0, zeros));
    padded.extend((message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut w: Vec<u32> = block.chunks(4).map(|c| c.iter().fold(0, |n, b| n << 8 | u32::from(*b))).collect();
        for i in 16..64 {
            let (a, b) = (w[i - 15], w[i - 2]);
            let small0 = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let small1 = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            w.push(w[i - 16].wrapping_add(small0).wrapping_add(w[i - 7]).wrapping_add(small1));
        }
        let mut v = state.clone();
        for i in 0..64 {
            let (a, e) = (v[0], v[4]);
            let big1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = (e & v[5]) ^ (!e & v[6]);
            let big0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let majority = (a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]);
            let t1 = v[7].wrapping_add(big1).wrapping_add(choice).wrapping_add(constants[i]).wrapping_add(w[i]);
            v.rotate_right(1);
            v[4] = v[4].wrapping_add(t1);
            v[0] = t1.wrapping_add(big0).wrapping_add(majority);
        }
        state.iter_mut().zip(&v).for_each(|(s, v)| *s = s.wrapping_add(*v));
    }
    let mut digest = [0; 32];
    digest.chunks_mut(4).zip(&state).for_each(|(to, word)| to.copy_from_slice(&word.to_be_bytes()));
    digest
}

/// The first 32 bits of the fraction of a prime's root: the whole part of `root(p) * 2^32`, cut to 32 bits.
fn root_fraction(prime: u64, degree: u32) -> u32 {
    let (mut low, mut high) = (0_u128, 1_u128 << 40);
    // The cube of 2^40 fits into 128 bits; the prime is scaled by as many powers as the root takes.
    let scaled = u128::from(prime) << (32 * degree);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if middle.pow(degree) <= scaled {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low & 0xffff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use super::sha256;

    #[test]
    fn digests_as_the_standard_says() {
        let hex = |text: &str| -> String { sha256(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect() };
        assert_eq!(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        for (length, start) in [(55, "9f4390f8"), (56, "b35439a4"), (64, "ffe054fe")] {
            assert!(hex(&"a".repeat(length)).starts_with(start), "{length}");
        }
    }
}
