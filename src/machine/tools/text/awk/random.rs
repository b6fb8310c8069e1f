//! The C library's `random`: the same numbers for the same seed.

use serde::{Deserialize, Serialize};

/// A generator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Random {
    state: Vec<u32>,
    at: usize,
}

impl Random {
    /// The generator of a seed.
    pub fn new(seed: u32) -> Random {
        let mut word = if seed == 0 { 1 } else { i64::from(seed as i32) };
        let mut state = vec![word as u32];
        for _ in 1..31 {
            word = 16807 * word % 2_147_483_647;
            if word < 0 {
                word += 2_147_483_647;
            }
            state.push(word as u32);
        }
        let mut random = Random { state, at: 0 };
        // The first ones are thrown away.
        for _ in 0..310 {
            random.next();
        }
        random
    }

    /// The next number, 31 bits.
    pub fn next(&mut self) -> u32 {
        let len = self.state.len();
        let (front, rear) = ((self.at + 3) % len, self.at % len);
        let sum = self.state[front].wrapping_add(self.state[rear]);
        self.state[front] = sum;
        self.at = (self.at + 1) % len;
        sum >> 1
    }
}
