//! Quantities as Go reads, rounds and writes them.

use super::{Format, Quantity, QuantityError, canonicalize};
use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};

#[test]
fn prints_what_go_prints() {
    // Left: what a manifest says; right: what `kubectl get -o yaml` answers.
    let pairs = "0=0 0.5=500m 1.5Gi=1536Mi 1Gi=1Gi 1024Mi=1Gi 1025Mi=1025Mi 100M=100M 1000Mi=1000Mi \
        1500m=1500m 2000m=2 0.1m=100u 0.1n=1n 5E=5E 1e3=1e3 1E3=1E3 12e4=120e3 1e-3=1e-3 \
        1.500=1.500 +5=+5 007=007 1.=1. .5=500m -1.5Gi=-1536Mi 1Ki=1Ki 1023=1023 0.5Ki=512 \
        0.0001Ki=102400u 1.1Ki=1126400m 10Ei=9223372036854775807 8Ei=9223372036854775807 1000E=1 \
        123456789012345678901=123456789012345678901 -=0 Ki=0 1e4294967296=1e4294967296";
    for (written, printed) in pairs.split(' ').filter_map(|pair| pair.split_once('=')) {
        assert_eq!(canonicalize(written).unwrap(), printed, "{written}");
    }
}

#[test]
fn refuses_in_kubernetes_words() {
    for text in ["", "abc", "1Gb", "10 Gi", "1.2.3", "1e5e5", "1,5"] {
        assert_eq!(Quantity::parse(text), Err(QuantityError::FormatWrong), "{text}");
    }
    for text in ["1e", "1kk", "1i", "1mi", "1ee5", "1m5", "1e+", "e", "--1", "1e99999999999999999999"] {
        assert_eq!(Quantity::parse(text), Err(QuantityError::Suffix), "{text}");
    }
}

#[test]
fn counts() {
    let q = |s: &str| Quantity::parse(s).unwrap();
    assert_eq!(q("1.5Gi").value(), 1_610_612_736);
    assert_eq!(q("100m").value(), 1);
    assert_eq!(q("-100m").value(), -1);
    assert_eq!(q("0.0001").milli_value(), 1);
    assert_eq!(q("1e30").value(), i64::MAX);
    assert_eq!((q("1Gi") - q("1Mi")).to_string(), "1023Mi");
    assert_eq!((Quantity::ZERO + q("1Gi")).to_string(), "1Gi");
    assert_eq!((q("500m") + q("1500m")).to_string(), "2");
    assert_eq!((q("1e3000") + q("1n")).to_string(), "1e3000");
    assert_eq!([q("100m"), q("1")].into_iter().sum::<Quantity>().to_string(), "1100m");
    assert_eq!(Quantity::from_i64(12 << 20, Format::BinarySi).to_string(), "12Mi");
    assert!(q("1e3000") > q("1e2999") && q("-1e3000") < q("-1e2999") && q("1G") < q("1Gi"));
    assert_eq!(q("0Gi"), q("0"));
}

/// A written quantity and its value in billionths, worked out by other means.
fn written() -> impl Strategy<Value = (String, i128)> {
    let suffixes = [
        ("", 1_000_000_000, 1),
        ("m", 1_000_000, 1),
        ("u", 1_000, 1),
        ("n", 1, 1),
        ("k", 1_000_000_000, 1000),
        ("M", 1_000_000_000, 1_000_000),
        ("e2", 1_000_000_000, 100),
        ("Ki", 1_000_000_000, 1 << 10),
        ("Mi", 1_000_000_000, 1 << 20),
        ("Gi", 1_000_000_000, 1 << 30),
    ];
    (-99_999i128..99_999, 0u32..5, proptest::sample::select(suffixes.to_vec())).prop_map(
        |(number, places, (suffix, nano, factor))| {
            let (sign, digits) = (if number < 0 { "-" } else { "" }, format!("{:06}", number.abs()));
            let (whole, fraction) = digits.split_at(6 - places as usize);
            let point = if places == 0 { "" } else { "." };
            let (product, divisor) = (number * nano * factor, 10i128.pow(places));
            let rounded = product / divisor + if product % divisor == 0 { 0 } else { product.signum() };
            (format!("{sign}{whole}{point}{fraction}{suffix}"), rounded)
        },
    )
}

proptest! {
    #[test]
    fn agrees_with_exact_arithmetic((a, exact_a) in written(), (b, exact_b) in written()) {
        let (qa, qb) = (Quantity::parse(&a).unwrap(), Quantity::parse(&b).unwrap());
        prop_assert_eq!(qa.cmp(&qb), exact_a.cmp(&exact_b));
        prop_assert_eq!(qa + qb, Quantity::new(exact_a + exact_b, -9, Format::DecimalSi));
        prop_assert_eq!(qa - qb, Quantity::new(exact_a - exact_b, -9, Format::DecimalSi));
        let printed = qa.to_string();
        prop_assert_eq!(Quantity::parse(&printed).unwrap(), qa);
        prop_assert_eq!(canonicalize(&printed).unwrap(), printed);
    }

    #[test]
    fn survives_anything(text in "[-+]?[0-9.]{0,60}[eEinumkKMGTPi]{0,2}[-+]?[0-9]{0,12}") {
        if let Ok(q) = Quantity::parse(&text) {
            let sum = q + q;
            prop_assert!(sum.to_string().len() < 64);
            prop_assert_eq!(q.negated().negated(), q);
            let _ = (q.value(), q.milli_value(), q.as_f64(), q.times(i64::MAX), q - sum);
        }
    }
}
