//! Decimal numbers of any length with a number of places, as `bc` counts.

use std::cmp::Ordering;

/// The most digits that a number may have.
const MAX_DIGITS: usize = 20_000;

/// A number: its digits in the base of 10⁹ without sign, lowest first, and how many of its decimal places are fraction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    limbs: Vec<u32>,
    pub scale: usize,
}

const BASE: u64 = 1_000_000_000;

fn trim(limbs: &mut Vec<u32>) {
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
}

fn cmp_limbs(a: &[u32], b: &[u32]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn add_limbs(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut out = Vec::with_capacity(a.len().max(b.len()) + 1);
    let mut carry = 0;
    for n in 0..a.len().max(b.len()) {
        let sum = carry + u64::from(a.get(n).copied().unwrap_or(0)) + u64::from(b.get(n).copied().unwrap_or(0));
        out.push((sum % BASE) as u32);
        carry = sum / BASE;
    }
    if carry > 0 {
        out.push(carry as u32);
    }
    out
}

/// `a - b` where `a` is not smaller.
fn sub_limbs(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut out = Vec::with_capacity(a.len());
    let mut borrow = 0i64;
    for (n, limb) in a.iter().enumerate() {
        let mut rest = i64::from(*limb) - borrow - i64::from(b.get(n).copied().unwrap_or(0));
        borrow = i64::from(rest < 0);
        if rest < 0 {
            rest += BASE as i64;
        }
        out.push(rest as u32);
    }
    trim(&mut out);
    out
}

fn mul_limbs(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut out = vec![0u64; a.len() + b.len() + 1];
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0;
        for (j, y) in b.iter().enumerate() {
            let sum = out[i + j] + u64::from(*x) * u64::from(*y) + carry;
            out[i + j] = sum % BASE;
            carry = sum / BASE;
        }
        out[i + b.len()] += carry;
    }
    let mut out: Vec<u32> = out.into_iter().map(|l| l as u32).collect();
    trim(&mut out);
    out
}

fn mul_small(a: &[u32], by: u32) -> Vec<u32> {
    let mut out = Vec::with_capacity(a.len() + 1);
    let mut carry = 0;
    for limb in a {
        let product = u64::from(*limb) * u64::from(by) + carry;
        out.push((product % BASE) as u32);
        carry = product / BASE;
    }
    if carry > 0 {
        out.push(carry as u32);
    }
    trim(&mut out);
    out
}

/// The quotient, rounded down; the divisor is not zero.
fn div_limbs(a: &[u32], b: &[u32]) -> Vec<u32> {
    if let [single] = b {
        let mut out = vec![0; a.len()];
        let mut rest = 0;
        for (place, limb) in out.iter_mut().zip(a).rev() {
            let value = rest * BASE + u64::from(*limb);
            *place = (value / u64::from(*single)) as u32;
            rest = value % u64::from(*single);
        }
        trim(&mut out);
        return out;
    }
    let mut out = vec![0; a.len()];
    let mut rest: Vec<u32> = Vec::new();
    for (place, limb) in out.iter_mut().zip(a).rev() {
        rest.insert(0, *limb);
        trim(&mut rest);
        // The digit that fits, by halving.
        let (mut low, mut high) = (0u32, (BASE - 1) as u32);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match cmp_limbs(&mul_small(b, middle), &rest) {
                Ordering::Greater => high = middle - 1,
                _ => low = middle,
            }
        }
        if low > 0 {
            rest = sub_limbs(&rest, &mul_small(b, low));
        }
        *place = low;
    }
    trim(&mut out);
    out
}

fn power_of_ten(exponent: usize) -> Vec<u32> {
    let mut out = vec![0; exponent / 9];
    out.push(10u32.pow((exponent % 9) as u32));
    out
}

impl Decimal {
    /// A whole number.
    pub fn from(value: i64) -> Decimal {
        let mut rest = value.unsigned_abs();
        let mut limbs = Vec::new();
        while rest > 0 {
            limbs.push((rest % BASE) as u32);
            rest /= BASE;
        }
        Decimal { negative: value < 0, limbs, scale: 0 }
    }

    /// A number in a base: digits, and perhaps a fraction.
    pub fn parse(text: &str, base: u32) -> Decimal {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let single = text.len() == 1;
        let digit = |c: char| {
            let value = c.to_digit(36).unwrap_or(0);
            // A digit that the base does not have counts as its largest, unless it stands alone.
            if value >= base && !single { base - 1 } else { value }
        };
        let mut limbs: Vec<u32> = Vec::new();
        for c in whole.chars().chain(fraction.chars()) {
            limbs = add_limbs(&mul_small(&limbs, base), &[digit(c)]);
            trim(&mut limbs);
        }
        let value = Decimal { negative: false, limbs, scale: 0 };
        if base == 10 {
            return Decimal { scale: fraction.len(), ..value };
        }
        let mut out = value;
        for _ in 0..fraction.len() {
            out = out.div(&Decimal::from(i64::from(base)), fraction.len() + 4).unwrap_or_default();
        }
        if fraction.is_empty() { out } else { out.truncated(fraction.len()) }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// How many digits it has.
    pub fn len(&self) -> usize {
        self.digits().trim_start_matches('0').len().max(self.scale).max(1)
    }

    fn too_long(&self) -> bool {
        self.limbs.len() * 9 > MAX_DIGITS
    }

    fn scaled(&self, scale: usize) -> Vec<u32> {
        match scale.checked_sub(self.scale) {
            Some(0) | None => self.limbs.clone(),
            Some(more) => mul_limbs(&self.limbs, &power_of_ten(more)),
        }
    }

    /// The number cut to so many places.
    pub fn truncated(&self, scale: usize) -> Decimal {
        if scale >= self.scale {
            return Decimal { negative: self.negative, limbs: self.scaled(scale), scale };
        }
        let limbs = div_limbs(&self.limbs, &power_of_ten(self.scale - scale));
        Decimal { negative: self.negative && !limbs.is_empty(), limbs, scale }
    }

    /// The number with the other sign.
    pub fn negated(&self) -> Decimal {
        Decimal { negative: !self.negative && !self.is_zero(), ..self.clone() }
    }

    /// The sum.
    pub fn add(&self, other: &Decimal) -> Decimal {
        let scale = self.scale.max(other.scale);
        let (a, b) = (self.scaled(scale), other.scaled(scale));
        let (negative, limbs) = match (self.negative == other.negative, cmp_limbs(&a, &b)) {
            (true, _) => (self.negative, add_limbs(&a, &b)),
            (_, Ordering::Less) => (other.negative, sub_limbs(&b, &a)),
            _ => (self.negative, sub_limbs(&a, &b)),
        };
        Decimal { negative: negative && !limbs.is_empty(), limbs, scale }
    }

    /// The difference.
    pub fn sub(&self, other: &Decimal) -> Decimal {
        self.add(&other.negated())
    }

    /// The product, with at most `scale` places unless a factor has more.
    pub fn mul(&self, other: &Decimal, scale: usize) -> Option<Decimal> {
        if self.too_long() || other.too_long() {
            return None;
        }
        let full = self.scale + other.scale;
        let limbs = mul_limbs(&self.limbs, &other.limbs);
        let product = Decimal { negative: self.negative != other.negative && !limbs.is_empty(), limbs, scale: full };
        let wanted = full.min(scale.max(self.scale).max(other.scale));
        Some(product.truncated(wanted))
    }

    /// The quotient with so many places; none for a division by zero.
    pub fn div(&self, other: &Decimal, scale: usize) -> Option<Decimal> {
        if other.is_zero() || self.too_long() || scale > MAX_DIGITS {
            return None;
        }
        let shift = scale + other.scale;
        let (a, b) = match shift.checked_sub(self.scale) {
            Some(more) => (mul_limbs(&self.limbs, &power_of_ten(more)), other.limbs.clone()),
            None => (self.limbs.clone(), mul_limbs(&other.limbs, &power_of_ten(self.scale - shift))),
        };
        let limbs = div_limbs(&a, &b);
        Some(Decimal { negative: self.negative != other.negative && !limbs.is_empty(), limbs, scale })
    }

    /// What is left of a division with so many places.
    pub fn rem(&self, other: &Decimal, scale: usize) -> Option<Decimal> {
        let quotient = self.div(other, scale)?;
        let taken = quotient.mul(other, usize::MAX)?;
        Some(self.sub(&taken).truncated(self.scale.max(scale + other.scale)))
    }

    /// A whole power.
    pub fn pow(&self, exponent: i64, scale: usize) -> Option<Decimal> {
        let steps = exponent.unsigned_abs();
        if steps as usize > MAX_DIGITS {
            return None;
        }
        let wanted = match exponent >= 0 {
            true => (self.scale.saturating_mul(steps as usize)).min(scale.max(self.scale)),
            false => scale,
        };
        let mut out = Decimal::from(1);
        let mut base = self.clone();
        let mut rest = steps;
        while rest > 0 {
            if rest & 1 == 1 {
                out = out.mul(&base, usize::MAX)?;
            }
            rest >>= 1;
            if rest > 0 {
                base = base.mul(&base, usize::MAX)?;
            }
        }
        if exponent < 0 {
            return Decimal::from(1).div(&out, scale);
        }
        Some(out.truncated(wanted.min(out.scale)))
    }

    /// The square root with so many places; none for what is negative.
    pub fn sqrt(&self, scale: usize) -> Option<Decimal> {
        if self.negative || self.too_long() {
            return None;
        }
        let scale = scale.max(self.scale);
        let target = Decimal { limbs: self.scaled(2 * scale), ..Decimal::default() };
        if target.is_zero() {
            return Some(Decimal { scale, ..Decimal::default() });
        }
        // Newton's way, from above, in whole numbers.
        let mut guess = Decimal { limbs: power_of_ten(target.limbs.len() * 9 / 2 + 5), ..Decimal::default() };
        for _ in 0..400 {
            let next = guess.add(&target.div(&guess, 0)?).div(&Decimal::from(2), 0)?;
            if cmp_limbs(&next.limbs, &guess.limbs).is_ge() {
                break;
            }
            guess = next;
        }
        Some(Decimal { scale, ..guess })
    }

    /// How two numbers stand to each other.
    pub fn compare(&self, other: &Decimal) -> Ordering {
        let difference = self.sub(other);
        match (difference.is_zero(), difference.negative) {
            (true, _) => Ordering::Equal,
            (_, true) => Ordering::Less,
            _ => Ordering::Greater,
        }
    }

    /// As a small whole number.
    pub fn whole(&self) -> i64 {
        let cut = self.truncated(0);
        let value =
            cut.limbs.iter().rev().fold(0i64, |v, l| v.saturating_mul(BASE as i64).saturating_add(i64::from(*l)));
        if self.negative { -value } else { value }
    }

    fn digits(&self) -> String {
        let mut text = String::new();
        for (n, limb) in self.limbs.iter().rev().enumerate() {
            text.push_str(&if n == 0 { limb.to_string() } else { format!("{limb:09}") });
        }
        text
    }

    /// As `bc` prints it in a base; `zero` is put before a fraction.
    pub fn show(&self, base: u32, zero: bool) -> String {
        let sign = if self.negative { "-" } else { "" };
        if base == 10 {
            let digits = format!("{:0>width$}", self.digits(), width = self.scale);
            let (whole, fraction) = digits.split_at(digits.len() - self.scale);
            if self.is_zero() {
                return "0".into();
            }
            let whole = if whole.is_empty() && (zero || fraction.is_empty()) { "0" } else { whole };
            return match fraction.is_empty() {
                true => format!("{sign}{whole}"),
                false => format!("{sign}{whole}.{fraction}"),
            };
        }
        let mut whole = Decimal { negative: false, ..self.truncated(0) };
        let by = Decimal::from(i64::from(base));
        let mut digits = Vec::new();
        while !whole.is_zero() {
            digits.push(whole.rem(&by, 0).map_or(0, |d| d.whole()));
            whole = whole.div(&by, 0).unwrap_or_default();
        }
        let width = (base - 1).to_string().len();
        let show = |d: i64| match base {
            ..=16 => char::from_digit(d as u32, 16).unwrap_or('0').to_ascii_uppercase().to_string(),
            _ => format!(" {d:0width$}"),
        };
        let mut text: String = digits.iter().rev().map(|d| show(*d)).collect();
        if text.is_empty() {
            text.push('0');
        }
        format!("{sign}{text}")
    }
}
