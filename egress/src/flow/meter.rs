//! The bounds that a rule sets to all its connections together: bytes in all, and bytes per second.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// The least that is waited for, so that a slow rule does not move single bytes: 4 KiB, or a quarter of a second's worth.
const LEAST: u64 = 4 << 10;
/// One second in microseconds.
const SECOND: u128 = 1_000_000;

/// Counts the bytes of one rule, both directions and all connections together. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Rc<Inner>);

/// The counts.
#[derive(Debug)]
struct Inner {
    /// How many bytes are left of the bound.
    left: Cell<u64>,
    /// The token bucket of the rate.
    bucket: Option<Bucket>,
}

/// A token bucket: a token is a byte.
#[derive(Debug)]
struct Bucket {
    /// Tokens per second.
    rate: u64,
    /// How many there are. What was read beyond it is made up for.
    tokens: Cell<u64>,
    /// When they were counted last.
    counted: Cell<Instant>,
}

/// What the bounds say now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// So many bytes may be read, at least 1.
    Bytes(u64),
    /// Nothing before this moment.
    Later(Instant),
    /// Nothing any more.
    Exhausted,
}

impl Meter {
    /// A meter for at most `bytes` in all, at most `rate` bytes per second.
    pub(crate) fn new(bytes: Option<u64>, rate: Option<u64>) -> Self {
        let bucket = rate.map(|rate| Bucket {
            rate: rate.max(1),
            tokens: Cell::new(Bucket::most(rate.max(1))),
            counted: Cell::new(Instant::now()),
        });
        Self(Rc::new(Inner { left: Cell::new(bytes.unwrap_or(u64::MAX)), bucket }))
    }

    /// What may be read now.
    pub(super) fn allowance(&self) -> Allowance {
        let left = self.0.left.get();
        match &self.0.bucket {
            _ if left == 0 => Allowance::Exhausted,
            None => Allowance::Bytes(left),
            Some(bucket) => match bucket.tokens() {
                Ok(tokens) => Allowance::Bytes(left.min(tokens)),
                Err(moment) => Allowance::Later(moment),
            },
        }
    }

    /// Counts what was read.
    pub(super) fn charge(&self, bytes: u64) {
        self.0.left.set(self.0.left.get().saturating_sub(bytes));
        if let Some(bucket) = &self.0.bucket {
            bucket.tokens.set(bucket.tokens.get().saturating_sub(bytes));
        }
    }
}

impl Bucket {
    /// How many tokens are kept at most: a quarter of a second's worth.
    const fn most(rate: u64) -> u64 {
        if rate / 4 > 1 { rate / 4 } else { 1 }
    }

    /// How many tokens there are, or when there will be enough.
    ///
    /// # Errors
    /// The moment from which on there are enough.
    fn tokens(&self) -> Result<u64, Instant> {
        let now = Instant::now();
        let most = Self::most(self.rate);
        let passed = now.duration_since(self.counted.get()).as_micros();
        let gained = u64::try_from(passed * u128::from(self.rate) / SECOND).unwrap_or(u64::MAX);
        if gained > 0 {
            self.tokens.set(self.tokens.get().saturating_add(gained).min(most));
            self.counted.set(now);
        }
        let wanted = LEAST.min(most);
        let tokens = self.tokens.get();
        if tokens >= wanted {
            return Ok(tokens);
        }
        let missing = u128::from(wanted - tokens) * SECOND / u128::from(self.rate) + 1;
        Err(now + Duration::from_micros(u64::try_from(missing).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, Meter};
    use tokio::time::{Instant, sleep_until};

    #[test]
    fn the_last_byte_of_a_bound_is_the_last() {
        let meter = Meter::new(Some(10), None);
        let other = meter.clone();
        assert_eq!(meter.allowance(), Allowance::Bytes(10));
        meter.charge(9);
        assert_eq!(other.allowance(), Allowance::Bytes(1));
        other.charge(1);
        assert_eq!(meter.allowance(), Allowance::Exhausted);
    }

    #[tokio::test(start_paused = true)]
    async fn ten_seconds_at_a_rate_let_ten_seconds_worth_through() {
        for rate in [1, 100, 40_000, 5 << 20] {
            let meter = Meter::new(None, Some(rate));
            let begin = Instant::now();
            let mut moved = 0;
            while begin.elapsed().as_secs() < 10 {
                match meter.allowance() {
                    Allowance::Bytes(count) => {
                        meter.charge(count);
                        moved += count;
                    }
                    Allowance::Later(moment) => sleep_until(moment).await,
                    Allowance::Exhausted => panic!("there is no bound"),
                }
            }
            let wanted = rate * 10;
            assert!(moved >= wanted * 9 / 10 && moved <= wanted + rate / 2 + 1, "{moved} instead of {wanted}");
        }
    }
}
