//! Amounts such as `10Mi`, `0.5` and `50m`, read and printed as Go's `resource.Quantity` does.

/// An amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity;
