//! cli
/// m
pub fn main(_: Vec<std::ffi::OsString>) -> u8 {
    0
}
