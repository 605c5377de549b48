//! Limits invalid keys per address, in sign-ins and requests. A key has 256 bits and cannot be guessed; the limit
//! keeps such attempts from filling the log.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    mem,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tracing::warn;

/// Failed attempts allowed within [`WINDOW`] of the first.
const ALLOWED: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// Maximum number of remembered addresses. Beyond that, the one with the oldest attempts is forgotten.
const REMEMBERED: usize = 10_000;

/// Failed attempts of the last minute, by address.
#[derive(Debug, Default)]
pub(crate) struct SignInLimit {
    attempts: Mutex<HashMap<IpAddr, Attempts>>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Attempts {
    number: u32,
    /// Time of the first attempt, on the monotonic clock.
    since: Duration,
    /// Hash of the last invalid key sent with a request.
    last_key: Option<u64>,
    /// Whether the limit has been logged.
    is_told: bool,
}

impl SignInLimit {
    /// Counts an attempt before it is made, so that concurrent attempts cannot exceed the limit.
    ///
    /// # Errors
    /// The time to wait, if there were too many attempts.
    pub(crate) fn begin(&self, client: IpAddr, now: Duration) -> Result<(), Duration> {
        let mut attempts = self.lock();
        let known = remembered(&mut attempts, client, now);
        known.check(client, now)?;
        known.number += 1;
        Ok(())
    }

    /// Counts an invalid key that was sent with a request. The same key again does not count: a program that keeps
    /// sending a revoked key is not guessing, and always gets the same response.
    ///
    /// # Errors
    /// The time to wait, if there were too many failed attempts.
    pub(crate) fn failed(&self, client: IpAddr, key: &str, now: Duration) -> Result<(), Duration> {
        let key = self.hasher.hash_one(key);
        let mut attempts = self.lock();
        let known = remembered(&mut attempts, client, now);
        if known.last_key != Some(key) {
            known.check(client, now)?;
            known.last_key = Some(key);
            known.number += 1;
        }
        Ok(())
    }

    /// Takes back a counted attempt that succeeded.
    pub(crate) fn succeeded(&self, client: IpAddr) {
        if let Some(known) = self.lock().get_mut(&client) {
            known.number = known.number.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Attempts>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempts {
    fn check(&mut self, client: IpAddr, now: Duration) -> Result<(), Duration> {
        if self.number < ALLOWED {
            return Ok(());
        }
        if !mem::replace(&mut self.is_told, true) {
            warn!(%client, "{ALLOWED} invalid keys from {client}: its requests are refused for a minute");
        }
        Err((self.since + WINDOW).saturating_sub(now))
    }
}

/// The attempts of an address. The table is bounded in time and size.
fn remembered(attempts: &mut HashMap<IpAddr, Attempts>, client: IpAddr, now: Duration) -> &mut Attempts {
    attempts.retain(|_, known| now < known.since + WINDOW);
    if attempts.len() >= REMEMBERED && !attempts.contains_key(&client) {
        let oldest = attempts.iter().min_by_key(|(_, known)| known.since);
        if let Some(oldest) = oldest.map(|(address, _)| *address) {
            attempts.remove(&oldest);
        }
    }
    attempts.entry(client).or_insert(Attempts {
        number: 0,
        since: now,
        last_key: None,
        is_told: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn ten_attempts_a_minute_may_fail() {
        let (limit, client) = (SignInLimit::default(), "192.0.2.1".parse().unwrap());
        for n in 0..10 {
            limit.begin(client, seconds(n)).unwrap();
        }
        assert_eq!(limit.begin(client, seconds(10)), Err(seconds(50)));
        limit.begin("192.0.2.2".parse().unwrap(), seconds(10)).unwrap();
        assert_eq!(limit.begin(client, seconds(59)), Err(seconds(1)));
        limit.begin(client, seconds(60)).unwrap();
    }

    #[test]
    fn attempts_that_succeed_do_not_count() {
        let (limit, client) = (SignInLimit::default(), "192.0.2.1".parse().unwrap());
        for _ in 0..100 {
            limit.begin(client, seconds(0)).unwrap();
            limit.succeeded(client);
        }
    }

    #[test]
    fn ten_different_keys_a_minute_may_be_wrong() {
        let (limit, client) = (SignInLimit::default(), "192.0.2.1".parse().unwrap());
        for n in 0..10 {
            limit.failed(client, &n.to_string(), seconds(n)).unwrap();
            // A program that keeps sending a revoked key.
            limit.failed(client, &n.to_string(), seconds(n)).unwrap();
        }
        assert_eq!(limit.failed(client, "x", seconds(10)), Err(seconds(50)));
        assert_eq!(limit.begin(client, seconds(10)), Err(seconds(50)));
        let other = "192.0.2.2".parse().unwrap();
        limit.failed(other, "x", seconds(10)).unwrap();
        limit.failed(client, "x", seconds(60)).unwrap();
    }

    #[test]
    fn memory_is_bounded() {
        let limit = SignInLimit::default();
        for n in 0..u32::try_from(REMEMBERED).unwrap() + 100 {
            limit.begin(IpAddr::V4(n.into()), seconds(0)).unwrap();
            limit
                .failed(IpAddr::V4((!n).into()), "wrong", seconds(0))
                .unwrap();
        }
        assert_eq!(limit.lock().len(), REMEMBERED);
    }
}
