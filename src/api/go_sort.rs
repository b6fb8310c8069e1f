//! Go's `sort.Sort`, whose order of equal elements kubectl's users see.
//!
//! Mirrors the pattern-defeating quicksort of Go 1.24's `sort`: not stable, but always the same for the same
//! input.

/// Up to so many elements are sorted by insertion, which keeps equal ones in their order.
const MAX_INSERTION: usize = 12;
/// From so many elements on, nine are looked at for a pivot rather than three.
const SHORTEST_NINTHER: usize = 50;
/// Shorter stretches are not put right element by element.
const SHORTEST_SHIFTING: usize = 50;
/// How many pairs may be out of order in a stretch that is put right element by element.
const MAX_STEPS: usize = 5;

/// Sorts as Go does. `less` says whether the first goes before the second; it need not be an order.
pub fn sort<T>(items: &mut [T], less: impl FnMut(&T, &T) -> bool) {
    let n = items.len();
    let limit = usize::BITS - n.leading_zeros();
    Sorter { items, less }.pdqsort(0, n, limit);
}

struct Sorter<'a, T, F> {
    items: &'a mut [T],
    less: F,
}

#[derive(PartialEq, Eq)]
enum Hint {
    Unknown,
    Increasing,
    Decreasing,
}

impl<T, F: FnMut(&T, &T) -> bool> Sorter<'_, T, F> {
    fn less(&mut self, i: usize, j: usize) -> bool {
        (self.less)(&self.items[i], &self.items[j])
    }

    fn swap(&mut self, i: usize, j: usize) {
        self.items.swap(i, j);
    }

    fn insertion_sort(&mut self, a: usize, b: usize) {
        for i in a + 1..b {
            let mut j = i;
            while j > a && self.less(j, j - 1) {
                self.swap(j, j - 1);
                j -= 1;
            }
        }
    }

    fn sift_down(&mut self, first: usize, low: usize, high: usize) {
        let mut root = low;
        loop {
            let mut child = 2 * root + 1;
            if child >= high {
                return;
            }
            if child + 1 < high && self.less(first + child, first + child + 1) {
                child += 1;
            }
            if !self.less(first + root, first + child) {
                return;
            }
            self.swap(first + root, first + child);
            root = child;
        }
    }

    fn heap_sort(&mut self, a: usize, b: usize) {
        let length = b - a;
        for i in (0..=(length - 1) / 2).rev() {
            self.sift_down(a, i, length);
        }
        for i in (0..length).rev() {
            self.swap(a, a + i);
            self.sift_down(a, 0, i);
        }
    }

    fn pdqsort(&mut self, mut a: usize, mut b: usize, mut limit: u32) {
        let (mut balanced, mut partitioned) = (true, true);
        loop {
            let length = b - a;
            if length <= MAX_INSERTION {
                return self.insertion_sort(a, b);
            }
            if limit == 0 {
                return self.heap_sort(a, b);
            }
            if !balanced {
                self.break_patterns(a, b);
                limit -= 1;
            }
            let (mut pivot, mut hint) = self.choose_pivot(a, b);
            if hint == Hint::Decreasing {
                self.items[a..b].reverse();
                pivot = (b - 1) - (pivot - a);
                hint = Hint::Increasing;
            }
            if balanced && partitioned && hint == Hint::Increasing && self.partial_insertion_sort(a, b) {
                return;
            }
            // What stands before is no less than the pivot: many are equal to it.
            if a > 0 && !self.less(a - 1, pivot) {
                a = self.partition_equal(a, b, pivot);
                continue;
            }
            let (middle, already) = self.partition(a, b, pivot);
            partitioned = already;
            let (left, right) = (middle - a, b - middle);
            if left < right {
                balanced = left >= length / 8;
                self.pdqsort(a, middle, limit);
                a = middle + 1;
            } else {
                balanced = right >= length / 8;
                self.pdqsort(middle + 1, b, limit);
                b = middle;
            }
        }
    }

    /// Moves the left end on past what is less than the pivot at `a`, and the right end back past what is not.
    fn narrow(&mut self, a: usize, i: &mut usize, j: &mut usize) {
        while *i <= *j && self.less(*i, a) {
            *i += 1;
        }
        while *i <= *j && !self.less(*j, a) {
            *j -= 1;
        }
    }

    fn partition(&mut self, a: usize, b: usize, pivot: usize) -> (usize, bool) {
        self.swap(a, pivot);
        let (mut i, mut j) = (a + 1, b - 1);
        self.narrow(a, &mut i, &mut j);
        let already = i > j;
        while i <= j {
            self.swap(i, j);
            i += 1;
            j -= 1;
            self.narrow(a, &mut i, &mut j);
        }
        self.swap(j, a);
        (j, already)
    }

    fn partition_equal(&mut self, a: usize, b: usize, pivot: usize) -> usize {
        self.swap(a, pivot);
        let (mut i, mut j) = (a + 1, b - 1);
        loop {
            while i <= j && !self.less(a, i) {
                i += 1;
            }
            while i <= j && self.less(a, j) {
                j -= 1;
            }
            if i > j {
                return i;
            }
            self.swap(i, j);
            i += 1;
            j -= 1;
        }
    }

    /// Puts a stretch right that is almost sorted; says whether it is sorted now.
    fn partial_insertion_sort(&mut self, a: usize, b: usize) -> bool {
        let mut i = a + 1;
        for _ in 0..MAX_STEPS {
            while i < b && !self.less(i, i - 1) {
                i += 1;
            }
            if i == b {
                return true;
            }
            if b - a < SHORTEST_SHIFTING {
                return false;
            }
            self.swap(i, i - 1);
            if i - a >= 2 {
                let mut j = i - 1;
                while j >= 1 && self.less(j, j - 1) {
                    self.swap(j, j - 1);
                    j -= 1;
                }
            }
            if b - i >= 2 {
                let mut j = i + 1;
                while j < b && self.less(j, j - 1) {
                    self.swap(j, j - 1);
                    j += 1;
                }
            }
        }
        false
    }

    /// Scatters three elements, by a generator that is seeded with the length.
    fn break_patterns(&mut self, a: usize, b: usize) {
        let length = b - a;
        if length < 8 {
            return;
        }
        let mut random = length as u64;
        let modulus = 1usize << (usize::BITS - length.leading_zeros());
        let index = a + (length / 4) * 2 - 1;
        for i in 0..3 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut other = random as usize & (modulus - 1);
            if other >= length {
                other -= length;
            }
            self.swap(index + i, a + other);
        }
    }

    fn choose_pivot(&mut self, a: usize, b: usize) -> (usize, Hint) {
        let length = b - a;
        let mut swaps = 0;
        let (mut i, mut j, mut k) = (a + length / 4, a + length / 4 * 2, a + length / 4 * 3);
        if length >= 8 {
            if length >= SHORTEST_NINTHER {
                i = self.median(i - 1, i, i + 1, &mut swaps);
                j = self.median(j - 1, j, j + 1, &mut swaps);
                k = self.median(k - 1, k, k + 1, &mut swaps);
            }
            j = self.median(i, j, k, &mut swaps);
        }
        match swaps {
            0 => (j, Hint::Increasing),
            12 => (j, Hint::Decreasing),
            _ => (j, Hint::Unknown),
        }
    }

    fn median(&mut self, a: usize, b: usize, c: usize, swaps: &mut u32) -> usize {
        let (a, b) = self.in_order(a, b, swaps);
        let (b, _) = self.in_order(b, c, swaps);
        self.in_order(a, b, swaps).1
    }

    fn in_order(&mut self, a: usize, b: usize, swaps: &mut u32) -> (usize, usize) {
        match self.less(b, a) {
            true => {
                *swaps += 1;
                (b, a)
            }
            false => (a, b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sort;

    #[test]
    fn equal_elements_come_in_gos_order() {
        let mut few: Vec<(u8, usize)> = (0..12).map(|i| (1, i)).collect();
        sort(&mut few, |a, b| a.0 < b.0);
        assert!(few.is_sorted());
        let mut more: Vec<usize> = (0..13).collect();
        sort(&mut more, |a, b| a * 7 % 5 < b * 7 % 5);
        assert_eq!(more, [5, 10, 0, 8, 3, 6, 1, 11, 4, 9, 7, 2, 12]);
        let mut all: Vec<(usize, usize)> = (0..200).map(|i| (i * 7 % 5, i)).collect();
        sort(&mut all, |a, b| a.0 < b.0);
        assert!(all.is_sorted_by_key(|x| x.0));
        assert!(!all.is_sorted());
        let mut odd: Vec<usize> = (0..100).collect();
        sort(&mut odd, |_, _| true);
        odd.sort_unstable();
        assert!(odd.into_iter().eq(0..100));
    }
}
