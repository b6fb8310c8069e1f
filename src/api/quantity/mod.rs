//! Amounts such as `10Mi`, `0.5` and `50m`, read, compared and printed as Go's `resource.Quantity` does.
//!
//! Mirrors `k8s.io/apimachinery/pkg/api/resource`. An amount is exact: a whole number times a power of ten,
//! never finer than a billionth (finer ones are rounded away from zero).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

/// The style that an amount was written in, which it is printed in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Powers of ten with an exponent: `12e6`.
    DecimalExponent,
    /// Powers of 1024: `12Mi`.
    BinarySi,
    /// Powers of ten with a suffix: `12M`, `500m`.
    #[default]
    DecimalSi,
}

/// Why a text is no quantity; the wording is Kubernetes'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It does not look like a number with a suffix.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    FormatWrong,
    /// Its number could not be read.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
    /// Its suffix is none of the known ones.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// The finest digit that an amount may have: a billionth.
const NANO: i32 = -9;

const DECIMAL_SUFFIXES: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

const BINARY_SUFFIXES: [(&str, i32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// A spelling that Go keeps although it is not the canonical one (`1.500`, `+5`, `1E3`).
#[derive(Debug, Clone, Copy)]
struct Spelling {
    bytes: [u8; 22],
    len: u8,
}

impl Spelling {
    fn new(text: &str) -> Option<Spelling> {
        let mut bytes = [0; 22];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Spelling { bytes, len: text.len() as u8 })
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

/// An amount. Compared by value: `1Gi` equals `1024Mi`.
///
/// The range is that of 38 decimal digits times any power of ten; digits beyond are rounded away from zero.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quantity {
    mantissa: i128,
    /// Power of ten; not below [`NANO`].
    exponent: i32,
    format: Format,
    spelling: Option<Spelling>,
}

/// `value * 10^by`, if it fits.
fn scale_up(value: i128, by: u32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    10i128.checked_pow(by)?.checked_mul(value)
}

/// `value / 10^by`, rounded away from zero, and whether that was exact.
fn scale_down(value: i128, by: u32) -> (i128, bool) {
    let Some(divisor) = 10i128.checked_pow(by) else {
        return (value.signum(), value == 0);
    };
    match (value / divisor, value % divisor) {
        (quotient, 0) => (quotient, true),
        (quotient, rest) => (quotient + rest.signum(), false),
    }
}

/// Takes the factors of `base` out of a number; mirrors `removeBigIntFactors`.
fn remove_factors(mut value: i128, base: i128) -> (i128, i32) {
    let mut times = 0;
    while value != 0 && value % base == 0 {
        value /= base;
        times += 1;
    }
    (value, times)
}

/// The parts of a written quantity; mirrors `parseQuantityString`.
struct Parts<'a> {
    negative: bool,
    /// Digits before the point without leading zeros; `0` if there are none.
    whole: &'a str,
    /// Digits after the point.
    fraction: &'a str,
    suffix: &'a str,
}

fn split(text: &str) -> Result<Parts<'_>, QuantityError> {
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let negative = text.starts_with('-');
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let rest = rest.trim_start_matches('0');
    let (whole, rest) = rest.split_at(digits(rest));
    let whole = if whole.is_empty() { "0" } else { whole };
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let exponent = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if digits(exponent) != exponent.len() {
        return Err(QuantityError::FormatWrong);
    }
    Ok(Parts { negative, whole, fraction, suffix })
}

/// What a suffix stands for: the base is 2 for `BinarySi`, else 10.
fn interpret(suffix: &str) -> Result<(i32, Format), QuantityError> {
    let find = |table: &[(&str, i32)]| table.iter().find(|(s, _)| *s == suffix).map(|(_, e)| *e);
    if let Some(exponent) = find(&DECIMAL_SUFFIXES) {
        return Ok((exponent, Format::DecimalSi));
    }
    if let Some(exponent) = find(&BINARY_SUFFIXES) {
        return Ok((exponent, Format::BinarySi));
    }
    match suffix.strip_prefix(['e', 'E']).filter(|digits| !digits.is_empty()) {
        // Go parses 64 bits and keeps 32 of them.
        Some(digits) => digits
            .parse::<i64>()
            .map(|exponent| (exponent as i32, Format::DecimalExponent))
            .map_err(|_| QuantityError::Suffix),
        None => Err(QuantityError::Suffix),
    }
}

/// Reads decimal digits; those that do not fit are rounded up into the exponent that is returned with the number.
fn read_digits(whole: &str, fraction: &str) -> (i128, i32) {
    let (mut value, mut dropped, mut inexact) = (0i128, 0i32, false);
    for digit in whole.bytes().chain(fraction.bytes()).map(|b| i128::from(b - b'0')) {
        match value.checked_mul(10).and_then(|v| v.checked_add(digit)) {
            Some(next) if dropped == 0 => value = next,
            _ => {
                dropped = dropped.saturating_add(1);
                inexact |= digit != 0;
            }
        }
    }
    (value.saturating_add(i128::from(inexact)), dropped)
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity::new(0, 0, Format::DecimalSi);

    const fn new(mantissa: i128, exponent: i32, format: Format) -> Quantity {
        Quantity { mantissa, exponent, format, spelling: None }
    }

    /// A whole number (of bytes, cores, pods).
    pub const fn from_i64(value: i64, format: Format) -> Quantity {
        Quantity::new(value as i128, 0, format)
    }

    /// So many thousandths.
    pub const fn from_milli(value: i64, format: Format) -> Quantity {
        Quantity::new(value as i128, -3, format)
    }

    /// Reads a quantity. Blanks around it are not allowed here; JSON decoding trims them.
    ///
    /// # Errors
    /// The texts of `resource.ParseQuantity`.
    pub fn parse(text: &str) -> Result<Quantity, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::FormatWrong);
        }
        let parts = split(text)?;
        let (exponent, format) = interpret(parts.suffix)?;
        let (digits, dropped) = read_digits(parts.whole, parts.fraction);
        let places = i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX);
        let sign = if parts.negative { -1 } else { 1 };
        let mut q = Quantity::new(digits, dropped.saturating_sub(places), format);
        if format == Format::BinarySi {
            q.apply_binary(exponent);
        } else {
            q.exponent = q.exponent.saturating_add(exponent);
        }
        if q.exponent < NANO {
            q.mantissa = scale_down(q.mantissa, NANO.abs_diff(q.exponent)).0;
            q.exponent = NANO;
        }
        if format == Format::BinarySi {
            if q > Quantity::from_i64(i64::MAX, format) {
                q = Quantity::from_i64(i64::MAX, format);
            }
            if !parts.fraction.is_empty() && q.mantissa > 0 && q < Quantity::from_i64(1, format) {
                q.format = Format::DecimalSi;
            }
        }
        q.mantissa *= sign;
        if keeps_spelling(&parts, exponent, format, digits) && q.canonical() != text {
            q.spelling = Spelling::new(text);
        }
        Ok(q)
    }

    /// Multiplies by `2^exponent`, rounding to billionths first where the digits would not fit otherwise.
    fn apply_binary(&mut self, exponent: i32) {
        let factor = 1i128 << exponent;
        match self.mantissa.checked_mul(factor) {
            Some(product) => self.mantissa = product,
            // Either beyond the cap anyway, or digits finer than any that remain.
            None => {
                let whole = match self.exponent {
                    e if e < -18 => scale_down(self.mantissa, e.abs_diff(-18)).0,
                    _ => self.mantissa,
                };
                self.exponent = self.exponent.max(-18);
                self.mantissa = whole.checked_mul(factor).unwrap_or(i128::MAX);
            }
        }
    }

    /// The style that it is printed in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.mantissa == 0
    }

    /// -1, 0 or 1.
    pub fn sign(&self) -> i32 {
        self.mantissa.signum() as i32
    }

    /// The amount in whole units, rounded away from zero, at most `i64`'s bounds.
    pub fn value(&self) -> i64 {
        self.scaled_value(0)
    }

    /// The amount in thousandths, rounded away from zero, at most `i64`'s bounds.
    pub fn milli_value(&self) -> i64 {
        self.scaled_value(-3)
    }

    /// The amount in units of `10^scale`, rounded away from zero, at most `i64`'s bounds.
    pub fn scaled_value(&self, scale: i32) -> i64 {
        let by = self.exponent.abs_diff(scale);
        let wide = if self.exponent < scale {
            scale_down(self.mantissa, by).0
        } else {
            scale_up(self.mantissa, by).unwrap_or(if self.mantissa < 0 { i128::MIN } else { i128::MAX })
        };
        wide.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// The amount as a floating point number, for percentages and scores.
    pub fn as_f64(&self) -> f64 {
        self.mantissa as f64 * 10f64.powi(self.exponent)
    }

    /// The sum. A zero takes the other's format; mirrors `Quantity.Add`.
    #[must_use]
    pub fn plus(self, other: Quantity) -> Quantity {
        let format = if self.is_zero() { other.format } else { self.format };
        let fine = self.exponent.min(other.exponent);
        let at = |q: Quantity| scale_up(q.mantissa, q.exponent.abs_diff(fine));
        match (at(self), at(other)) {
            (Some(a), Some(b)) if a.checked_add(b).is_some() => Quantity::new(a + b, fine, format),
            // 38 digits apart: the smaller one does not show.
            _ if self.magnitude_cmp(&other) == Ordering::Less => Quantity { format, spelling: None, ..other },
            _ => Quantity { format, spelling: None, ..self },
        }
    }

    /// The difference. A zero takes the other's format; mirrors `Quantity.Sub`.
    #[must_use]
    pub fn minus(self, other: Quantity) -> Quantity {
        self.plus(other.negated())
    }

    /// The same amount with the other sign.
    #[must_use]
    pub fn negated(self) -> Quantity {
        Quantity::new(self.mantissa.saturating_neg(), self.exponent, self.format)
    }

    /// So many times the amount; a product that does not fit is the largest that does.
    #[must_use]
    pub fn times(self, n: i64) -> Quantity {
        Quantity::new(self.mantissa.saturating_mul(n.into()), self.exponent, self.format)
    }

    fn magnitude_cmp(&self, other: &Quantity) -> Ordering {
        let (a, b) = (self.mantissa.unsigned_abs(), other.mantissa.unsigned_abs());
        if a == 0 || b == 0 {
            return a.cmp(&b);
        }
        let position = |m: u128, e: i32| i64::from(m.ilog10()) + i64::from(e);
        position(a, self.exponent).cmp(&position(b, other.exponent)).then_with(|| {
            // The same number of digits before the point, so the finer one has more digits: lift the other one.
            let fine = self.exponent.min(other.exponent);
            let lift = |m: u128, e: i32| m.saturating_mul(10u128.saturating_pow(e.abs_diff(fine)));
            lift(a, self.exponent).cmp(&lift(b, other.exponent))
        })
    }

    /// The canonical form; mirrors `Quantity.CanonicalizeBytes`.
    fn canonical(&self) -> String {
        if self.is_zero() {
            return "0".into();
        }
        let mut format = self.format;
        let small = self.magnitude_cmp(&Quantity::from_i64(1024, Format::DecimalSi)) == Ordering::Less;
        if format == Format::BinarySi {
            let whole = match self.exponent {
                e if e < 0 => match scale_down(self.mantissa, e.unsigned_abs()) {
                    (whole, true) => Some(whole),
                    _ => None,
                },
                e => scale_up(self.mantissa, e.unsigned_abs()),
            };
            match whole {
                Some(whole) if !small => {
                    let (number, times) = remove_factors(whole, 1024);
                    let suffix = BINARY_SUFFIXES.iter().find(|(_, e)| *e == times * 10).map_or("", |(s, _)| s);
                    return format!("{number}{suffix}");
                }
                // No precision is lost, and fractions of small amounts read better in decimals.
                _ => format = Format::DecimalSi,
            }
        }
        let (mut number, times) = remove_factors(self.mantissa, 10);
        let mut exponent = self.exponent.saturating_add(times);
        let odd = exponent.rem_euclid(3);
        number = number.saturating_mul(10i128.pow(odd.unsigned_abs()));
        exponent -= odd;
        match format {
            Format::DecimalExponent if exponent != 0 => format!("{number}e{exponent}"),
            Format::DecimalExponent => number.to_string(),
            // Go prints an exponent that has no suffix as nothing at all.
            _ => {
                format!("{number}{}", DECIMAL_SUFFIXES.iter().find(|(_, e)| *e == exponent).map_or("", |(s, _)| s))
            }
        }
    }
}

/// Whether `ParseQuantity` takes its fast path and finds the text canonical enough to keep it.
fn keeps_spelling(parts: &Parts<'_>, exponent: i32, format: Format, digits: i128) -> bool {
    let length = (parts.whole.len() + parts.fraction.len()) as i64;
    if format == Format::BinarySi {
        let room = 15 - parts.whole.len() as i64 - i64::from(exponent * 3 / 10) - 1;
        return parts.fraction.is_empty() && room >= 0 && digits & 7 != 0;
    }
    let scale = i64::from(exponent) - parts.fraction.len() as i64;
    let ends_in_thousands = format!("{}{}", parts.whole, parts.fraction).ends_with("000");
    length <= 18 && scale >= i64::from(NANO) && scale % 3 == 0 && !ends_in_thousands && !parts.whole.starts_with('0')
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.spelling {
            Some(spelling) => f.pad(spelling.as_str()),
            None => f.pad(&self.canonical()),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sign().cmp(&other.sign()).then_with(|| match self.sign() {
            -1 => other.magnitude_cmp(self),
            _ => self.magnitude_cmp(other),
        })
    }
}

impl std::ops::Add for Quantity {
    type Output = Quantity;
    fn add(self, other: Quantity) -> Quantity {
        self.plus(other)
    }
}

impl std::ops::Sub for Quantity {
    type Output = Quantity;
    fn sub(self, other: Quantity) -> Quantity {
        self.minus(other)
    }
}

impl std::ops::AddAssign for Quantity {
    fn add_assign(&mut self, other: Quantity) {
        *self = self.plus(other);
    }
}

impl std::ops::SubAssign for Quantity {
    fn sub_assign(&mut self, other: Quantity) {
        *self = self.minus(other);
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Quantity>>(all: I) -> Quantity {
        all.fold(Quantity::ZERO, Quantity::plus)
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Quantity, QuantityError> {
        Quantity::parse(text)
    }
}

impl TryFrom<&Text> for Quantity {
    type Error = QuantityError;
    /// Reads it as JSON decoding does: blanks around it do not count.
    fn try_from(text: &Text) -> Result<Quantity, QuantityError> {
        Quantity::parse(text.0.trim())
    }
}

impl From<Quantity> for Text {
    fn from(q: Quantity) -> Text {
        Text(q.to_string())
    }
}

/// The amount under a key of `requests`, `limits`, `capacity` and the like; none where it is absent or unreadable.
pub fn amount(list: Option<&BTreeMap<String, Text>>, key: &str) -> Option<Quantity> {
    list?.get(key)?.try_into().ok()
}

/// The canonical spelling that the API server gives back for a quantity: `1.5Gi` -> `1536Mi`.
///
/// # Errors
/// Those of [`Quantity::parse`].
pub fn canonicalize(text: &str) -> Result<String, QuantityError> {
    Quantity::parse(text.trim()).map(|q| q.to_string())
}

#[cfg(test)]
mod tests;
